"""A log is read to the byte, wherever its connections break."""

import random
from datetime import datetime

import pytest

from ades.engine.kubernetes.api import ApiError
from ades.engine.kubernetes.tail import Tail

STAMPS = [f"2026-05-01T08:00:0{second}.{part}+02:00" for second in range(3) for part in ("000000001", "5", "500000001")]


class Kubelet:
    """Hands out a log in pieces of any size, and breaks off where it likes."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        lines = sorted((chance.choice(STAMPS), chance.randbytes(chance.randrange(9)).hex()) for _ in range(20))
        self.lines = [(stamp, f"{text}\n".encode()) for stamp, text in lines]
        self.forgotten = 0
        self.shown = 0

    def rotate(self) -> None:
        """Put away what was printed, between two lines of different times."""
        last, following = self.lines[max(0, self.shown - 1) : self.shown + 1] if 0 < self.shown < 20 else (None, None)
        if last and following and last[0] != following[0]:
            self.forgotten = self.shown

    def printed(self, lines: int) -> bytes:
        return b"".join(text for _, text in self.lines[:lines])

    def pieces(self, _path, _silence, **query):
        since = datetime.fromisoformat(query.get("sinceTime", "1970-01-01T00:00:00Z"))
        lines = [
            f"{stamp} ".encode() + text
            for stamp, text in self.lines[self.forgotten : self.shown]
            if datetime.fromisoformat(stamp[:19] + stamp[-6:]) >= since
        ]
        said = b"unable to say more\n" + b"".join(lines)
        end = len(said) if self.chance.random() < 0.5 else self.chance.randrange(len(said))
        at = 0
        while at < end:
            size = self.chance.randrange(1, 40)
            yield said[at : min(at + size, end)]
            at += size
        if end < len(said):
            raise ApiError(0, "Cut", "The connection broke")


@pytest.mark.parametrize("seed", range(40))
def test_each_line_is_read_once_wherever_a_connection_breaks(seed):
    """Also where many lines have the same time, and where the kubelet has put the beginning away meanwhile."""
    chance = random.Random(seed)
    kubelet = Kubelet(chance)
    tail = Tail(kubelet, "/log", "uid", "step")
    for kubelet.shown in range(0, 21, 4):
        for _ in range(20):
            try:
                tail.catch_up()
            except ApiError:
                assert kubelet.printed(kubelet.shown).startswith(tail.read(0, None))
                continue
            break
        assert kubelet.printed(kubelet.shown) == tail.read(0, None)
        if chance.random() < 0.5:
            kubelet.rotate()
