"""The grammar of CWL v1.0, v1.1 and v1.2: which fields there are and what belongs into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.recipe.bindings import FILES, INPUT_BINDING, LOADING, OUTPUT_BINDING, media_format
from ades.recipe.document import named
from ades.recipe.reading import V1_0, V1_1, V1_2, Node, similar
from ades.recipe.requirements import hints, requirements
from ades.recipe.shapes import (
    Field,
    Shape,
    anything,
    integer,
    is_expression,
    keyed,
    listed,
    one_of,
    one_or_many,
    paragraphs,
    record,
    short,
    tail,
    text,
    texts,
)
from ades.recipe.types import port_type

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.recipe.reading import At, Reading

_PORT_ADVICE: Final = {
    "items": "Write `type: {type: array, items: …}`.",
    "symbols": "Write `type: {type: enum, symbols: […]}`.",
    "fields": "Write `type: {type: record, fields: {…}}`.",
    "description": "Write `doc`.",
    "title": "Write `label`.",
    "required": "An input may be left out when its type ends with `?` or when it has a `default`.",
    "optional": "An input may be left out when its type ends with `?` or when it has a `default`.",
    "glob": "Write `outputBinding: {glob: …}`.",
    "prefix": "Write `inputBinding: {prefix: …}`.",
    "position": "Write `inputBinding: {position: …}`.",
    "valueFrom": "Write `inputBinding: {valueFrom: …}`.",
    "source": "Workflow outputs have `outputSource`; steps have `source` under `in`.",
}

_NAMED: Final = {"id": Field(short, required=True), "label": Field(text), "doc": Field(paragraphs)}
_INPUT: Final = {**_NAMED, "type": Field(port_type, required=True), "default": Field(anything), **FILES, **LOADING}


def _one_format(value: JSON, at: At, reading: Reading) -> JSON:
    if isinstance(value, list) and len(value) != 1:
        reading.wrong(at, value, "one format: an output is in one format, only inputs may take several")
        return ""
    return media_format(value[0] if isinstance(value, list) else value, at, reading)


_OUTPUT: Final = {**_NAMED, "type": Field(port_type, required=True), **FILES, "format": Field(_one_format)}

_LINKS: Final = one_or_many(text)
_LINK_MERGE: Final = one_of("merge_nested", "merge_flattened")
_PICK: Final = one_of("first_non_null", "the_only_non_null", "all_non_null")

_INPUTS: Final = keyed("id", record("an input", {**_INPUT, "inputBinding": Field(INPUT_BINDING)}, _PORT_ADVICE), "type")
_TOOL_OUTPUTS: Final = keyed(
    "id",
    record("an output", {**_OUTPUT, "outputBinding": Field(OUTPUT_BINDING)}, _PORT_ADVICE),
    "type",
)
_PLAIN_OUTPUTS: Final = keyed(
    "id",
    record("an output", {**_OUTPUT, "outputBinding": Field(OUTPUT_BINDING, until=V1_0)}, _PORT_ADVICE),
    "type",
)
_FLOW_OUTPUTS: Final = keyed(
    "id",
    record(
        "a workflow output",
        {
            **_OUTPUT,
            "outputSource": Field(_LINKS),
            "linkMerge": Field(_LINK_MERGE),
            "pickValue": Field(_PICK, since=V1_2),
            "outputBinding": Field(OUTPUT_BINDING, until=V1_0),
        },
        _PORT_ADVICE,
    ),
    "type",
)


def _process_id(value: JSON, at: At, reading: Reading) -> JSON:
    found = text(value, at, reading)
    return found.rpartition("#")[2] if "#" in found else found


_PROCESS: Final = {
    "id": Field(_process_id),
    "class": Field(text, required=True),
    "cwlVersion": Field(text),
    "label": Field(text),
    "doc": Field(paragraphs),
    "inputs": Field(_INPUTS, required=True),
    "requirements": Field(requirements),
    "hints": Field(hints),
    "intent": Field(listed(text), since=V1_2),
    # No fields of CWL, but packages have them; `metadata` takes them out again.
    "softwareVersion": Field(anything),
    "version": Field(anything),
}
_PROCESS_ADVICE: Final = {
    "description": "Write `doc`.",
    "title": "Write `label`.",
    "name": "Write `id`, and `label` for people.",
    "command": "Write `baseCommand`.",
    "run": "Only steps have `run`.",
    "schemas": "Write `$schemas`.",
}


# -- tools ----------------------------------------------------------------------------------------------------------


def _argument(value: JSON, at: At, reading: Reading) -> JSON:
    return INPUT_BINDING(value, at, reading) if isinstance(value, dict) else text(value, at, reading)


_CODES: Final = listed(integer)

_TOOL: Final = record(
    "CommandLineTool",
    {
        **_PROCESS,
        "outputs": Field(_TOOL_OUTPUTS, required=True),
        "baseCommand": Field(texts),
        "arguments": Field(listed(_argument)),
        "stdin": Field(text),
        "stdout": Field(text),
        "stderr": Field(text),
        "successCodes": Field(_CODES),
        "temporaryFailCodes": Field(_CODES),
        "permanentFailCodes": Field(_CODES),
    },
    _PROCESS_ADVICE | {"steps": "Only a Workflow has `steps`."},
)


def _expression(value: JSON, at: At, reading: Reading) -> JSON:
    if not is_expression(value):
        reading.wrong(at, value, "an expression such as `$(inputs.a)` or `${ return …; }`")
    return value


_EXPRESSION_TOOL: Final = record(
    "ExpressionTool",
    {**_PROCESS, "outputs": Field(_PLAIN_OUTPUTS, required=True), "expression": Field(_expression, required=True)},
    _PROCESS_ADVICE,
)
_OPERATION: Final = record(
    "Operation",
    {**_PROCESS, "outputs": Field(_PLAIN_OUTPUTS, required=True)},
    _PROCESS_ADVICE,
)


# -- workflows ------------------------------------------------------------------------------------------------------

_STEP_INPUT: Final = record(
    "an input of a step",
    {
        "id": Field(short, required=True),
        "source": Field(_LINKS),
        "linkMerge": Field(_LINK_MERGE),
        "pickValue": Field(_PICK, since=V1_2),
        "label": Field(text, since=V1_1),
        "default": Field(anything),
        "valueFrom": Field(text),
        **LOADING,
    },
    {
        "outputSource": "Write `source`.",
        "type": "The type is the one of the tool's input.",
        "value": "Write `default`.",
    },
)


def _step_outputs(value: JSON, at: At, reading: Reading) -> JSON:
    if value is None:
        return []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        reading.wrong(at, value, "a list of the names of outputs")
        return []
    found: list[JSON] = []
    for index, item in enumerate(value):
        where = (at, index)
        name = item.get("id") if isinstance(item, dict) else item
        if not isinstance(name, str):
            reading.wrong(where, item, "the name of an output")
        elif tail(name) in found:
            reading.problem(where, f"The output `{tail(name)}` is listed twice.")
        else:
            found.append(tail(name))
    return found


def _scatter(value: JSON, at: At, reading: Reading) -> JSON:
    return one_or_many(short)(value, at, reading)


def _when(value: JSON, at: At, reading: Reading) -> JSON:
    if not is_expression(value):
        reading.wrong(at, value, "an expression such as `$(inputs.wanted)`")
    return value


def _run(value: JSON, at: At, reading: Reading) -> JSON:
    return process(value, at, reading) if isinstance(value, dict) else text(value, at, reading)


_STEP: Final = record(
    "a step",
    {
        "id": Field(short, required=True),
        "label": Field(text),
        "doc": Field(paragraphs),
        "run": Field(_run, required=True),
        "in": Field(keyed("id", _STEP_INPUT, "source"), required=True),
        "out": Field(_step_outputs, required=True),
        "requirements": Field(requirements),
        "hints": Field(hints),
        "when": Field(_when, since=V1_2),
        "scatter": Field(_scatter),
        "scatterMethod": Field(one_of("dotproduct", "nested_crossproduct", "flat_crossproduct")),
    },
    {"inputs": "Write `in`.", "outputs": "Write `out`.", "depends": "Steps depend on each other by `source` alone."},
)

_WORKFLOW: Final = record(
    "Workflow",
    {
        **_PROCESS,
        "outputs": Field(_FLOW_OUTPUTS, required=True),
        "steps": Field(keyed("id", _STEP), required=True),
    },
    _PROCESS_ADVICE | {"baseCommand": "Only a CommandLineTool has `baseCommand`; a Workflow has `steps`."},
)

_CLASSES: Final[dict[str, Shape]] = {
    "CommandLineTool": _TOOL,
    "ExpressionTool": _EXPRESSION_TOOL,
    "Workflow": _WORKFLOW,
    "Operation": _OPERATION,
}


def process(value: JSON, at: At, reading: Reading) -> JSON:
    """One process of any class."""
    if not isinstance(value, dict):
        reading.wrong(at, value, "a process: a mapping with `class: Workflow`, `CommandLineTool` or `ExpressionTool`")
        return Node(at)
    kind = value.get("class")
    shape = _CLASSES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        found = f"is {named(kind)}" if "class" in value else "is missing"
        reading.problem(
            (at, "class") if "class" in value else at,
            f"The `class` of a process {found}. Write one of: {', '.join(f'`{name}`' for name in _CLASSES)}."
            f"{similar(str(kind), _CLASSES)}",
        )
        return Node(at)
    if kind == "Operation" and reading.version < V1_2:
        reading.problem((at, "class"), "`Operation` needs cwlVersion v1.2.")
    return shape(value, at, reading)
