"""The command line against a real server, as a scientist, a data manager and an operator type it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from served import ADES, Process, clean_environment

from ades.client import Client

ROOT = Path(__file__).parents[2]

FAILING = """\
cwlVersion: v1.2
class: CommandLineTool
id: failing
inputs: []
baseCommand: [sh, -c, 'echo "the disk is on fire" >&2; exit 7']
outputs: []
"""

SHOUT = """\
cwlVersion: v1.2
class: CommandLineTool
id: shout
inputs: {text: File}
baseCommand: [tr, a-z, A-Z]
stdin: $(inputs.text.path)
stdout: loud.txt
outputs: {loud: stdout}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all commands; its address."""
    process = Process("serve", tmp_path_factory.mktemp("cli"))
    yield process.address()
    process.stop()


@pytest.fixture
def ades(server, tmp_path):
    """Type a command; what came of it."""

    def typed(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        env = (
            clean_environment(tmp_path / "data") | {"ADES_URL": server, "XDG_CONFIG_HOME": str(tmp_path)} | environment
        )
        command = [*ADES, *(str(word) for word in words)]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)

    return typed


def test_a_process_is_run_and_its_result_printed(ades):
    """`ades run` follows a job on standard error and prints the result on standard output."""
    answer = ades("run", "hello", "name=World")
    assert (0, "Hello World!\n") == (answer.returncode, answer.stdout)
    assert "successful 100%" in answer.stderr


def test_inputs_are_read_as_the_description_says(ades):
    """Numbers become numbers, a name given twice becomes a list, and text stays text."""
    answer = ades("run", "echo", "message=5", "numbers=1", "numbers=2", "pause=0.1")
    assert {"message": "5", "numbers": [1, 2], "pause": 0.1} == json.loads(answer.stdout)


def test_inputs_come_from_files_too(ades, tmp_path):
    """The command line wins over the file."""
    (tmp_path / "inputs.yaml").write_text("message: from the file\nnumbers: [3]\n")
    answer = ades("run", "echo", "-i", "inputs.yaml", "message=from the shell")
    assert {"message": "from the shell", "numbers": [3], "pause": 0} == json.loads(answer.stdout)
    (tmp_path / "broken.yaml").write_text("message: [1,\n")
    broken = ades("run", "echo", "-i", "broken.yaml")
    assert 2 == broken.returncode
    assert "Error: broken.yaml is neither YAML nor JSON: line 2, column 1: " in broken.stderr


def test_the_life_of_a_process(ades):
    """Deploy, list, describe, replace, run, undeploy."""
    package = ROOT / "cwl/echo.cwl"
    deployed = ades("deploy", package, "--json")
    name = json.loads(deployed.stdout)["id"]
    assert 0 == deployed.returncode
    assert name in ades("processes").stdout
    assert "inputs:" in ades("describe", name).stdout
    assert f"{name} " in ades("replace", name, package).stdout
    refused = ades("deploy", package)
    assert (5, True) == (refused.returncode, "Add --replace" in refused.stderr)
    assert 0 == ades("deploy", "--replace", package).returncode
    assert "is gone" in ades("undeploy", name).stdout
    assert 4 == ades("describe", name).returncode


def test_the_life_of_a_job(ades):
    """Submit, look, read the log, dismiss."""
    job = ades("run", "echo", "message=x", "pause=60", "--detach").stdout.strip()
    assert job in ades("jobs", "--process", "echo").stdout
    assert f"{job} is dismissed.\n" == ades("dismiss", job).stdout
    assert "dismissed" in ades("status", job).stdout
    assert f"{job} is removed.\n" == ades("dismiss", job).stdout
    assert 4 == ades("status", job).returncode


def test_a_failing_job_says_why_and_how_to_see_more(ades, tmp_path):
    """Exit code 1, the reason in one sentence, the command that shows the log, and steps with their exit codes."""
    (tmp_path / "failing.cwl").write_text(FAILING)
    answer = ades("run", "failing.cwl")
    assert 1 == answer.returncode
    assert "code 7" in answer.stderr
    assert "  the disk is on fire\nades: " in answer.stderr
    shown = answer.stderr.rsplit("ades logs ", 1)[1].rstrip(")\n").split()
    assert ["--step", "failing"] == shown[1:]
    assert "7" in ades("steps", shown[0]).stdout.split("\t")
    assert "the disk is on fire" in ades("logs", *shown).stdout


def test_what_cannot_be_sent_is_said_at_once(ades, tmp_path):
    """A pipe would arrive empty, and a name that is neither a file nor an address would fail the job."""
    (tmp_path / "shout.cwl").write_text(SHOUT)
    (tmp_path / "words.txt").write_text("hello")
    os.mkfifo(tmp_path / "pipe")
    assert "HELLO" == ades("run", "shout.cwl", "text=words.txt").stdout.strip()
    pipe = ades("run", "shout", "text=pipe")
    assert (6, True) == (pipe.returncode, "Write it to a file first." in pipe.stderr)
    missing = ades("run", "shout", "text=wrods.txt")
    assert (2, True) == (missing.returncode, "text=wrods.txt: there is no such file" in missing.stderr)


def test_what_is_sent_has_a_name(server, tmp_path, monkeypatch):
    """Also the folder where one is, and a file whose name holds what no address may."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "words.txt").write_text("hello")
    (tmp_path / "a\nb.txt").write_text("hello")
    monkeypatch.chdir(tmp_path / "here")
    demo = Client(server).workspace("demo")
    assert demo.upload(".").endswith("/here/")
    assert demo.upload("../a\nb.txt").endswith("/a_b.txt")


@pytest.mark.parametrize("url", ["http://127.0.0.1:abc", "http://[::1", "http://127.0.0.1:99999", "http://a..b"])
def test_an_address_that_is_none_is_one_sentence(ades, url):
    """Whatever is wrong with it, nobody sees a stack trace."""
    answer = ades("processes", ADES_URL=url)
    assert (6, "", 1) == (answer.returncode, answer.stdout, len(answer.stderr.splitlines()))
    assert answer.stderr.startswith("ades: This is no address of a server: ")


def test_a_token_that_cannot_be_sent_is_not_repeated(ades):
    """It may be a secret with something stuck to it."""
    answer = ades("processes", ADES_TOKEN="very\nsecret")
    assert (6, False) == (answer.returncode, "secret" in answer.stderr)


def test_a_folder_that_cannot_be_written_is_one_sentence(ades, tmp_path):
    """It names the place and the reason."""
    (tmp_path / "shout.cwl").write_text(SHOUT)
    (tmp_path / "words.txt").write_text("hello")
    answer = ades("run", "shout.cwl", "text=words.txt", "-q", "--download", "words.txt/results")
    assert (1, "ades: words.txt/results: Not a directory.\n") == (answer.returncode, answer.stderr)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["describe", "nothing"], 4, "There is no process"),
        (["run", "echo", "mesage=x"], 2, "There are: message"),
        (["run", "echo", "message=x", "numbers=one"], 2, "must be integer"),
        (["run", "echo", "nothing"], 2, "NAME=VALUE"),
        (["run", "echo"], 5, "message"),
        (["status", "nothing"], 4, "job"),
        (["deploy", "nowhere.cwl"], 6, "cannot be read"),
        (["run", "nowhere.cwl"], 2, "There is no file nowhere.cwl."),
        (["run", "folder/nowhere.yaml"], 2, "There is no file folder/nowhere.yaml."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(ades, words, code, said):
    """Each kind of error has an exit code of its own, and no stack trace."""
    answer = ades(*words)
    assert code == answer.returncode
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_missing_file_is_said_without_a_server(ades):
    """Nobody has to start one to learn that."""
    answer = ades("run", "nowhere.cwl", ADES_URL="http://127.0.0.1:9")
    assert (2, True) == (answer.returncode, "There is no file nowhere.cwl." in answer.stderr)


def test_a_package_without_an_id_can_be_named(ades, tmp_path):
    """What is missing is said, with the option that gives it."""
    (tmp_path / "nameless.cwl").write_text(SHOUT.replace("id: shout\n", ""))
    refused = ades("deploy", "nameless.cwl")
    assert "has no `id`, and no label to make one from" in refused.stderr
    assert "ades deploy --entry NAME" in refused.stderr
    assert "louder 0.0.1 is deployed." in ades("deploy", "nameless.cwl", "--entry", "louder").stdout


def test_no_server_is_said_with_the_remedy(ades):
    """Exit code 6, the address, and how to start one."""
    answer = ades("jobs", ADES_URL="http://127.0.0.1:9")
    assert 6 == answer.returncode
    assert "ades: No answer from http://127.0.0.1:9: nothing listens there. Start a server" in answer.stderr


def test_a_package_on_disk_runs_without_a_server(ades, tmp_path):
    """One command from a CWL file to results: a server is started for it and stopped after it."""
    (tmp_path / "hej.cwl").write_text(
        "cwlVersion: v1.2\nclass: CommandLineTool\nid: hej\ninputs: {name: string}\nbaseCommand: [echo, hej]\n"
        "arguments: [$(inputs.name)]\nstdout: out.txt\noutputs: {said: stdout}\n"
    )
    answer = ades("run", "hej.cwl", "name=du", ADES_URL="", XDG_DATA_HOME=str(tmp_path / "home"))
    assert "hej du\n" == answer.stdout, answer.stderr
    again = ades("run", "hej.cwl", "name=i", ADES_URL="", XDG_DATA_HOME=str(tmp_path / "home"))
    assert "hej i\n" == again.stdout, again.stderr


def test_login_is_remembered_and_forgotten(ades, server, tmp_path):
    """`ades login` writes a file that only its owner can read; the other commands use it."""
    assert 0 == ades("login", server, "-w", "demo", "--token", "secret").returncode
    assert 0o600 == (tmp_path / "ades/login.json").stat().st_mode & 0o777
    assert "echo" in ades("processes", ADES_URL="").stdout
    ades("logout")
    assert not (tmp_path / "ades/login.json").exists()


def test_workspaces_are_made_changed_and_removed(ades):
    """The operator's commands work at the database, without a server."""
    assert "/alice/ogc-api" in ades("workspace", "create", "alice", "--set", "running=2").stdout
    assert "alice" in ades("workspace", "list").stdout
    assert "running = 2" in ades("workspace", "describe", "alice").stdout
    assert "Known are running" in ades("workspace", "change", "alice", "--set", "runing=2").stderr
    assert "is gone" in ades("workspace", "remove", "alice").stdout


def test_the_start_message_points_to_a_workspace_that_is_there(ades, tmp_path):
    """Somebody may have removed the first one."""
    ades("workspace", "create", "alice")
    process = Process("serve", tmp_path, worker="false")
    process.address()
    said = process.says(r"look around +(\S+)")
    process.stop()
    assert said.endswith("/alice/ogc-api")


def test_tokens_are_shown_once_and_can_be_revoked(ades):
    """A list never shows the secret."""
    ades("workspace", "create", "alice")
    made = ades("token", "create", "-w", "alice", "--expires", "30d")
    listed = ades("token", "list").stdout
    assert made.stdout.startswith("ades_")
    assert made.stdout.strip() not in listed
    assert "is revoked" in ades("token", "revoke", listed.split("-")[0]).stdout
    assert "revoked" in ades("token", "list").stdout


def test_the_doctor_looks_at_every_part(ades):
    """Exit code 0 when all is well, 1 when a part does not work; JSON on demand."""
    well = ades("doctor", "--json")
    assert 0 == well.returncode, well.stdout
    assert {"data", "database", "objects", "identity"} <= {check["part"] for check in json.loads(well.stdout)}
    ill = ades("doctor", ADES_DATABASE="postgresql://nobody@127.0.0.1:9/nothing")
    assert 1 == ill.returncode
    assert "database" in ill.stdout


def test_settings_that_do_not_fit_are_named(ades):
    """An operator reads which variable is wrong."""
    answer = ades("doctor", ADES_PORT="many")
    assert 1 == answer.returncode
    assert "ADES_PORT" in answer.stderr


def test_a_job_is_run_again_exactly(ades):
    """`ades rerun` follows the new job to its result, or prints its id."""
    ades("run", "hello", "name=Ann")
    first = json.loads(ades("jobs", "--limit", "1", "--json").stdout)[0]["jobID"]
    assert (0, "Hello Ann!\n") == ((again := ades("rerun", first)).returncode, again.stdout)
    second = ades("rerun", first, "--detach").stdout.strip()
    assert len(second) == len(first)
    assert second != first
