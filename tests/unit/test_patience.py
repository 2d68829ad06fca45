"""Waiting for a store that is away: for how long, for what, and what is told."""

import io

import pytest

from ades.errors import StorageFull, Unavailable, Unreachable
from ades.runner.patience import Patience, Patient


class Answers:
    """A store whose `put` answers or fails, in turn; the last turn stays."""

    def __init__(self, *turns):
        self.turns = list(turns)
        self.taken = []

    def put(self, key, source, media_type=None):
        self.taken.append(source if isinstance(source, bytes) else source.read())
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        if isinstance(turn, Exception):
            raise turn
        return turn


AWAY = Unreachable("It does not answer.")


def test_waited_for():
    """What is away is asked again, with the whole content, and it is told once that it is away and that it is back."""
    told = []
    store = Answers(AWAY, AWAY, "stored")
    patient = Patient(store, Patience(60, told.append))
    stream = io.BytesIO(b"-content")
    stream.seek(1)

    assert "stored" == patient.put("alice/a", stream)
    assert [b"content"] * 3 == store.taken
    assert [
        "Waiting for the object store, which does not answer, for up to 60 s.",
        "The object store answers again.",
    ] == told


@pytest.mark.parametrize("error", [StorageFull("No room."), Unavailable("Wrong keys."), FileNotFoundError("a")])
def test_not_waited_for(error):
    """What does not mend by itself is told at once."""
    told = []
    store = Answers(error)
    with pytest.raises(type(error)):
        Patient(store, Patience(60, told.append)).put("alice/a", b"")
    assert ([], 1) == (told, len(store.taken))


@pytest.mark.parametrize(("seconds", "most"), [(0.2, None), (3600, 0.2)])
def test_waited_for_in_vain(seconds, most):
    """After its time, or that of the job, nobody waits any more, and the store is not asked for the next thing."""
    store = Answers(AWAY)
    patient = Patient(store, Patience(seconds, lambda _: None, most))
    with pytest.raises(Unavailable, match=r"answer\. It was waited for \d s \(ADES_OBJECTS_PATIENCE\)"):
        patient.put("alice/a", b"")
    asked = len(store.taken)
    with pytest.raises(Unavailable, match="It does not answer"):
        patient.put("alice/b", b"")
    assert asked == len(store.taken)


def test_no_patience():
    """With none the first word of the store is the last."""
    store = Answers(AWAY)
    told = []
    with pytest.raises(Unavailable, match=r"^It does not answer\.$"):
        Patient(store, Patience(0, told.append)).put("alice/a", b"")
    assert ([], 1) == (told, len(store.taken))


def test_ended_while_it_waits():
    """Who ends it ends the waiting as well."""
    patience = Patience(3600, lambda _: patience.end())
    with pytest.raises(Unavailable):
        Patient(Answers(AWAY), patience).put("alice/a", b"")
