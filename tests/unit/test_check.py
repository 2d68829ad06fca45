"""`ades check` and `ades graph` on what lies on disk, at an address and in a repository: no server is needed."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from dulwich import porcelain
from web import Server

from ades.cli import ades

ROOT = Path(__file__).parents[2]
TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
id: shout
inputs:
  text:
    type: Fil
baseCommand: [tr, a-z, A-Z]
stdout: loud.txt
outputs:
  loud:
    type: strng
"""
FLOW = """\
cwlVersion: v1.2
class: Workflow
id: flow
inputs: {text: File}
outputs: {loud: {type: File, outputSource: shout/loud}}
steps:
  shout: {run: tools/shout.cwl, in: {text: text}, out: [loud]}
"""


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Type a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: object):
        return CliRunner().invoke(ades, [str(word) for word in words])

    return typed


@pytest.fixture
def repository(tmp_path):
    """The address of a git repository with a package in a folder, and what must not be read beside it."""
    folder = tmp_path / "work"
    (folder / "cwl/tools").mkdir(parents=True)
    (folder / "cwl/flow.cwl").write_text(FLOW)
    (folder / "cwl/tools/shout.cwl").write_text(TOOL.replace("Fil", "File").replace("strng", "stdout"))
    (folder / "cwl/out.cwl").write_text(FLOW.replace("tools/shout.cwl", "../../outside.cwl"))
    (folder / "README.md").write_text("cwlVersion")
    (tmp_path / "outside.cwl").write_text(TOOL)
    repo = porcelain.init(folder)
    porcelain.add(repo, [str(path) for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts])
    porcelain.commit(repo, message=b"first", author=b"a <a@b>", committer=b"a <a@b>")
    repo.close()
    bare = tmp_path / "packages.git"
    porcelain.clone(str(folder), str(bare), bare=True, errstream=porcelain.NoneStream()).close()
    shutil.rmtree(folder)
    return bare.as_uri()


def test_every_problem_is_named_with_its_line(run, tmp_path):
    """File, line, column and message, as compilers write them; exit code 5."""
    (tmp_path / "shout.cwl").write_text(TOOL)
    found = run("check", "shout.cwl")
    assert 5 == found.exit_code
    assert [
        "shout.cwl:6:5: error: `Fil` is not a type. Did you mean `File`?",
        "shout.cwl:11:5: error: `strng` is not a type. Did you mean `string`?",
    ] == found.stdout.splitlines()


def test_what_is_no_yaml_is_a_problem_with_a_line(run, tmp_path):
    """Also what cannot be read at all has a place."""
    (tmp_path / "broken.cwl").write_text("cwlVersion: v1.2\nclass: [\n")
    found = run("check", "broken.cwl")
    assert 5 == found.exit_code
    assert re.match(r"broken\.cwl:\d+:\d+: error: ", found.stdout)


def test_the_shipped_samples_are_well_formed(run):
    """A folder is looked through; what lies in it and is no package is passed over."""
    found = run("check", ROOT / "cwl", "--json")
    packages = json.loads(found.stdout)
    assert 0 == found.exit_code
    assert {"echo-tool", "word-count", "water-mask"} <= {package["id"] for package in packages}
    assert all(package["valid"] and package["problems"] == [] for package in packages)


def test_warnings_can_be_taken_for_problems(run):
    """`--strict` is for those who keep their packages clean."""
    assert 0 == run("check", ROOT / "cwl/echo.cwl").exit_code
    assert 5 == run("check", "--strict", ROOT / "cwl/echo.cwl").exit_code


def test_files_beside_a_package_belong_to_it(run, tmp_path):
    """A problem in one of them is told with its own name and line."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "flow.cwl").write_text(FLOW)
    (tmp_path / "tools/shout.cwl").write_text(TOOL.replace("Fil", "File"))
    found = run("check", "flow.cwl")
    assert "tools/shout.cwl:11:5: error: `strng` is not a type. Did you mean `string`?\n" == found.stdout
    (tmp_path / "tools/shout.cwl").unlink()
    assert "shout.cwl: No such file or directory" in run("check", "flow.cwl").stdout


def test_a_repository_is_cloned_and_looked_through(run, repository):
    """Packages may name files of their repository, and nothing outside of it."""
    found = json.loads(run("check", f"{repository}#:cwl", "--json").stdout)
    assert {"flow.cwl": True, "out.cwl": False, "tools/shout.cwl": True} == {
        package["package"]: package["valid"] for package in found
    }
    (outside,) = (package for package in found if package["package"] == "out.cwl")
    assert "outside of the repository" in outside["problems"][0]["message"]


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("nowhere.cwl", 4, "no file or folder"),
        (".", 4, "holds no packages"),
        ("file:///nowhere.git", 6, "cannot be cloned"),
        ("http://127.0.0.1:9/x.git", 6, "does not answer"),
        ("http://127.0.0.1:9/x.cwl", 5, "127.0.0.1"),
    ],
    ids=["no-file", "empty", "no-repository", "no-server", "private"],
)
def test_what_cannot_be_read_is_said(run, source, code, said):
    """One sentence, and an exit code that tells it from a package with problems."""
    found = run("check", source)
    assert code == found.exit_code, found.output
    assert said in found.output


def test_an_unknown_branch_or_folder_is_said(run, repository):
    """With the name that was asked for."""
    assert "nothing" in run("check", f"{repository}#nothing").output
    assert "has no folder nothing" in run("check", f"{repository}#:nothing").output
    assert "has no folder ../.." in run("check", f"{repository}#:../..").output


def test_an_address_is_read_through_the_guard(run, monkeypatch):
    """What an operator allows can be checked where it lies."""
    server = Server()
    server.give("/shout.cwl", TOOL.encode())
    monkeypatch.setenv("ADES_FETCH_ALLOW", "127.0.0.1")
    found = run("check", f"{server.url}/shout.cwl")
    server.close()
    assert f"{server.url}/shout.cwl:6:5: error: `Fil`" in found.stdout


@pytest.mark.parametrize(
    ("notation", "said"),
    [
        ("text", "→ mask     Water mask                   ← index, threshold"),
        ("dot", 'n3 [label="index (each index)", shape=box];'),
        ("mermaid", 'n3["index (each index)"]'),
        ("svg", "<svg xmlns"),
    ],
    ids=["text", "dot", "mermaid", "svg"],
)
def test_a_workflow_is_drawn(run, notation, said):
    """As text for the eyes, and for the programs that draw."""
    found = run("graph", ROOT / "cwl/eo-sample.cwl", "--format", notation)
    assert 0 == found.exit_code
    assert said in found.stdout


def test_the_mark_of_a_step_stands_in_its_box(run):
    """Above it lies the tip of an arrow."""
    drawn = run("graph", ROOT / "cwl/eo-sample.cwl", "--format", "svg").stdout
    found = re.search(
        r'<rect [^>]*y="(\d+)" [^>]*height="(\d+)" [^>]*/><text [^>]*>index<.*?class="mark" [^>]*y="(\d+)"', drawn
    )
    assert found
    top, height, mark = map(int, found.groups())
    assert top < mark < top + height


@pytest.mark.parametrize("notation", ["dot", "mermaid", "text"])
def test_no_name_ends_a_label(run, tmp_path, notation):
    """Whatever a package calls its things stays within the label."""
    label = 'x"]; n9 -> n0; click n0 "javascript:alert(1)" \x1b[31m \\" %%\n'
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": "evil", "label": label, "baseCommand": "echo"}
    (tmp_path / "evil.cwl").write_text(json.dumps(tool | {"inputs": [], "outputs": []}))
    drawn = run("graph", "evil.cwl", "--format", notation).stdout
    assert "\x1b" not in drawn
    if notation == "dot":
        label = drawn.splitlines()[1].partition("label=")[2].removesuffix(", shape=box];")
        assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', label)
    if notation == "mermaid":
        assert 2 == drawn.splitlines()[1].count('"')


def test_what_is_wrong_is_not_drawn(run, tmp_path):
    """The problems are told instead."""
    (tmp_path / "shout.cwl").write_text(TOOL)
    found = run("graph", "shout.cwl")
    assert (5, True) == (found.exit_code, "error: `Fil`" in found.stdout)
