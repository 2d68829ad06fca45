"""What asking an Open Policy Agent server promises: it decides, and without it nothing is allowed."""

import socket

import opa_library
import policy_cases
import pytest

from ades.errors import Misconfigured, Unavailable
from ades.policy import Question, open_policy
from ades.settings import Settings

LIST = Question(policy_cases.ADMIN, "list-jobs", "owner")


def policy(url, **settings):
    return open_policy(Settings(policy=url, policy_cache=0, **settings))


def test_undefined_is_refused(opa_url):
    """A rule that the server does not have allows nothing, alone and among several."""
    asking = policy(opa_url, policy_rule="ades/elsewhere", policy_timeout=10)

    assert not asking.check(LIST).allowed
    assert [False, False] == [decision.allowed for decision in asking.check_many([LIST, LIST])]


def test_boolean_rule(opa_url):
    """A rule that is a boolean is enough."""
    asking = policy(opa_url, policy_rule="ades/allow", policy_timeout=10)

    assert asking.check(LIST).allowed
    assert not asking.check(Question(policy_cases.SAM, "deploy-process", "owner")).allowed


def test_package_path(opa, tmp_path):
    """The rule may lie in a package below others, also in one whose name is no plain word."""
    rego = tmp_path / "deep.rego"
    rego.write_text('package platform["run-time"].ades\nallow if input.user == "root"')
    with opa_library.serve(opa, tmp_path, rego) as url:
        asking = policy(url, policy_rule="platform/run-time/ades/allow", policy_timeout=10)

        assert [True, False] == [
            decision.allowed for decision in asking.check_many([LIST, Question(policy_cases.SAM, "list-jobs", "a")])
        ]


def test_some_undefined(opa, tmp_path):
    """One question without an answer does not spoil the answers to the others."""
    rego = tmp_path / "some.rego"
    rego.write_text('package ades\nallow if input.user == "root"')
    with opa_library.serve(opa, tmp_path, rego) as url:
        asking = policy(url, policy_rule="ades/allow", policy_timeout=10)
        questions = [LIST, Question(policy_cases.SAM, "list-jobs", "a"), LIST]

        assert [True, False, True] == [decision.allowed for decision in asking.check_many(questions)]


def test_down():
    """A server that is not there allows nothing: try again later."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable):
        policy(f"http://127.0.0.1:{port}").check(LIST)


def test_slow(opa, tmp_path):
    """A server that takes too long allows nothing."""
    with opa_library.serve(opa, tmp_path, opa_library.POLICY, delay=5) as url:
        asking = policy(url, policy_timeout=0.3)
        with pytest.raises(Unavailable):
            asking.check(LIST)
        with pytest.raises(Unavailable):
            asking.check_many([LIST, LIST])


def test_token(opa, tmp_path):
    """The server's token is sent; without the right one nothing is allowed."""
    with opa_library.serve(opa, tmp_path, opa_library.POLICY, token="secret") as url:
        assert policy(url, policy_token="secret", policy_timeout=10).check(LIST).allowed
        with pytest.raises(Unavailable):
            policy(url, policy_token="wrong", policy_timeout=10).check(LIST)
        with pytest.raises(Unavailable):
            policy(url, policy_timeout=10).check(LIST)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nyes!", b"HTTP/1.1 500 No\r\n\r\n", b"?"]
)
def test_rubbish(answer):
    """A server that answers rubbish allows nothing."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unavailable):
            policy(f"http://127.0.0.1:{server.getsockname()[1]}").check(LIST)
        thread.join()


def test_address_with_a_path():
    """An address that already names the rule is told apart from one that does not."""
    with pytest.raises(Misconfigured, match="ADES_POLICY_RULE"):
        policy("http://127.0.0.1:8181/v1/data/ades/allow")
