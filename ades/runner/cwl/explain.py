"""What an error of cwltool means to the person who wrote the package or sent the inputs."""

from __future__ import annotations

import json
import re
from typing import Final

from cwltool.errors import UnsupportedRequirement, WorkflowException
from schema_salad.exceptions import ValidationException

from ades.model import Failure, Reason
from ades.runner.failures import RunFailed, of_system

_MEANINGS: Final = (
    ("Expression evaluation error", Reason.EXPRESSION, "An expression could not be evaluated"),
    ("Syntax error in parameter reference", Reason.EXPRESSION, "An expression could not be evaluated"),
    ("'when' must evaluate", Reason.EXPRESSION, "An expression gave the wrong kind of value"),
    ("Missing required secondary file", Reason.OUTPUT_MISSING, "An output is incomplete"),
    ("Did not find output file", Reason.OUTPUT_MISSING, "An output is missing"),
    ("All sources for", Reason.PACKAGE, "The workflow could not choose a value"),
    ("Invalid job input record", Reason.INVALID_INPUT, "The inputs do not fit the package"),
    ("not found or is not a regular", Reason.INVALID_INPUT, "An input file is not there"),
    ("Missing required secondary", Reason.INVALID_INPUT, "An input is incomplete"),
    ("scatter", Reason.PACKAGE, "The scatter cannot be made"),
    ("Requested at least", Reason.UNSCHEDULABLE, "The package needs more than this job may use"),
    ("Error validating output record", Reason.OUTPUT_INVALID, "An output is not what the package promises"),
    ("Error collecting output", Reason.OUTPUT_INVALID, "An output could not be collected"),
    ("Multiple matches for output", Reason.OUTPUT_INVALID, "An output is ambiguous"),
    ("must be within designated output", Reason.OUTPUT_INVALID, "An output lies outside of the folder of its step"),
    ("illegal characters", Reason.INVALID_INPUT, "A file has a name that CWL does not allow"),
)

_PLACE: Final = re.compile(r"(?:file|_):\S*?:\d+:\d+:\s*|file://\S*?#|\S*package\.cwl#?|file:///")
_BULLET: Final = re.compile(r"^[\s*\-]+")


def explain(error: BaseException | str, step: str | None = None, doing: str = "the job was run") -> Failure:
    """The failure that an error means. Never a stack trace, and no places in files that nobody has."""
    if isinstance(error, RunFailed):
        found = error.failure
        return Failure(found.reason, found.message, step or found.step)
    reason, message = _meaning(error, doing)
    return Failure(reason, message, step)


def _meaning(error: BaseException | str, doing: str) -> tuple[Reason, str]:
    if isinstance(error, OSError):
        system = of_system(error, doing)
        return system.reason, system.message
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        return Reason.OUTPUT_INVALID, f"The step wrote a cwl.output.json that is not valid JSON: {error}."
    text = str(error)
    if isinstance(error, UnsupportedRequirement):
        return Reason.PACKAGE, _sentence("The package needs something that is not supported", text)
    for words, reason, meaning in _MEANINGS:
        if words in text:
            return reason, _sentence(meaning, text)
    ours = isinstance(error, (WorkflowException, ValidationException, str))
    return Reason.PACKAGE, _sentence(f"The package cannot be run{'' if ours else f' ({type(error).__name__})'}", text)


def _sentence(meaning: str, text: str) -> str:
    detail = plain(text)
    return f"{meaning}: {detail}" if detail else f"{meaning}."


def plain(text: str, lines: int = 4) -> str:
    """The lines of a message that say something, without the places in files, on one line."""
    kept: list[str] = []
    for line in text.splitlines():
        if line.startswith("Traceback"):
            break
        bare = _BULLET.sub("", _PLACE.sub("", line)).strip()
        if bare and bare not in kept and bare not in _EMPTY:
            kept.append(bare)
    return " ".join(kept[:lines])[:1000]


_EMPTY: Final = frozenset({"Invalid job input record:", "Expression evaluation error:", "in {", "{", "}"})
