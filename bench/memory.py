"""(f) Memory of server and worker together, idle and after use (PSS: what is shared counts once)."""

import time

from bench.house import house, pss, table
from bench.packages import NOOP, scatter


def main():
    with house(packages=[NOOP, scatter(50)], slots=2) as (server, client):
        time.sleep(2)
        rows = [("after the start, before the first job", f"{pss(server.pid):.0f} MB")]
        for _ in range(50):
            client.until_done(client.submit("noop"))
        client.until_done(client.submit("scatter50"))
        time.sleep(2)
        rows.append(("after 50 jobs and a scatter of 50", f"{pss(server.pid):.0f} MB"))
    table(("server, web process, worker, warm parent", "PSS"), rows)


if __name__ == "__main__":
    main()
