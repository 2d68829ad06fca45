"""(a) A job that does nothing, over HTTP from submit to successful, against the cwltool command for the same tool."""

import json
import tempfile
import time
from datetime import datetime
from pathlib import Path

from bench.house import CWLTOOL, cpu, house, median, ms, run_command, table
from bench.packages import NOOP

JOBS = 30


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noop.cwl"
        path.write_text(json.dumps(NOOP))
        run_command(*CWLTOOL, str(path))
        command = [run_command(*CWLTOOL, str(path)) for _ in range(5)]
    bare = [run_command("true")[0] for _ in range(20)]
    with house(packages=[NOOP], slots=2) as (server, client):
        for _ in range(5):
            client.until_done(client.submit("noop"))
        before, walls = cpu(server.pid), []
        for _ in range(JOBS):
            began = time.time()
            document = client.until_done(client.submit("noop"), 0.02)
            walls.append(datetime.fromisoformat(document["finished"]).timestamp() - began)
            time.sleep(0.05)
        used = (cpu(server.pid) - before) / JOBS
    wall, tool_wall, tool_cpu = median(walls), median([c[0] for c in command]), median([c[1] for c in command])
    table(
        ("", "wall", "CPU of all processes"),
        [
            ("the bare tool", ms(median(bare)), ""),
            ("cwltool, a new process", ms(tool_wall), ms(tool_cpu)),
            ("ADES, submit to successful", ms(wall), ms(used)),
            ("ratio", f"1/{tool_wall / wall:.0f}", f"1/{tool_cpu / used:.0f}"),
        ],
    )


if __name__ == "__main__":
    main()
