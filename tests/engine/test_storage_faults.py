"""What becomes of a job whose store fails: the right words, nothing half published, nothing left after the sweep."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from checking_s3 import CheckingS3
from jobs_of_tests import PACKAGE, a_job
from runs import shell, until
from s3_servers import SECRET, moto, settings_for  # noqa: F401 - a fixture

from ades.model import JobStatus, Reason
from ades.objects import open_store
from ades.runner.events import Outcome
from ades.runner.failures import RunFailed
from ades.runner.patience import Patience, Patient
from ades.runner.stage_in import stage_in
from ades.runner.stage_in.carrier import LARGE
from ades.runner.stage_out.uploads import Uploads
from ades.service import sweep
from ades.service.handover import results_prefix
from ades.service.sweep import Kind, Sweeper
from ades.settings import Settings
from ades.store import Store

OUT = "{out: {type: Directory, outputBinding: {glob: out}}}"
JOB = shell("mkdir out; echo said > out/a.txt", outputs=OUT)


@pytest.fixture
def door(moto):  # noqa: F811
    made = CheckingS3(moto)
    yield made
    made.close()


def configured(door, **more):
    return settings_for(door.url).model_dump(exclude_unset=True) | {"s3_secret_key": SECRET} | more


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("InvalidAccessKeyId", "refuses our credentials", marks=pytest.mark.long),
        ("ExpiredToken", "refuses our credentials"),
        pytest.param("AccessDenied", "refuses our credentials", marks=pytest.mark.long),
        ("InsufficientStorage", "no room left"),
    ],
)
def test_a_store_that_refuses(fresh, door, code, words):
    """Wrong keys, keys that have ended, a missing right, no room: the job fails and says which."""
    machine = fresh(**configured(door))
    refusing = door.why_not
    door.why_not = lambda method, path, headers: (
        code if method == "PUT" and "processing-results" in path else refusing(method, path, headers)
    )
    run = machine.run(JOB)

    assert run.ended.outcome is Outcome.FAILED
    expected = Reason.DISK_FULL if code == "InsufficientStorage" else Reason.STAGE_OUT
    assert (expected, True) == (run.ended.failure.reason, words in run.ended.failure.message), run.ended.failure
    assert [] == run.results
    assert not any("Waiting" in message for message in run.messages)
    assert [] == list(open_store(machine.settings).list(f"alice/processing-results/thing/{run.job}"))


def test_a_store_that_has_gone(moto, tmp_path):  # noqa: F811
    """Who reads of an output that could not be stored learns nothing of where the store is."""
    store = open_store(settings_for("http://127.0.0.1:9"))
    with Uploads(store, checksums=False) as uploads, pytest.raises(RunFailed) as raised:
        uploads.document("out", {}, "alice/a.json", "application/json").result()
    message = raised.value.failure.message
    assert "The output out could not be stored: The object store does not answer" in message
    assert "127.0.0.1" not in message


def test_one_asset_that_is_refused(fresh, door):
    """An input in a bucket that is not given names itself and its address, and the package never begins."""
    machine = fresh(**configured(door, s3_inputs="bucket/open"))
    refusing = door.why_not
    door.why_not = lambda method, path, headers: (
        "AccessDenied" if "secret.tif" in path else refusing(method, path, headers)
    )
    found = shell("true", inputs="{f: File}")
    run = machine.run(found, {"f": "s3://bucket/open/secret.tif"})

    assert (Outcome.FAILED, Reason.STAGE_IN) == (run.ended.outcome, run.ended.failure.reason)
    assert "input f" in run.ended.failure.message
    assert "secret.tif" in run.ended.failure.message
    assert {} == run.steps


UPLOAD = textwrap.dedent("""
    import sys
    from pathlib import Path
    from ades.objects import open_store
    from ades.runner.document import JobDocument
    from ades.runner.stage_out import stage_out
    from ades.settings import Settings
    settings = Settings.from_json(sys.stdin.read())
    document = JobDocument.from_json(Path(sys.argv[1]).read_bytes())
    folder = Path(sys.argv[2])
    outputs = {"out": {"class": "Directory", "location": folder.as_uri(), "basename": "out"}}
    list(stage_out(document, outputs, folder.parent, open_store(settings)))
""")


def test_killed_in_mid_upload(door, tmp_path, monkeypatch):
    """Nothing of it is a result, and the sweep leaves neither objects nor parts of uploads behind."""
    from staging_support import job as document_of

    settings = Settings(**configured(door, data=tmp_path))
    objects = open_store(settings)
    with Store.open(settings.database_url) as store:
        store.workspaces.create("demo")
        store.processes.put("demo", PACKAGE, id="echo", version="1")
        job = store.jobs.submit(a_job())
        claim = store.queue.claim("w", timedelta(minutes=1))
        document = document_of({}, {})
        changed = {name: getattr(document, name) for name in document.__dataclass_fields__}
        changed |= {"job": job.id, "results_prefix": results_prefix(job)}
        (tmp_path / "document.json").write_bytes(type(document)(**changed).to_json())
        top = tmp_path / "work/out"
        top.mkdir(parents=True)
        (top / "a.txt").write_text("small")
        with (top / "large.bin").open("wb") as file:
            file.truncate(40 * 1024**2)

        held = door.forward

        def slow(method, path, headers, body):
            if "partNumber=2" in path:
                time.sleep(60)
            return held(method, path, headers, body)

        door.forward = slow
        command = [sys.executable, "-c", UPLOAD, str(tmp_path / "document.json"), str(top)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE)
        with child.stdin as pipe:
            pipe.write(settings.to_json())
        end = time.monotonic() + 60
        while not (found := objects.abandoned(datetime.now(UTC) + timedelta(hours=1), remove=False)) or not list(
            objects.list("demo")
        ):
            assert time.monotonic() < end
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert [f"{results_prefix(job)}/out/large.bin"] == found
        assert [] == store.results.list(job.id)

        store.queue.finish(claim, JobStatus.FAILED)
        monkeypatch.setattr(sweep, "YOUNG", timedelta(seconds=-5))
        monkeypatch.setattr(sweep, "UNFINISHED", timedelta(seconds=-5))
        swept = {one.kind for one in Sweeper(store, objects, settings).sweep()}

        assert Kind.ORPHAN in swept
        assert [] == list(objects.list("demo"))
        assert [] == objects.abandoned(datetime.now(UTC) + timedelta(hours=1), remove=False)
        assert [] == list(Sweeper(store, objects, settings).sweep())


def test_a_store_that_comes_back(fresh, door):
    """A store that is away when results are published is waited for, and the job says so; then it is successful."""
    machine = fresh(**configured(door))
    door.away = True
    run = machine.start(JOB)
    until(lambda: any("Waiting for the object store" in message for message in run.messages))
    door.away = False
    run.wait(120)

    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended.failure
    assert "The object store answers again." in run.messages
    (result,) = run.results
    with open_store(machine.settings).open(f"{result.key}/a.txt") as file:
        assert b"said\n" == file.read()


def test_dismissed_while_it_waits(fresh, door):
    """Who dismisses a job that waits for the store does not wait for the store."""
    machine = fresh(**configured(door, objects_patience=3600))
    door.away = True
    run = machine.start(JOB)
    until(lambda: any("Waiting for the object store" in message for message in run.messages))
    machine.engine.kill(run.job)

    assert Outcome.DISMISSED is run.wait(60).ended.outcome


def test_an_input_whose_store_goes_away(door, tmp_path):
    """A large input of the own store is taken up where it broke off, as soon as the store is back."""
    from staging_support import job as document_of

    settings = Settings(**configured(door))
    store = open_store(settings)
    (tmp_path / "big").write_bytes(body := os.urandom(LARGE))
    store.put("alice/files/big", tmp_path / "big")
    held, gets = door.forward, []

    def breaking(method, path, headers, body):
        if method == "GET" and "big" in path:
            gets.append(headers["Range"])
            door.away = door.away or len(gets) == 2
        return held(method, path, headers, body)

    door.forward = breaking
    told = []

    def tell(text):
        told.append(text)
        door.away = False

    patient = Patient(store, Patience(300, tell))
    order = stage_in(document_of({"f": "store:alice/files/big"}, {"f": "File"}), tmp_path / "in", settings, patient)

    assert body == Path(order["f"]["location"].removeprefix("file://")).read_bytes()
    assert told[0].startswith("Waiting for the object store")
    assert "The object store answers again." == told[-1]


def test_a_store_that_is_away(fresh):
    """A store that nobody serves fails the job when it has been waited for, with its address in no message."""
    machine = fresh(
        objects="s3://bucket/x",
        objects_patience=3,
        s3_endpoint="http://127.0.0.1:1",
        s3_access_key="k",
        s3_secret_key="s",
        s3_region="r",
    )
    run = machine.start(JOB).wait(100)

    assert (Outcome.FAILED, Reason.STAGE_OUT) == (run.ended.outcome, run.ended.failure.reason)
    assert "does not answer" in run.ended.failure.message
    assert "ADES_OBJECTS_PATIENCE" in run.ended.failure.message
    assert "127.0.0.1" not in run.ended.failure.message
