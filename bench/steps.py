"""(c) and (d): what one more step costs, in a scatter and in a chain, against `cwltool --parallel`."""

import json
import tempfile
import time
from pathlib import Path

from bench.house import CWLTOOL, house, ms, run_command, table
from bench.packages import chain, scatter

CASES = {"scatter": (scatter, 20, 200), "chain": (chain, 10, 50)}


def marginal(time_of, small, large):
    """Seconds for one more step: the better of two runs of each size."""
    times = {size: min(time_of(size) for _ in range(2)) for size in (small, large)}
    return (times[large] - times[small]) / (large - small)


def by_cwltool(make, small, large, folder):
    for size in (small, large):
        (folder / f"{size}.cwl").write_text(json.dumps(make(size)))
    return marginal(lambda size: run_command(*CWLTOOL, "--parallel", str(folder / f"{size}.cwl"))[0], small, large)


def by_ades(make, small, large):
    with house(packages=[make(small), make(large)], slots=1) as (_, client):

        def run(size):
            began = time.perf_counter()
            client.until_done(client.submit(make(size)["id"]), 0.01)
            return time.perf_counter() - began

        run(small)
        return marginal(run, small, large)


def main():
    rows = []
    for name, (make, small, large) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            theirs = by_cwltool(make, small, large, Path(folder))
        ours = by_ades(make, small, large)
        rows.append((f"{name} of {large}", ms(theirs), ms(ours), f"{ours / theirs:.2f}"))
    table(("one more step", "cwltool --parallel", "ADES", "ratio"), rows)


if __name__ == "__main__":
    main()
