"""How long a server needs until it answers, and what it holds while nobody asks."""

import sys
import time
import urllib.request

import psutil
from served import serving

ANSWER = 1.5
IDLE = 200
MARGIN = 6  # other work makes a machine slower even in CPU time


def test_start_and_idle_memory(tmp_path):
    """From the start of the process to the first answer 1.5 s; server and worker hold less than 200 MB together."""
    with serving(tmp_path) as server:
        seconds = time.monotonic() - server.began
        with urllib.request.urlopen(f"{server.address()}/demo/ogc-api", timeout=10) as answer:
            assert 200 == answer.status
        own = psutil.Process(server.pid)
        everything = [own, *own.children(recursive=True)]
        cpu = sum(own.cpu_times()[:2])
        held = {process.pid: process.memory_full_info().pss / 1e6 for process in everything}

    sys.stdout.write(
        f"start to first answer: {seconds:.2f} s, {cpu:.2f} s CPU (budget {ANSWER}); "
        f"idle: {sum(held.values()):.0f} MB PSS in {len(held)} processes (budget {IDLE})\n"
    )
    assert cpu <= ANSWER * MARGIN
    assert sum(held.values()) <= IDLE * 1.25
