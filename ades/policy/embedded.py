"""The policy in this process, by the Rego interpreter of rego-cpp.

An interpreter holds its input between two calls, so two threads that share one get each other's answers. There is one
for each core, and a decision has one for itself as long as it takes; more would cost memory and decide no faster.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections import deque
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import orjson

from ades.errors import Misconfigured, Unavailable
from ades.policy import Decision, library
from ades.policy.answer import understood
from ades.policy.document import document, essence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ades.policy import Question

_PATIENCE: Final = 5.0
"""Seconds that a decision waits for a free interpreter; each takes less than a millisecond."""

_TRIAL: Final = """\
import sys, regopy
interpreter = regopy.Interpreter()
interpreter.add_module("policy", sys.stdin.read())
bundle = interpreter.build(sys.argv[1])
interpreter.set_input({})
sys.exit(not (bundle.ok() and interpreter.query_bundle(bundle).ok()))
"""


def shipped() -> str:
    """The policy file of this package."""
    return resources.files("ades.policy").joinpath("policy.rego").read_text(encoding="utf-8")


class EmbeddedPolicy:
    """The shipped policy, or a file of the operator's."""

    def __init__(self, file: Path | None = None, rule: str = "ades/decision", size: int | None = None) -> None:
        source = shipped() if file is None else _read(file)
        query = _reference(rule)
        # What the shipped file does not read, it is not told: half the time of a decision is handing over the input.
        self.key = essence if file is None else document
        if file is not None:
            _try(file, source, query)
        self._pool = _Pool([_Interpreter(source, query) for _ in range(size or os.cpu_count() or 1)])

    def check(self, question: Question) -> Decision:
        """Decide one question."""
        return self.check_many([question])[0]

    def check_many(self, questions: list[Question]) -> list[Decision]:
        """Decide several with one interpreter."""
        with self._pool.one() as interpreter:
            return [self._decide(interpreter, question) for question in questions]

    def _decide(self, interpreter: _Interpreter, question: Question) -> Decision:
        told = self.key(question)
        # The interpreter reads a text only up to a NUL: `alice\\0x` would be taken for `alice`.
        if b"\\u0000" in orjson.dumps(told):
            return Decision(False, ("the question holds a character that no name can have",))
        return understood(interpreter.answer(told))


class _Interpreter:
    """One interpreter with the policy compiled, for one thread at a time."""

    def __init__(self, source: str, query: str) -> None:
        regopy = library.load()
        self._rego = regopy.Interpreter()
        try:
            self._rego.add_module("policy", source)
            self._bundle = self._rego.build(query)
        except regopy.RegoError as error:
            raise Misconfigured(f"The policy cannot be compiled: {error}", field="policy") from error

    def answer(self, told: dict[str, Any]) -> object:
        """The value of the rule; None when it is undefined or cannot be computed."""
        self._rego.set_input(told)
        output = self._rego.query_bundle(self._bundle)
        if not output.ok() or not len(output) or not output[0].expressions:
            return None
        return output[0].expressions[0]


class _Pool:
    """Interpreters to borrow. Who has waited longest is next: nobody starves, however many threads there are."""

    def __init__(self, interpreters: list[_Interpreter]) -> None:
        self._lock = threading.Lock()
        self._free = interpreters
        self._waiting: deque[queue.SimpleQueue[_Interpreter]] = deque()

    @contextmanager
    def one(self) -> Iterator[_Interpreter]:
        """Borrow one."""
        interpreter = self._take()
        try:
            yield interpreter
        finally:
            self._give(interpreter)

    def _take(self) -> _Interpreter:
        with self._lock:
            if self._free:
                return self._free.pop()
            hand: queue.SimpleQueue[_Interpreter] = queue.SimpleQueue()
            self._waiting.append(hand)
        try:
            return hand.get(timeout=_PATIENCE)
        except queue.Empty:
            with self._lock:
                if hand in self._waiting:
                    self._waiting.remove(hand)
                    raise Unavailable("The policy is too busy to decide; try again a little later.") from None
            return hand.get()  # given in the very last moment

    def _give(self, interpreter: _Interpreter) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().put(interpreter)
            else:
                self._free.append(interpreter)


def _reference(rule: str) -> str:
    """A path like `platform/run-time/ades` as Rego writes it."""
    return "data" + "".join(f"[{orjson.dumps(part).decode()}]" for part in rule.split("/"))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The policy {file} cannot be read: {error}", field="policy") from error


def _try(file: Path, source: str, query: str) -> None:
    """Compile a file for the first time elsewhere, because the compiler ends the whole process on some mistakes."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-c", _TRIAL, query],
        input=source,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise Misconfigured(f"The policy {file} cannot be compiled: {said}", field="policy")
