"""Callbacks of real processes: what a worker had in its hands when it was killed is delivered by the next one."""

import os
import signal
import threading

import pytest
from receivers import Receiver, until
from served import Api, Process

SETTINGS = {"worker": "false", "lease": 8, "grace": 1, "callback_timeout": 1, "fetch_allow": "127.0.0.1"}


@pytest.mark.long
def test_a_callback_survives_the_death_of_its_worker(tmp_path):
    """kill -9 in the middle of a delivery: it comes again, with the same id, from another worker, and then no more."""
    receiver, started = Receiver(), []

    def start(command):
        started.append(Process(command, tmp_path, **SETTINGS))
        return started[-1]

    try:
        api = Api(start("serve").address())
        receiver.blocked["/done"] = threading.Event()
        first = start("worker")
        subscriber = {"successUri": f"{receiver.url}/done"}
        body = {"inputs": {"message": "hi"}, "subscriber": subscriber}
        _, _, document = api.call("POST", "/processes/echo/execution", body, Prefer="respond-async")
        receiver.wait("/done")
        os.kill(first.pid, signal.SIGKILL)
        receiver.blocked.pop("/done").set()
        start("worker")
        once, again = receiver.wait("/done", 2)
        assert once.headers["ADES-Delivery"] == again.headers["ADES-Delivery"]
        assert once.body == again.body
        assert "successful" == api.wait(document["jobID"])["status"]
        path = f"/jobs/{document['jobID']}/callbacks"
        until(lambda: ["delivered"] == [one["state"] for one in api.call("GET", path)[2]["callbacks"]])
        assert 2 == len(receiver.of("/done"))
    finally:
        for process in started:
            process.stop()
        receiver.close()
