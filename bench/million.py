"""(e) The status of a job and the list of jobs over HTTP with 1,000,000 jobs in SQLite, CPU on the test client."""

import sys
import tempfile
import time
from pathlib import Path

from bench.house import median, ms, table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "perf"))

from test_store_million import filled, job_id

from ades.app import create_app
from ades.settings import Settings

JOBS = 1_000_000


def cost(client, path):
    """Seconds of processor time of one request."""
    times = []
    for _ in range(60):
        began = time.process_time()
        assert client.get(path).status_code == 200, path
        times.append(time.process_time() - began)
    return median(times)


def main():
    with tempfile.TemporaryDirectory(prefix="ades-bench-") as folder:
        settings = Settings(data=Path(folder), log_level="error")
        with filled(settings.database_url, JOBS) as store:
            middle = next(job for job in map(job_id, range(JOBS)) if store.jobs.get(job).calling == "demo")
        client = create_app(settings).test_client()
        root = "/demo/ogc-api/jobs"
        first = client.get(f"{root}?limit=10").get_json()
        following = next(link["href"] for link in first["links"] if link["rel"] == "next")
        rows = [
            ("status of a job", ms(cost(client, f"{root}/{middle}"))),
            ("ten jobs, the newest", ms(cost(client, f"{root}?limit=10"))),
            ("ten jobs, the next page", ms(cost(client, following))),
            ("ten failed jobs", ms(cost(client, f"{root}?limit=10&status=failed"))),
        ]
    table(("with 1,000,000 jobs", "CPU of one request"), rows)


if __name__ == "__main__":
    main()
