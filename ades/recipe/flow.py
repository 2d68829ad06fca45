"""Whether a workflow holds together: what its links point to, what its steps need, whether the types can fit.

Links are written in their short form on the way (`input` or `step/output`), and features that a workflow uses without
asking for them are added to its requirements, with a warning: other runners would refuse the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.recipe.fitting import can_fit, gathered, picked, scattered
from ades.recipe.reading import Node, similar
from ades.recipe.types import optional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.model import JSON
    from ades.recipe.packing import Pack
    from ades.recipe.reading import Reading

MAX_DEPTH: Final = 30
"""How deep workflows can run workflows."""
_MOST_NAMED: Final = 8
_SCATTER: Final = "ScatterFeatureRequirement"
_SUBWORKFLOW: Final = "SubworkflowFeatureRequirement"
_MULTIPLE: Final = "MultipleInputFeatureRequirement"
_EXPRESSION: Final = "StepInputExpressionRequirement"
_REASONS: Final = {
    _SCATTER: "scatters",
    _SUBWORKFLOW: "runs a workflow as a step",
    _MULTIPLE: "links several sources to one input",
    _EXPRESSION: "computes step inputs with `valueFrom`",
}


def asked(process: JSON) -> frozenset[str]:
    """The classes of a process's or step's requirements and hints."""
    return frozenset(item["class"] for key in ("requirements", "hints") for item in process.get(key, ()))


def check(entry: Node, packed: Pack, reading: Reading) -> list[Node]:
    """Check the process and all that it runs; return these, each once, the outermost first."""
    checker = _Checker(packed, reading)
    checker.visit(entry, frozenset(), ())
    return checker.found


class _Checker:
    def __init__(self, packed: Pack, reading: Reading) -> None:
        self.packed = packed
        self.reading = reading
        self.found: list[Node] = []
        self.seen: set[int] = set()

    def visit(self, node: Node, inherited: frozenset[str], trail: tuple[int, ...]) -> None:
        if id(node) in trail:
            self.reading.problem(node.at, f"The workflow `{node.get('id')}` runs itself.")
            return
        if id(node) in self.seen:
            return
        if len(trail) >= MAX_DEPTH:
            self.reading.problem(node.at, f"Workflows can run workflows {MAX_DEPTH} deep at most.")
            return
        self.seen.add(id(node))
        self.found.append(node)
        if node["class"] == "Operation":
            self.reading.problem(node.at, "An `Operation` only describes something; it cannot be executed.")
        if node["class"] == "Workflow":
            self.workflow(node, inherited, (*trail, id(node)))

    def workflow(self, node: Node, inherited: frozenset[str], trail: tuple[int, ...]) -> None:
        inherited |= asked(node)
        scope = _Scope(node, self.target, self.reading)
        for step in node["steps"]:
            self.step(step, scope, inherited, trail)
        for output in node["outputs"]:
            self.output(output, scope)
        self.circle(node)
        self.features(node, scope.features - inherited)

    def target(self, step: JSON) -> Node | None:
        run = step.get("run")
        if isinstance(run, Node):
            return run if "class" in run else None
        return self.packed.processes.get(str(run).removeprefix("#"))

    def step(self, step: JSON, scope: _Scope, inherited: frozenset[str], trail: tuple[int, ...]) -> None:
        target = self.target(step)
        if target is None or "class" not in target:
            return
        if target["class"] == "Workflow":
            scope.features.add(_SUBWORKFLOW)
        scope.step(step, target)
        self.visit(target, inherited | asked(step), trail)

    def output(self, output: JSON, scope: _Scope) -> None:
        if "outputSource" not in output:
            self.reading.warn(f"The output `{output['id']}` has no `outputSource`, so it stays empty.")
            return
        found = scope.linked(output, "outputSource")
        if found is not None and not can_fit(found, output["type"]):
            self.reading.problem(
                output.at,
                f"The output `{output['id']}` is {said(output['type'])}, but "
                f"`{shown(output['outputSource'])}` gives {said(found)}.",
            )

    def circle(self, node: Node) -> None:
        """A step must not wait for itself."""
        steps = {step["id"]: step for step in node["steps"]}
        needs = {
            name: {link.partition("/")[0] for port in step["in"] for link in sources(port, "source") if "/" in link}
            & steps.keys()
            for name, step in steps.items()
        }
        followers: dict[str, list[str]] = {name: [] for name in steps}
        for name, wanted in needs.items():
            for earlier in wanted:
                followers[earlier].append(name)
        ready = [name for name, wanted in needs.items() if not wanted]
        while ready:
            done = ready.pop()
            for name in followers[done]:
                needs[name].discard(done)
                if not needs[name]:
                    ready.append(name)
        if stuck := [name for name, wanted in needs.items() if wanted]:
            names = ", ".join(f"`{name}`" for name in stuck[:_MOST_NAMED])
            self.reading.problem(steps[stuck[0]].at, f"These steps wait for each other in a circle: {names}.")

    def features(self, node: Node, missing: set[str] | frozenset[str]) -> None:
        for name in sorted(missing):
            node.setdefault("requirements", []).append({"class": name})
            self.reading.warn(
                f"The workflow `{node.get('id') or 'of this package'}` {_REASONS[name]} but does not ask for "
                f"`{name}`. It was added; other servers refuse the package without it.",
            )


class _Scope:
    """What links within one workflow can point to."""

    def __init__(self, node: Node, target: Callable[[JSON], Node | None], reading: Reading) -> None:
        self.node = node
        self.reading = reading
        self.features: set[str] = set()
        self.inputs = {port["id"]: port for port in node["inputs"]}
        self.steps = {step["id"]: step for step in node["steps"]}
        self.target = target

    # -- links ------------------------------------------------------------------------------------------------------

    def linked(self, port: JSON, key: str) -> JSON:
        """The type that arrives at a port; None when it cannot be told. Writes the links in their short form."""
        links = [self.shortened(source) for source in sources(port, key)]
        if not links:
            return None
        several = isinstance(port[key], list) and (len(links) != 1 or "linkMerge" in port)
        if isinstance(port[key], list):
            port[key] = links if several else links[0]
        else:
            port[key] = links[0]
        if several:
            self.features.add(_MULTIPLE)
        found = [self.type_of(link, port) for link in links]
        if any(kind is None for kind in found):
            return None
        merged = gathered(found, port.get("linkMerge", "merge_nested")) if several or "linkMerge" in port else found[0]
        return picked(merged, port["pickValue"]) if "pickValue" in port else merged

    def shortened(self, link: str) -> str:
        own, rest = self.node.get("id"), link.rpartition("#")[2].partition("/")[2]
        # `#a/b` in a workflow `a` with a step `a`: its input b if it has one, otherwise the output b of the step
        return short_link(link, own if own not in self.steps or "/" in rest or rest in self.inputs else None)

    def type_of(self, link: str, port: JSON) -> JSON:
        name, slash, output = link.partition("/")
        if not slash:
            if name in self.inputs:
                return self.inputs[name]["type"]
            outputs = self.steps[name]["out"] if name in self.steps else []
            known = [*self.inputs, *(f"{step}/{out}" for step, found in self.steps.items() for out in found["out"])]
            advice = f" Write `{name}/{outputs[0]}`." if outputs else similar(name, known)
            what = "no input" if not outputs else "a step, not an input"
            self.reading.problem(
                port.at, f"`{port['id']}` takes its value from `{name}`, which is {what} of the workflow.{advice}"
            )
            return None
        step = self.steps.get(name)
        if step is None:
            self.reading.problem(
                port.at, f"`{port['id']}` takes its value from `{link}`, but there is no step `{name}`."
                f"{similar(name, self.steps)}",
            )  # fmt: skip
        elif output not in step["out"]:
            self.reading.problem(
                port.at,
                f"`{port['id']}` takes its value from `{link}`, but the step `{name}` does not list `{output}` "
                f"under `out`.{similar(output, step['out'])}",
            )
        else:
            return self.output_type(step, output)
        return None

    def output_type(self, step: JSON, output: str) -> JSON:
        target = self.target(step)
        found = next((port for port in target["outputs"] if port["id"] == output), None) if target else None
        if found is None:
            return None
        kind = scattered(found["type"], step)
        return ["null", *(kind if isinstance(kind, list) else [kind])] if "when" in step else kind

    # -- steps ------------------------------------------------------------------------------------------------------

    def step(self, step: JSON, target: Node) -> None:
        wanted = {port["id"]: port for port in target["inputs"]}
        given = {port["id"]: port for port in step["in"]}
        self.scatter(step, given)
        for port in step["in"]:
            self.step_input(step, port, wanted.get(port["id"]))
        self.missing(step, target, wanted, given)
        offered = {port["id"] for port in target["outputs"]}
        for name in step["out"]:
            if name not in offered:
                self.reading.problem(
                    step.at,
                    f"The step `{step['id']}` lists the output `{name}`, but `{_title(target)}` has no such output."
                    f"{similar(name, offered)}",
                )

    def scatter(self, step: JSON, given: dict[str, JSON]) -> None:
        names = over(step)
        if "scatter" in step:
            self.features.add(_SCATTER)
        for name in names:
            if name not in given:
                self.reading.problem(
                    step.at,
                    f"The step `{step['id']}` scatters over `{name}`, which is not under its `in`.{similar(name, given)}",
                )
        if len(names) > 1 and "scatterMethod" not in step:
            self.reading.problem(
                step.at,
                f"The step `{step['id']}` scatters over several inputs and must say how: `scatterMethod: dotproduct`.",
            )

    def step_input(self, step: JSON, port: JSON, wanted: JSON) -> None:
        if "valueFrom" in port:
            self.features.add(_EXPRESSION)
        if "source" not in port or port["source"] == []:
            return
        found = self.linked(port, "source")
        if found is None or wanted is None or "valueFrom" in port:
            return
        kind = wanted["type"]
        if port["id"] in over(step):
            kind = {"type": "array", "items": kind}
        if not can_fit(found, kind):
            self.reading.problem(
                port.at,
                f"The step `{step['id']}` wants {said(kind)} as `{port['id']}`, but `{shown(port['source'])}` gives "
                f"{said(found)}.",
            )

    def missing(self, step: JSON, target: Node, wanted: dict[str, JSON], given: dict[str, JSON]) -> None:
        for name, port in wanted.items():
            entry = given.get(name, {})
            if optional(port["type"]) or "default" in port or port["type"] == "Any":
                continue
            if not entry.keys() & {"source", "default", "valueFrom"}:
                self.reading.problem(
                    step.at,
                    f"The step `{step['id']}` does not set the input `{name}`, which `{_title(target)}` needs."
                    f"{similar(name, given.keys() - wanted.keys())}",
                )


def write_out_links(process: JSON) -> None:
    """Make the links of a workflow absolute: a short one could also mean a field of a record of the same name."""
    ports = [(port, "outputSource") for port in process.get("outputs", ())]
    ports += [(port, "source") for step in process.get("steps", ()) for port in step["in"]]
    for port, key in ports:
        found = port.get(key)
        if isinstance(found, list):
            port[key] = [f"#{process['id']}/{link}" for link in found]
        elif found is not None:
            port[key] = f"#{process['id']}/{found}"


def over(step: JSON) -> list[str]:
    """The inputs over which a step scatters."""
    found = step.get("scatter", [])
    return found if isinstance(found, list) else [found]


def sources(port: JSON, key: str) -> Iterator[str]:
    """The links of a port, as they are written."""
    found = port.get(key, [])
    yield from found if isinstance(found, list) else [found]


def short_link(link: str, workflow: str | None) -> str:
    """A link as `input` or `step/output`."""
    parts = [part for part in link.rpartition("#")[2].split("/") if part]
    if len(parts) > 1 and parts[0] == workflow:
        parts = parts[1:]
    return "/".join(parts[-2:])


def shown(link: JSON) -> str:
    """Links, for a message."""
    return ", ".join(link) if isinstance(link, list) else str(link)


def said(kind: JSON) -> str:
    """A type, for a message."""
    match kind:
        case str():
            return f"`{kind}`"
        case list() if len(kind) == 2 and kind[0] == "null" and isinstance(kind[1], str):  # noqa: PLR2004 - T?
            return f"`{kind[1]}?`"
        case list():
            return " or ".join(said(item) for item in kind)
        case {"type": "array", "items": str() as item}:
            return f"`{item}[]`"
        case {"type": "array"}:
            return f"a list of {said(kind['items'])}"
        case _:
            return f"a {kind['type']}"


def _title(process: Node) -> str:
    return str(process.get("id") or process["class"])
