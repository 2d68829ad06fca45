"""What the evaluator inside the server promises beyond its decisions."""

import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import policy_cases
import pytest
from moments import within

from ades.errors import Misconfigured, Unavailable
from ades.policy import Question, open_policy
from ades.policy.embedded import EmbeddedPolicy, shipped
from ades.settings import Settings


def hammer(times):
    policy, cases = EmbeddedPolicy(), policy_cases.CASES
    threads = 16

    def run(offset):
        wrong = 0
        for turn in range(times // threads):
            case = cases[(offset * 31 + turn) % len(cases)]
            wrong += policy.check(case.question).allowed != case.allowed
        return wrong

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(run, range(threads)))


def test_threads():
    """Many threads at once never get one another's answers."""
    assert hammer(5_000) == 0


@pytest.mark.long
def test_threads_long():
    """No wrong decision in a hundred thousand."""
    assert hammer(100_000) == 0


LASTING = """
import sys
sys.path.insert(0, sys.argv[1])
import {before}
import policy_cases
from pathlib import Path
from ades.policy.embedded import EmbeddedPolicy

policy = EmbeddedPolicy(size=1)
import {behind}

def held():
    for case in policy_cases.CASES * (1 + 1000 // len(policy_cases.CASES)):
        policy.check(case.question)
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])

before = held()
print(held() - before)
"""


@pytest.mark.parametrize(
    ("before", "behind"), [("ades.app", "greenlet"), ("greenlet", "pyproj"), ("pyproj", "greenlet")]
)
def test_decisions_cost_no_lasting_memory(before, behind):
    """Whatever else of C++ is loaded, and when: a thousand decisions later the server is as big as before."""
    script = LASTING.format(before=before, behind=behind)
    command = [sys.executable, "-c", script, str(Path(__file__).parents[2])]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stderr
    assert int(ran.stdout) < 5_000, "kilobytes"


def test_ids_do_not_matter():
    """The shipped policy reads no ids and addresses; that is why it is not told of them."""
    told = set(re.findall(r"input\.[a-z_.]+", shipped()))

    assert not told & {"input.process.id", "input.job.id", "input.method", "input.path", "input.username"}


def test_busy(monkeypatch):
    """Who finds no interpreter free waits for one."""
    policy = EmbeddedPolicy(size=1)
    taken = policy._pool._take()
    threading.Timer(0.2, policy._pool._give, [taken]).start()

    assert policy.check(Question(policy_cases.ADMIN, "list-jobs", "owner")).allowed


def test_too_busy(monkeypatch):
    """Who waits too long for an interpreter is told to come again, and is not let through."""
    monkeypatch.setattr("ades.policy.embedded._PATIENCE", 0.05)
    policy = EmbeddedPolicy(size=1)
    question = Question(policy_cases.ADMIN, "list-jobs", "owner")
    taken = policy._pool._take()
    with pytest.raises(Unavailable):
        policy.check(question)
    policy._pool._give(taken)

    assert policy.check(question).allowed


def test_interpreter_comes_back_after_an_error(monkeypatch):
    """A decision that fails does not keep its interpreter."""
    policy = EmbeddedPolicy(size=1)
    monkeypatch.setattr("ades.policy.embedded.understood", lambda answer: 1 / 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            policy.check(Question(policy_cases.ADMIN, "list-jobs", "owner"))


def own(tmp_path, text, **settings):
    file = tmp_path / "own.rego"
    file.write_text(text)
    return open_policy(Settings(policy=str(file), policy_cache=0, **settings))


def test_own_file(tmp_path):
    """An operator's file replaces the shipped one, and is told everything."""
    policy = own(tmp_path, 'package ades\ndecision := {"allow": true, "reasons": [input.path]} if input.path == "/x"')

    assert ("/x",) == policy.check(Question(policy_cases.SAM, "list-jobs", "a", path="/x")).reasons
    assert not policy.check(Question(policy_cases.SAM, "list-jobs", "a", path="/y")).allowed


def test_own_rule(tmp_path):
    """A policy written for EODH's front end decides by its own rule, a boolean, and by the names of its time."""
    text = """package ades
import rego.v1
default allow := false
allow if input.is_public
allow if input.username in input.allowed_users
allow if input.executing_user == input.username
allow if input.deploying_user == input.username
"""
    policy = own(tmp_path, text, policy_rule="ades/allow")

    def allowed(action, workspace, **about):
        return policy.check(Question(policy_cases.SAM, action, workspace, **about)).allowed

    assert allowed("read-process", "a", process=policy_cases.process("public"))
    assert not allowed("read-process", "a", process=policy_cases.process("private"))
    assert allowed("read-process", "a", process=policy_cases.process("shared", ["user:sam"]))
    assert not allowed("read-process", "a", process=policy_cases.process("shared", ["user:ann"]))
    assert allowed("read-job", "a", job={"owner": "sam"})
    assert not allowed("read-job", "a", job={"owner": "ann"})
    assert allowed("deploy-process", "sam")
    assert not allowed("deploy-process", "ann")


@pytest.mark.parametrize("text", ["package ades\nallow {", "\0", "package ades\ndecision := 1 if {"])
def test_broken_file(tmp_path, text):
    """A file that cannot be compiled stops the start with a sentence that names it."""
    with pytest.raises(Misconfigured, match=r"own\.rego"):
        own(tmp_path, text)


def test_missing_file(tmp_path):
    """A file that is not there stops the start."""
    with pytest.raises(Misconfigured, match="cannot be read"):
        open_policy(Settings(policy=str(tmp_path / "none.rego")))


@pytest.mark.parametrize(
    "value", ["undefined_here", '"yes"', "1", "{}", '{"allow": "true"}', "[true]", "null", "false"]
)
def test_no_clear_yes(tmp_path, value):
    """Whatever is not a clear yes is a no."""
    policy = own(tmp_path, f"package ades\ndecision := {value.replace('undefined_here', 'input.nowhere')}")

    assert not policy.check(Question(policy_cases.ADMIN, "list-jobs", "a")).allowed


def test_cache(monkeypatch):
    """A decision is asked once in the seconds that the setting names."""
    now = [0.0]
    from ades.policy.cache import Cached

    asked = []

    class Counting(EmbeddedPolicy):
        def check_many(self, questions):
            asked.extend(questions)
            return super().check_many(questions)

    policy = Cached(Counting(size=1), 5, clock=lambda: now[0])
    ann, sam = (Question(actor, "list-all-jobs", "alice") for actor in (policy_cases.ANN, policy_cases.SAM))

    assert [True, False, True] == [decision.allowed for decision in policy.check_many([ann, sam, ann])]
    assert [True, False] == [policy.check(ann).allowed, policy.check(sam).allowed]
    assert [ann, sam] == asked

    now[0] = 5.1
    assert policy.check(ann).allowed
    assert [ann, sam, ann] == asked


def test_cache_is_bounded(monkeypatch):
    """However many different questions come, the cache keeps to its size."""
    from ades.policy import cache

    monkeypatch.setattr(cache, "_MOST", 10)
    policy = cache.Cached(EmbeddedPolicy(size=1), 60)
    for number in range(50):
        policy.check(Question(policy_cases.SAM, "list-jobs", f"w{number}"))

    assert len(policy._known) <= 10


def test_start():
    """Compiling the policy does not hold up the start of the server."""
    started = time.process_time()
    EmbeddedPolicy(size=2)

    assert time.process_time() - started < within(0.5)
