"""How the inside of a sandbox gets containers: it asks the keeper, which stands outside, and waits for the answer."""

from __future__ import annotations

import os
import threading
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import orjson

from ades.engine.local.wire import Lines
from ades.model import Failure, Reason
from ades.runner.command import Ran
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.runner.container import Wanted


class Asking:
    """The inside's end; a `Yard`."""

    def __init__(self, answers: int, write: Callable[[bytes], None]) -> None:
        self._answers = answers
        self._write = write
        self._numbers = count()
        self._waiting: dict[int, SimpleQueue[dict[str, Any]]] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def __call__(self, wanted: Wanted, on_progress: Callable[[int, str], None]) -> Ran:
        """Have a container run; how it ended."""
        number = next(self._numbers)
        answers = self._waiting[number] = SimpleQueue()
        self._write(orjson.dumps({"container": wanted, "number": number}, option=orjson.OPT_APPEND_NEWLINE))
        while True:
            answer = answers.get()
            if "progress" in answer:
                on_progress(*answer["progress"])
                continue
            del self._waiting[number]
            if "refused" in answer:
                raise RunFailed(Failure(Reason(answer["refused"]["reason"]), answer["refused"]["message"]))
            return Ran(**answer["ran"])

    def _listen(self) -> None:
        lines = Lines()
        while chunk := os.read(self._answers, 65536):
            for line in lines.feed(chunk):
                answer = orjson.loads(line)
                self._waiting[answer["number"]].put(answer)
