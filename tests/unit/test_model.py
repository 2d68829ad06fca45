from ades.model import FINISHED, TRANSITIONS, WORKSPACE_NAME, JobStatus


def test_every_state_has_its_transitions():
    """A job never leaves a finished state, and every state says where it may go."""
    assert set(JobStatus) == set(TRANSITIONS)
    assert all(not TRANSITIONS[status] for status in FINISHED)


def test_a_workspace_name_fits_a_namespace():
    """With `ws-` before it the longest legal name has 63 characters."""
    assert WORKSPACE_NAME.fullmatch("a" * 60)
    assert not WORKSPACE_NAME.fullmatch("a" * 61)
    assert not WORKSPACE_NAME.fullmatch("-a")
    assert not WORKSPACE_NAME.fullmatch("a_b")
