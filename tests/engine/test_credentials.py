"""Jobs on this machine get keys of their own, good for a while and for their own prefixes; and they get new ones in time."""

import os
from uuid import uuid4

import pytest
from checking_s3 import CheckingS3
from runs import shell
from s3_servers import SECRET, moto, settings_for  # noqa: F401 - a fixture

from ades.model import Reason
from ades.objects import open_store
from ades.runner.events import Outcome

OUT = "{out: {type: Directory, outputBinding: {glob: out}}}"


@pytest.fixture
def door(moto):  # noqa: F811
    """Makes token services with an S3 server behind them."""
    made = []

    def make(lifetime=None):
        made.append(CheckingS3(moto, lifetime))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def machine(fresh, door, monkeypatch):
    """Makes engines whose jobs get keys from there."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)

    def make(lifetime=None, **changes):
        here = door(lifetime)
        own = settings_for(here.url).model_dump(exclude_unset=True) | {"s3_secret_key": SECRET}
        options = {
            "s3_credentials": "sts",
            "s3_role": "arn:aws:iam::123456789012:role/jobs",
            "s3_credentials_seconds": 60,
        }
        return fresh(**(own | options | changes)), here

    return make


def job(seconds):
    script = f"sleep {seconds}; mkdir out; echo said > out/a.txt; echo done"
    return shell(script, outputs=OUT)


def stays(machine):
    return [path.name for path in (machine.data / "run").rglob("*") if path.is_file()]


def survives(machine, door, seconds):
    run = machine.start(job(seconds)).wait(seconds + 60)
    keys = {key for _, name, key in door.passed if str(run.job) in name}

    assert run.ended.outcome is Outcome.SUCCESSFUL, run.ended
    assert len(door.minted) >= 3
    assert keys <= door.minted.keys()
    store = open_store(machine.settings)
    assert any(info.key.endswith("out/a.txt") for info in store.list(f"alice/processing-results/thing/{run.job}"))
    assert any(info.key.endswith(".log") for info in store.list(f"alice/jobs/{run.job}"))
    assert [] == stays(machine)
    return keys


def test_keys_that_end_while_a_job_runs(machine):
    """Results are stored with keys that are good at that time, however often they ended before."""
    made, door = machine(lifetime=4)
    assert survives(made, door, 9)
    assert [] == [why for why, _, _ in door.refused if why == "ExpiredToken"]


@pytest.mark.long
@pytest.mark.timeout(400)
def test_keys_of_a_minute_and_a_job_of_three(machine):
    """Credentials that live 60 s survive a job of three minutes."""
    made, door = machine()
    assert survives(made, door, 180)


def test_keys_reach_their_own_prefixes_only(machine):
    """What another job or workspace has is refused by the store itself; what the operator has opened can be read."""
    made, door = machine(s3_inputs="bucket/open/{workspace}")
    store = open_store(made.settings)
    store.put("alice/files/mine.txt", b"mine")
    run = made.run(
        shell("cat $1", outputs="{said: stdout}", inputs="{f: {type: File, inputBinding: {}}}"),
        {"f": "store:alice/files/mine.txt"},
    )
    assert run.ended.outcome is Outcome.SUCCESSFUL, run.ended
    (policy,) = [policy for _, _, policy in door.minted.values()]
    prefix = made.settings.objects.removeprefix("s3://bucket/")
    results = f"bucket/{prefix}/alice/processing-results/thing/{run.job}"

    def allowed(method, name, **query):
        return door._allowed(policy, method, name, {key: [value] for key, value in query.items()})

    assert allowed("PUT", f"{results}/x")
    assert allowed("GET", "bucket/open/alice/x")
    assert not allowed("PUT", f"bucket/{prefix}/alice/processing-results/thing/{uuid4()}/x")
    assert not allowed("PUT", f"bucket/{prefix}/alice/files/x")
    assert not allowed("GET", f"bucket/{prefix}/bob/files/x")
    assert not allowed("GET", "bucket/open/bob/x")
    assert not allowed("GET", "bucket", prefix=f"{prefix}/bob/")


def test_a_token_service_that_is_silent(machine):
    """No keys, no job: it is not begun, and told as something that may pass."""
    from ades.errors import Unavailable

    made, _ = machine(s3_sts_endpoint="http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="token service"):
        made.start(job(0))
    assert 4 == made.engine.free()
    assert [] == stays(made)


def test_keys_that_nobody_renews(machine):
    """Results that cannot be stored fail the job with the reason, and nothing of it is left."""
    made, door = machine(lifetime=3)
    run = made.start(job(8))
    while not door.minted:
        pass
    door.mint = lambda _asked: b"nonsense"
    run.wait(120)

    assert (Outcome.FAILED, Reason.STAGE_OUT) == (run.ended.outcome, run.ended.failure.reason)
    assert "nobody has put new ones there" in run.ended.failure.message
    assert [] == list(open_store(made.settings).list(f"alice/processing-results/thing/{run.job}"))
