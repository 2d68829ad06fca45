"""Built-in processes: described by documents, found wherever this copy of ADES keeps them."""

import json

import pytest

from ades import shipped
from ades.errors import ImmutableProcess, Misconfigured
from ades.service import builtins


def test_the_shipped_processes_are_found_in_order():
    assert ["echo", "hello"] == [builtin.id for builtin in builtins.load()]


def test_each_document_has_its_module_beside_it():
    for builtin in builtins.load():
        name = builtin.package.executable["processor"]["name"]
        assert (shipped.folder("processes") / f"{name}.py").is_file()


def test_echo_has_the_shape_that_conformance_suites_drive():
    description = builtins.load().get("echo").package.description

    assert ["message", "pause", "numbers", "area", "image"] == list(description["inputs"])
    assert list(description["inputs"]) == list(description["outputs"])
    assert {"type": "string"} == description["inputs"]["message"]["schema"]
    assert {"type": "number", "minimum": 0, "default": 0} == description["inputs"]["pause"]["schema"]
    assert {"type": "array", "items": {"type": "integer"}} == description["inputs"]["numbers"]["schema"]
    assert {"allOf": [{"format": "ogc-bbox"}]} == description["inputs"]["area"]["schema"]
    assert 2 == len(description["inputs"]["image"]["schema"]["oneOf"])
    required = {name for name, port in description["inputs"].items() if port.get("minOccurs", 1)}
    assert {"message"} == required


def test_every_workspace_has_them_and_nobody_can_change_them():
    found = builtins.load()
    process = found.get("echo").in_workspace("demo")

    assert ("demo", "echo", False) == (process.workspace, process.id, process.mutable)
    assert found.package(process.digest).description == process.description
    found.refuse_change("mine")
    with pytest.raises(ImmutableProcess, match="echo"):
        found.refuse_change("echo")


def test_what_the_metadata_leaves_out_is_filled_in():
    found = builtins.builtin({"id": "x", "inputs": {"a": {}}}, {"name": "some.Processor"})
    description = found.package.description

    assert "x" == description["title"]
    assert "1.0.0" == found.version
    assert ["sync-execute", "async-execute", "dismiss"] == description["jobControlOptions"]
    assert {"a": {"schema": {}}} == description["inputs"]
    assert {} == description["outputs"]


def test_of_several_languages_english_is_taken():
    metadata = {"id": "x", "title": {"fr": "Bonjour", "en": "Hello"}, "description": {"fr": "Salut"}}
    description = builtins.builtin(metadata, {"name": "some.Processor"}).package.description

    assert ("Hello", "Salut") == (description["title"], description["description"])


def test_a_configuration_file_without_processes_adds_none(tmp_path):
    config = tmp_path / "config.yml"
    config.write_text("resources:\n  lakes:\n    type: collection\n")

    assert 2 == len(builtins.load(config))


@pytest.mark.parametrize(
    "text",
    ["resources: [1, 2]", "{", "resources:\n  x: 5", "resources:\n  x:\n    type: process\n", "- a\n- b", "\tx: 1"],
)
def test_a_configuration_file_that_cannot_be_understood_is_named(tmp_path, text):
    config = tmp_path / "config.yml"
    config.write_text(text)

    with pytest.raises(Misconfigured, match=r"config\.yml"):
        builtins.load(config)


def test_a_missing_configuration_file_is_named(tmp_path):
    with pytest.raises(Misconfigured, match=r"absent\.yml"):
        builtins.load(tmp_path / "absent.yml")


def test_the_documents_are_valid_json_with_their_own_name():
    for document in shipped.folder("processes").glob("*.json"):
        assert document.stem == json.loads(document.read_text())["id"]
