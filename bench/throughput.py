"""(b) 200 jobs that do nothing, two at a time: jobs a second."""

import time

from bench.house import house, table
from bench.packages import NOOP

JOBS = 200


def main():
    with house(packages=[NOOP], slots=2) as (_, client):
        for _ in range(4):
            client.until_done(client.submit("noop"))
        began = time.perf_counter()
        for _ in range(JOBS):
            client.submit("noop")
        submitted = time.perf_counter() - began
        while client.call("GET", "/jobs?status=accepted,running&limit=1")[1]["jobs"]:
            time.sleep(0.02)
        whole = time.perf_counter() - began
    table(
        ("200 jobs, 2 slots", ""),
        [
            ("submitted", f"{JOBS / submitted:.0f} jobs/s"),
            ("finished, counted from the first submit", f"{JOBS / whole:.1f} jobs/s"),
        ],
    )


if __name__ == "__main__":
    main()
