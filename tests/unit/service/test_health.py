"""The doctor: what is configured beside the server itself is looked at by using it."""

import socket

import pytest

from ades.service.health import State, examine
from ades.settings import Settings

OWN = {"data", "database", "objects", "identity", "containers", "sandbox", "limits"}


@pytest.fixture
def nobody():
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def found(**settings):
    return {check.part: check for check in examine(Settings(containers="none", **settings)) if check.part not in OWN}


def test_what_does_not_work_is_named(tmp_path, nobody):
    """Policy server, issuer, mail server, release store and staging CWL: each says in one sentence where it is missed."""
    (tmp_path / "blocked").write_bytes(b"")
    ill = found(
        data=tmp_path / "data",
        policy=f"http://127.0.0.1:{nobody}",
        oidc_issuer=f"http://127.0.0.1:{nobody}/realm",
        smtp=f"smtp://127.0.0.1:{nobody}",
        release_stores=f"public={tmp_path}/public broken={tmp_path}/blocked",
        stage_in_cwl="missing.cwl",
    )
    assert State.OK is ill.pop("release store public").state
    assert {"policy", "issuer", "mail", "release store broken", "staging"} == set(ill)
    assert {State.FAILED} == {check.state for check in ill.values()}
    for part in ("policy", "issuer"):
        assert str(nobody) in ill[part].message
    assert "missing.cwl" in ill["staging"].message


def test_what_works_is_told(tmp_path):
    """A policy of one's own and the CWL that comes along; what is not configured is not mentioned."""
    own = tmp_path / "own.rego"
    own.write_text("package ades\n\nimport rego.v1\n\ndefault decision := true\n")
    well = found(data=tmp_path / "data", policy=str(own), stage_in_cwl="stage-in.cwl", stage_out_cwl="stage-out.cwl")
    assert {"policy": State.OK, "staging": State.OK} == {part: check.state for part, check in well.items()}, well
    assert {} == found(data=tmp_path / "data")
