"""pygeoapi's processors in our server: unchanged, validated, isolated, and gone when they are told to."""

import time
from pathlib import Path


def run(pair, process, inputs, **more):
    return pair.ask("POST", f"/processes/{process}/execution", {"inputs": inputs} | more)


def test_hello_world_runs_unchanged(pair):
    """The processor that pygeoapi ships, by its name."""
    status, _, document = run(pair, "pygeoapi-helloworld", {"name": "Ada"})
    assert 200 == status
    assert "Hello Ada" in str(document)


def test_echo_runs_unchanged(pair):
    described = pair.ask("GET", "/processes/pygeoapi-echo")[2]["inputs"]
    inputs = {name: port["schema"]["enum"][0] for name, port in described.items() if port.get("minOccurs", 1)}
    status, _, document = run(pair, "pygeoapi-echo", inputs)
    assert 200 == status, document
    assert "Echo" in str(document)


def test_their_inputs_are_validated(pair):
    """Before anything of them is loaded."""
    for inputs in ({"name": 5}, {"nobody": "x"}, {}):
        status, _, document = run(pair, "pygeoapi-helloworld", inputs)
        assert 400 == status, document
        assert "name" in str(document) or "nobody" in str(document)


def test_they_are_isolated(pair):
    """A processor sees neither the database nor the settings of the server, and can write nothing outside."""
    [database] = [path for path in pair.data.iterdir() if path.suffix in {".db", ".sqlite"}]
    status, _, document = run(pair, "spy", {"path": str(database)})
    assert 200 == status, document
    said = document.get("answer", document)
    assert "done" not in {said["read"], said["written"]}, said
    assert database.name not in said["listed"]
    assert [] == [name for name in said["environment"] if "SECRET" in name or "TOKEN" in name or "DATABASE" in name]
    assert not Path(f"{database}.new").exists()


def test_they_can_be_killed(pair):
    """With all that they have started, whatever it did to survive."""
    body = {"inputs": {}}
    job = pair.ask("POST", "/processes/stubborn/execution", body, Prefer="respond-async")[2]["id"]
    end = time.monotonic() + 60
    while not sleepers():
        assert time.monotonic() < end, pair.ask("GET", f"/jobs/{job}")
        time.sleep(0.1)
    assert "dismissed" == pair.ask("DELETE", f"/jobs/{job}")[2]["status"]
    while sleepers():
        assert time.monotonic() < end
        time.sleep(0.1)


def sleepers():
    """What the stubborn processor has started."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if b"61.0017" in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except (OSError, ValueError):
            continue
    return found
