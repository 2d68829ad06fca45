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
        answers = self._ask({"container": wanted})
        while "progress" in (answer := answers.get()):
            on_progress(*answer["progress"])
        if "refused" in answer:
            raise RunFailed(Failure(Reason(answer["refused"]["reason"]), answer["refused"]["message"]))
        return Ran(**answer["ran"])

    def lacks(self, image: str) -> str | None:
        """Have an image brought; why it cannot be used, or None."""
        complaint: str | None = self._ask({"image": image}).get()["lacks"]
        return complaint

    def _ask(self, what: dict[str, Any]) -> SimpleQueue[dict[str, Any]]:
        number = next(self._numbers)
        answers = self._waiting[number] = SimpleQueue()
        self._write(orjson.dumps({**what, "number": number}, option=orjson.OPT_APPEND_NEWLINE))
        return answers

    def _listen(self) -> None:
        lines = Lines()
        while chunk := os.read(self._answers, 65536):
            for line in lines.feed(chunk):
                answer = orjson.loads(line)
                waiting = self._waiting[answer["number"]]
                if "progress" not in answer:
                    del self._waiting[answer["number"]]
                waiting.put(answer)
