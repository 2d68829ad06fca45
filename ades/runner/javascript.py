"""JavaScript expressions of CWL in QuickJS: no Node needed, a third of a millisecond each, bounded in time and memory.

Each expression gets a context of its own, so that nothing is left behind for the next one.
"""

from __future__ import annotations

import json
from typing import Any

from _quickjs import Context, JSException, StackOverflow
from cwl_utils.errors import JavascriptException
from cwl_utils.sandboxjs import NodeJSEngine, code_fragment_to_js, set_js_engine

_EXPONENT = 1e21
"""From here on JavaScript writes whole numbers as 1e+21, which is no integer to Python."""
_STACK = 512 * 1024
"""Below what a thread of musl leaves, and enough for a recursion of a thousand."""


class QuickJS(NodeJSEngine):
    """The engine as cwl-utils wants it. References to parameters are resolved by the class above, without JavaScript."""

    def __init__(self, seconds: float, memory: int) -> None:
        super().__init__()
        self.seconds = seconds
        self.memory = memory

    def eval(self, scan: str, jslib: str = "", timeout: float = 20, **_: Any) -> Any:
        """The value of an expression `(…)` or a body `{…}`."""
        context = Context()
        context.set_memory_limit(self.memory)
        context.set_max_stack_size(_STACK)
        context.set_time_limit(min(self.seconds, timeout))
        try:
            return _value(context.eval(code_fragment_to_js(scan, jslib)))
        except (JSException, StackOverflow, MemoryError) as error:
            raise JavascriptException(self._complaint(str(error), scan)) from error

    def _complaint(self, said: str, scan: str) -> str:
        if "interrupted" in said:
            said = f"It did not end within {self.seconds:g} seconds"
        elif said.strip() in {"", "null"} or "out of memory" in said:
            said = f"It needed more than {self.memory // 1024**2} MiB of memory"
        return f"{said.splitlines()[0]}, in the expression {scan.strip():.500}"


def _value(said: Any) -> Any:
    """What Node prints through JSON.stringify: objects by value, undefined as null."""
    if hasattr(said, "json"):
        text = said.json()
        return None if text is None else json.loads(text)
    if isinstance(said, float) and said.is_integer() and abs(said) < _EXPONENT:
        return int(said)
    if isinstance(said, float) and (said != said or said in {float("inf"), float("-inf")}):  # noqa: PLR0124 - not a number
        return None
    return said


def use(engine: str, seconds: float, memory: int) -> None:
    """Evaluate expressions in `quickjs` or in `node` from now on."""
    set_js_engine(QuickJS(seconds, memory) if engine == "quickjs" else NodeJSEngine())
