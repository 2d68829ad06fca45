"""Which CWL stages the jobs of a workspace: the server says it, the workspace may say otherwise."""

from datetime import UTC, datetime

import pytest

from ades.errors import BadRequest, Misconfigured
from ades.model import Workspace
from ades.service.quotas import Quotas
from ades.service.stagings import staging_of
from ades.settings import Settings


def workspace(**settings):
    return Workspace("a", datetime.now(UTC), settings=settings)


def test_nobody_says_anything():
    """Then the runner does it by itself."""
    assert staging_of(Settings(), workspace()) is None
    assert staging_of(Settings(stage_in_cwl="stage-in.cwl"), workspace(stage_in_cwl="built-in")) is None


def test_server_and_workspace():
    """The workspace's word goes before the server's, parameter by parameter."""
    settings = Settings(stage_in_cwl="stage-in.cwl", staging_parameters={"a": 1, "b": 1})
    found = staging_of(settings, workspace(stage_out_cwl="stage-out.cwl", staging_parameters={"b": 2}))
    assert ("stage-in", "stage-out", {"a": 1, "b": 2}) == (
        found.stage_in["entry"],
        found.stage_out["entry"],
        found.parameters,
    )


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("none.cwl", None, "No such file"),
        (
            "odd.cwl",
            "cwlVersion: v1.2\nclass: CommandLineTool\nid: odd\nbaseCommand: x\ninputs: []\noutputs: []\n",
            "stage-in takes",
        ),
        ("bad.cwl", "{", "cannot be used"),
        (
            "far.cwl",
            "{cwlVersion: v1.2, class: Workflow, inputs: [], outputs: [], steps: {a: {run: 'https://x.y/z', in: {}, out: []}}}",
            "cannot be used",
        ),
    ],
    ids=["none", "odd", "bad", "far"],
)
def test_what_cannot_be_used(tmp_path, name, body, why):
    """It is said with the file and the setting; nothing is fetched to read it."""
    if body is not None:
        (tmp_path / name).write_text(body)
    with pytest.raises(Misconfigured, match=why):
        staging_of(Settings(staging_folder=tmp_path, stage_in_cwl=name), workspace())


@pytest.mark.parametrize("name", ["../x.cwl", "/etc/passwd", ".x", "a/b"])
def test_names_lead_nowhere_else(name):
    """A file of the folder is named, and no other."""
    with pytest.raises(BadRequest):
        Quotas.read({"stage_in_cwl": name})
    with pytest.raises(ValueError, match="stage_in_cwl"):
        Settings(stage_in_cwl=name)
