"""`ades files`, `ades secret`, and what the commands say when something is wrong with the server or the token."""

import json
import threading
from contextlib import closing
from datetime import timedelta

import pytest
from click.testing import CliRunner
from lines import Line
from served import Process

from ades.cli import ades as main
from ades.client import Client
from ades.service.tokens import Tokens
from ades.store import Store

FLOW = """\
cwlVersion: v1.2
$namespaces: {s: "https://schema.org/"}
s:softwareVersion: 2.3.4
$graph:
  - class: Workflow
    id: flow
    inputs: {text: string}
    outputs: {said: {type: File, outputSource: say/said}}
    steps: {say: {run: tools/say.cwl, in: {text: text}, out: [said]}}
"""
SAY = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs: {text: {type: string, inputBinding: {}}}
stdout: said.txt
outputs: {said: stdout}
"""


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A server that wants tokens, and how to make one."""
    folder = tmp_path_factory.mktemp("closed")
    process = Process("serve", folder, tokens="true")
    address = process.address()

    def token(**terms) -> str:
        with closing(Store.open(f"sqlite:///{folder}/data/ades.db")) as store:
            return Tokens(store).issue(by="test", workspace="demo", **terms).secret

    yield address, token
    process.stop()


@pytest.fixture
def ades(closed, tmp_path, monkeypatch):
    """Type a command; what came of it."""
    address, token = closed
    monkeypatch.chdir(tmp_path)
    env = {"ADES_URL": address, "XDG_CONFIG_HOME": str(tmp_path), "ADES_TOKEN": token()}

    def typed(*words: object, stdin: str = "", **more: str):
        answer = CliRunner().invoke(main, [str(word) for word in words], input=stdin, env=env | more)
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
        return answer

    return typed


def test_files_are_sent_listed_fetched_used_and_removed(ades, tmp_path):
    """The address that `put` prints is an input."""
    (tmp_path / "scenes/deep").mkdir(parents=True)
    (tmp_path / "scenes/a b.txt").write_text("one")
    (tmp_path / "scenes/deep/b.txt").write_text("")
    sent = ades("files", "put", "scenes")
    assert 0 == sent.exit_code, sent.stderr
    listed = ades("files", "ls", "scenes").stdout.splitlines()
    assert ["scenes/a b.txt\t3 B", "scenes/deep/b.txt\t0 B"] == [line.rpartition("\t")[0] for line in listed]
    assert "got.txt\n" == ades("files", "get", "scenes/a b.txt", "got.txt").stdout
    assert "one" == (tmp_path / "got.txt").read_text()
    assert "" == ades("files", "get", "scenes/deep/b.txt").stderr
    assert 5 == ades("files", "rm", "scenes").exit_code
    assert "is gone" in ades("files", "rm", "-r", "scenes").stdout
    assert "" == ades("files", "ls").stdout
    assert (4, 4) == (ades("files", "get", "scenes/a b.txt").exit_code, ades("files", "ls", "scenes").exit_code)


def test_a_large_file_travels_in_pieces(ades, tmp_path):
    """Byte for byte the same on the other side and back."""
    content = bytes(range(256)) * 150_000
    (tmp_path / "large.bin").write_bytes(content)
    assert ades("files", "put", "large.bin", "big/large.bin").stdout.endswith("/demo/files/big/large.bin\n")
    ades("files", "get", "big/large.bin", "back.bin")
    assert content == (tmp_path / "back.bin").read_bytes()


def test_an_upload_goes_on_where_the_connection_broke(closed, tmp_path, monkeypatch):
    """The server keeps what has come; nothing of it is sent twice."""
    address, token = closed
    monkeypatch.setattr("ades.client._files.PIECE", 100_000)
    (tmp_path / "large.bin").write_bytes(content := bytes(range(250)) * 4_000)
    line = Line(address)
    sent = []

    def told(done: int, total: int) -> None:
        sent.append((done, total))
        if len(sent) in {2, 5}:
            line.cut()
            threading.Timer(0.3, line.mend).start()

    files = Client(line.url, token()).workspace("demo").files
    files.put(tmp_path / "large.bin", "broken/large.bin", progress=told)
    files.get("broken/large.bin", tmp_path / "back.bin")
    line.cut()
    assert content == (tmp_path / "back.bin").read_bytes()
    assert [(number * 100_000, 1_000_000) for number in range(1, 11)] == sorted(set(sent))


def test_secrets_are_kept_and_never_shown(ades, tmp_path):
    """From standard input or a file, never as an argument; names are listed, values are not."""
    (tmp_path / "key").write_text("first secret\n")
    said = [ades("secret", "set", "one", "--file", "key"), ades("secret", "set", "two", stdin="second secret")]
    said += [ades("secret", "list"), ades("secret", "list", "--json")]
    assert [0, 0, 0, 0] == [answer.exit_code for answer in said]
    assert "one\ntwo\n" == said[2].stdout
    assert not [answer for answer in said if "first secret" in answer.output or "second secret" in answer.output]
    assert "is gone" in ades("secret", "remove", "one").stdout
    assert [{"name": "two"}] == json.loads(ades("secret", "list", "--json").stdout)
    assert 4 == ades("secret", "remove", "one").exit_code
    assert 2 == ades("secret", "set", "three", stdin="").exit_code
    assert 5 == ades("secret", "set", "no name", stdin="x").exit_code


def test_packages_of_several_files_are_packed_on_their_way(ades, tmp_path):
    """With the version that stands at the top; what is wrong in one of the files is said with its line."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "flow.cwl").write_text(FLOW)
    (tmp_path / "tools/say.cwl").write_text(SAY)
    deployed = ades("deploy", "flow.cwl")
    assert deployed.stdout.startswith("flow 2.3.4 is deployed."), deployed.stderr
    assert "hello\n" == ades("run", "flow.cwl", "text=hello").stdout
    assert "→ say" in ades("graph", "flow").stdout
    (tmp_path / "tools/say.cwl").write_text(SAY.replace("string", "strng"))
    wrong = ades("run", "flow.cwl", "text=hello")
    assert (5, True) == (wrong.exit_code, "`strng` is not a type" in wrong.stderr)


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({"ADES_TOKEN": ""}, 3, "ades login"),
        ({"ADES_TOKEN": "ades_wrong"}, 3, "may have expired"),
        ({"ADES_WORKSPACE": "nowhere"}, 4, "workspace"),
        ({"ADES_URL": "http://127.0.0.1:9"}, 6, "nothing listens there"),
        ({"ADES_URL": "http://nowhere.invalid"}, 6, "nobody knows a host of this name"),
        ({"ADES_URL": "127.0.0.1:8080"}, 6, "no address of a server"),
    ],
    ids=["no-token", "wrong-token", "no-workspace", "no-server", "no-host", "no-scheme"],
)
@pytest.mark.parametrize("command", [["jobs"], ["run", "hello", "name=x"]], ids=["jobs", "run"])
def test_what_is_wrong_with_the_server_is_said_at_once(ades, command, environment, code, said):
    """One sentence with the remedy, an exit code of its own, no stack trace."""
    answer = ades(*command, **environment)
    assert (code, "") == (answer.exit_code, answer.stdout)
    assert 1 == len(answer.stderr.strip().splitlines())
    assert said in answer.stderr


def test_the_address_of_a_page_is_no_api(ades, closed):
    """A wrong path below the right server."""
    answer = ades("processes", ADES_URL=f"{closed[0]}/static/ogc-api/x")
    assert answer.exit_code in {4, 6}


def test_an_expired_token_is_said_to_be_one(ades, closed):
    """And what to do about it."""
    _, token = closed
    brief = token(lifetime=timedelta(milliseconds=1))
    answer = ades("jobs", ADES_TOKEN=brief)
    assert 3 == answer.exit_code
    assert "It may have expired: get a new one with `ades login`" in answer.stderr


def test_a_token_that_may_not_is_refused(ades, closed):
    """Who may only read starts nothing."""
    _, token = closed
    reader = token(scopes=["read"])
    assert 0 == ades("jobs", ADES_TOKEN=reader).exit_code
    assert 3 == ades("run", "hello", "name=x", ADES_TOKEN=reader).exit_code
    assert 3 == ades("files", "rm", "x", ADES_TOKEN=reader).exit_code
    assert 3 == ades("secret", "list", ADES_TOKEN=reader).exit_code
