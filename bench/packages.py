"""What is run: a tool that does nothing, a scatter and a chain of tools that do next to nothing."""

NOOP = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "noop",
    "baseCommand": "true",
    "inputs": {},
    "outputs": [],
}


def _echo(name):
    return {
        "class": "CommandLineTool",
        "baseCommand": "echo",
        "stdout": "said.txt",
        "inputs": {name: {"type": "string", "inputBinding": {}}},
        "outputs": {"out": "stdout"},
    }


def scatter(width):
    """One step for each of so many words, side by side."""
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "id": f"scatter{width}",
        "requirements": {"ScatterFeatureRequirement": {}},
        "inputs": {"words": {"type": "string[]", "default": [str(n) for n in range(width)]}},
        "outputs": {},
        "steps": {"say": {"scatter": "word", "in": {"word": "words"}, "out": ["out"], "run": _echo("word")}},
    }


def chain(length):
    """So many steps, each waiting for the one before."""
    copy = {
        "class": "CommandLineTool",
        "baseCommand": "cat",
        "stdout": "copy.txt",
        "inputs": {"file": {"type": "File", "inputBinding": {}}},
        "outputs": {"out": "stdout"},
    }
    steps = {"s0": {"in": {"word": "word"}, "out": ["out"], "run": _echo("word")}}
    for n in range(1, length):
        steps[f"s{n}"] = {"in": {"file": f"s{n - 1}/out"}, "out": ["out"], "run": copy}
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "id": f"chain{length}",
        "inputs": {"word": {"type": "string", "default": "hi"}},
        "outputs": {},
        "steps": steps,
    }
