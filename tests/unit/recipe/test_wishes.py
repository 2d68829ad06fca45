"""What a package asks for is known before it runs, except where an expression says it."""

import json
import math

from ades.recipe import compile_package, read
from ades.recipe.wishes import Wish, wishes


def tool(name="tool", **more):
    return {
        "cwlVersion": "v1.2", "class": "CommandLineTool", "id": name, "baseCommand": "true", "inputs": {"n": "int?"},
        "outputs": {}, **more,
    }  # fmt: skip


def needs(**amounts):
    return {"ResourceRequirement": amounts}


def asked(package):
    return wishes(compile_package(read(json.dumps(package).encode(), "application/cwl+json")).executable)


def flow(steps, **more):
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "id": "flow",
        "inputs": {},
        "outputs": {},
        "steps": steps,
        **more,
    }


def step(run, **more):
    return {"run": run, "in": {}, "out": [], **more}


def test_a_tool_asks_for_what_it_states():
    """Cores, memory, disk and time, each under the name that stands in the package; the least counts before the most."""
    stated = needs(coresMin=4, ramMin=2048, ramMax=4096, outdirMax=10) | {"ToolTimeLimit": {"timelimit": 60}}
    assert (
        Wish("tool", "coresMin", 4),
        Wish("tool", "ramMin", 2048),
        Wish("tool", "outdirMax", 10),
        Wish("tool", "ToolTimeLimit", 60),
    ) == asked(tool(requirements=stated))


def test_nothing_is_asked_for_by_defaults():
    """CWL's defaults are nobody's wish, and what is no CWL has none."""
    assert () == asked(tool())
    assert () == wishes({"kind": "native", "processor": {}})


def test_an_expression_asks_for_who_knows_what():
    """It is known when the step starts."""
    assert (Wish("tool", "ramMin", math.inf),) == asked(tool(requirements=needs(ramMin="$(inputs.n)")))


def test_hints_count_and_give_way():
    """A requirement goes before a hint, wherever they stand; of two requirements the inner one holds."""
    assert (Wish("tool", "coresMin", 2),) == asked(tool(hints=needs(coresMin=2)))
    around = flow({"one": step(tool(hints=needs(coresMin=2)))}, requirements=needs(coresMin=8))
    assert [8] == [wish.amount for wish in asked(around)]
    inside = flow({"one": step(tool(requirements=needs(coresMin=2)))}, requirements=needs(coresMin=8))
    assert [2] == [wish.amount for wish in asked(inside)]


def test_a_tool_of_two_steps_asks_for_both():
    """What stands at a step is asked for there alone."""
    shared = tool("shared")
    steps = {
        name: step("#shared", requirements=needs(ramMin=size)) for name, size in (("a", 100), ("b", 200), ("c", 100))
    }
    document = {"cwlVersion": "v1.2", "$graph": [flow(steps), shared]}
    assert [100, 200] == [wish.amount for wish in asked(document)]


def test_many_ways_to_one_tool_are_walked_once():
    """Workflows that each run the next twice are as quick as deep."""
    graph = [flow({name: step(f"#f{depth + 1}") for name in "ab"}) | {"id": f"f{depth}"} for depth in range(25)]
    graph = [graph[0] | {"id": "flow"}, *graph[1:], tool("f25", requirements=needs(coresMin=3))]
    assert [Wish("f25", "coresMin", 3)] == list(asked({"cwlVersion": "v1.2", "$graph": graph}))
