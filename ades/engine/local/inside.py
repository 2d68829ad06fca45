"""What runs in the sandbox of a job: process 1, which runs the package and tells how it goes.

It knows what is to be run and nothing else: no settings, no credentials, no way to the server but one pipe.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from ades.engine.local.asking import Asking
from ades.engine.local.probe import Isolation
from ades.engine.local.sandbox import Sandbox, confine, enter, private_network
from ades.engine.local.wire import read_line
from ades.model import Failure, Reason
from ades.runner import linux
from ades.runner.cwl import Way
from ades.runner.events import encode
from ades.runner.failures import RunFailed
from ades.runner.logs import Logs
from ades.runner.main import Plan, execute

if TYPE_CHECKING:
    from ades.runner.events import Event


def wait_and_run(plans: int, events: int, isolation: Isolation) -> NoReturn:
    """Wait for a plan, carry it out, and end."""
    linux.die_with_parent(signal.SIGKILL)
    line, _ = read_line(plans)
    if line:
        last = _carry_out(orjson.loads(line), plans, events, isolation)
        _write(events, orjson.dumps(last, option=orjson.OPT_APPEND_NEWLINE))
    os._exit(0)


def _carry_out(order: dict[str, Any], plans: int, events: int, isolation: Isolation) -> dict[str, Any]:
    plan = Plan.from_json(orjson.dumps(order["plan"]))
    folder = Path(order["folder"])
    lock = threading.Lock()

    def emit(event: Event) -> None:
        write(encode(event))

    def write(line: bytes) -> None:
        with lock:
            _write(events, line)

    try:
        logs = Logs(folder)
        isolate_network = _go_in(plan, folder, order, isolation)
        # It has a thread, and only who has none can enter.
        asking = Asking(plans, write) if order["containers"] else None
        return {"outputs": execute(plan, folder, logs, emit, isolate_network, _way(asking))}
    except RunFailed as error:
        return {"failure": error.failure}
    except Exception as error:  # noqa: BLE001 - the border of a job
        words = f"{type(error).__name__}: {error}"
        return {"failure": Failure(Reason.INTERNAL, f"The job could not be run on this machine: {words}")}


def _way(asking: Asking | None) -> Way | None:
    """How tools are run: in containers where there are some."""
    if asking is None:
        return None
    from ades.runner.cwl.container import ContainerTool, YardContext

    def context(words: dict[str, Any]) -> YardContext:
        made = YardContext({**words, "use_container": True})
        made.yard, made.replaced = asking, set()
        return made

    return Way(tool=ContainerTool, context=context)


def _go_in(plan: Plan, folder: Path, order: dict[str, Any], isolation: Isolation) -> Any:
    """Enter the sandbox; what takes the network from single tools, if some may use it and others not."""
    _be_first_to_go()
    if isolation is not Isolation.NAMESPACES:
        os.chdir(folder)
        confine()
        return None
    split = plan.network and plan.document.executable["kind"] == "cwl"
    enter(
        Sandbox(
            folder,
            hidden=tuple(map(Path, order["hidden"])),
            readable=tuple(map(Path, plan.readable)),
            software=tuple(map(Path, order["software"])),
            memory=plan.document.limits.memory,
            network=plan.network,
            split_network=split,
        )
    )
    return private_network if split else None


def _be_first_to_go() -> None:
    """When the memory of the machine runs out, jobs end before the server does."""
    Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
