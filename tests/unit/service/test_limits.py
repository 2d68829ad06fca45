"""Defaults and maxima: what a job is given, what is refused, and who is named."""

import math
from pathlib import Path

import pytest

from ades.errors import BadRequest, InvalidPackage, Misconfigured
from ades.recipe.wishes import Wish
from ades.service.limits import NAMES, check, check_numbers, granted, most, quota, setting
from ades.service.quotas import Quotas
from ades.settings import Settings

UNIT = 2**20
"""A number of which a few are fit for every limit."""
GIB = 2**30
ASKED = {
    "cores": ("coresMin", 1),
    "memory": ("ramMin", 2**20),
    "disk": ("outdirMin", 2**20),
    "seconds": ("ToolTimeLimit", 1),
}
"""By which word a package asks for more, and the unit of it."""


def settings(**changes):
    return Settings(data=Path("x"), **changes)


def server(name, default=None, maximum=None):
    """A server with these numbers for one limit."""
    given = {setting(name): default, f"{setting(name)}_max": maximum}
    return settings(**{word: number for word, number in given.items() if number is not None})


def workspace(name, default=None, maximum=None):
    given = {quota(name): default, f"{quota(name)}_max": maximum}
    return Quotas.read({word: number for word, number in given.items() if number is not None})


def number(name, times):
    """So many units; cores of a workspace end at 4096."""
    return times if name == "cores" else times * UNIT


@pytest.mark.parametrize("name", NAMES)
def test_what_a_job_gets(name):
    """The workspace's number before the server's, never more than the maximum; a maximum alone is the default too."""

    def given(own, quotas=None):
        return getattr(granted(own, quotas or Quotas()), name)

    two, four, eight = (number(name, times) for times in (2, 4, 8))
    assert two == given(server(name, two, eight))
    assert four == given(server(name, two, eight), workspace(name, four))
    assert four == given(server(name, two, eight), workspace(name, eight, four))
    assert two == given(server(name, four, four), workspace(name, eight, two))
    if getattr(settings(), setting(name)) is None:
        assert eight == given(server(name, maximum=eight))


@pytest.mark.parametrize("name", NAMES)
def test_the_lower_maximum_holds(name):
    """That of the server, or that of the workspace."""
    four, eight = number(name, 4), number(name, 8)
    assert four == getattr(most(server(name, maximum=eight), workspace(name, maximum=four)), name)
    assert four == getattr(most(server(name, maximum=four), workspace(name, maximum=eight)), name)
    assert getattr(most(settings(), Quotas()), name) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_workspace_stays_below_the_maximum(name):
    """Both numbers and both names are in the answer; the same number and what nobody has touched are fine."""
    above, allowed = number(name, 8), number(name, 4)
    for word in (quota(name), f"{quota(name)}_max"):
        with pytest.raises(BadRequest) as refused:
            check_numbers(Quotas.read({word: above}), server(name, maximum=allowed), frozenset({word}))
        assert f"settings.{word}" == refused.value.field
        for part in (word, f"{above}", f"{allowed}", f"ADES_{setting(name).upper()}_MAX"):
            assert part in refused.value.detail
        check_numbers(Quotas.read({word: allowed}), server(name, maximum=allowed), frozenset({word}))
        check_numbers(Quotas.read({word: above}), server(name, maximum=allowed), frozenset({"running"}))


@pytest.mark.parametrize("name", NAMES)
def test_a_workspace_stays_below_its_own_maximum(name):
    """Also when only the maximum is changed."""
    quotas = workspace(name, number(name, 8), number(name, 4))
    for word in (quota(name), f"{quota(name)}_max"):
        with pytest.raises(BadRequest, match=rf"\({quota(name)}_max\)"):
            check_numbers(quotas, settings(), frozenset({word}))


@pytest.mark.parametrize("name", NAMES)
def test_a_server_stays_below_its_own_maximum(name):
    """Its default may not be more; it does not start."""
    with pytest.raises(Misconfigured, match=f"ADES_{setting(name).upper()}_MAX") as refused:
        server(name, number(name, 8), number(name, 4))
    assert setting(name) == refused.value.field


def test_the_default_that_nobody_set_gives_way():
    """Logs have a default; to set a lower maximum is enough."""
    assert 1000 == granted(settings(job_log_max=1000), Quotas()).log


@pytest.mark.parametrize(("tool", "job"), [("tool_memory", "memory"), ("tool_seconds", "seconds")])
def test_a_tool_stays_below_the_maximum_of_the_job(tool, job):
    """What one tool gets is part of what the job gets."""
    with pytest.raises(BadRequest, match=f"settings.{tool}: .*ADES_JOB_{job.upper()}_MAX"):
        check_numbers(workspace(tool, 8 * UNIT), server(job, maximum=4 * UNIT), frozenset({tool}))


@pytest.mark.parametrize("name", ASKED)
def test_a_package_gets_what_it_asks_for(name):
    """More than the default up to the maximum; without a maximum the default holds."""
    field, unit = ASKED[name]
    two, four, eight = (number(name, times) for times in (2, 4, 8))
    wishes = (Wish("tool", field, four / unit), Wish("other", field, 1))
    asked = getattr(granted(server(name, two, eight), Quotas(), wishes), name)
    assert (eight if name == "seconds" else four) == asked
    assert two == getattr(granted(server(name, two), Quotas(), wishes), name)
    assert eight == getattr(granted(server(name, two, eight), Quotas(), (Wish("t", field, math.inf),)), name)
    assert eight == getattr(granted(server(name, eight, eight), Quotas(), wishes), name)


@pytest.mark.parametrize(
    ("name", "field", "unit"),
    [
        *((name, *word) for name, word in ASKED.items()),
        ("disk", "tmpdirMin", 2**20),
        ("tool_memory", "ramMin", 2**20),
        ("tool_seconds", "ToolTimeLimit", 1),
    ],
)
def test_a_package_that_asks_for_more_is_refused(name, field, unit):
    """Named are the tool, the field, the wish, the maximum and where it is set; an expression is not known yet."""
    above, allowed = number(name, 8), number(name, 4)
    wishes = (Wish("warp", field, above / unit),)
    with pytest.raises(InvalidPackage) as refused:
        check(wishes, server(name, maximum=allowed))
    assert field == refused.value.field
    for part in ("warp", f"{above // unit} ", f"({field})", f"{allowed // unit} ", f"ADES_{setting(name).upper()}_MAX"):
        assert part in refused.value.detail
    with pytest.raises(InvalidPackage, match=rf"\({quota(name)}_max of the workspace alice\)"):
        check(wishes, settings(), workspace(name, maximum=allowed), "alice")
    check((Wish("warp", field, allowed / unit), Wish("warp", field, math.inf)), server(name, maximum=allowed))
    check(wishes, server(name, allowed))


def test_in_a_cluster_what_steps_may_ask_for_is_the_default():
    """`ADES_KUBERNETES_MAX_RAM` and `…_MAX_CORES`, or those of the workspace, where there is no other number."""
    cluster = settings(engine="kubernetes", kubernetes_max_ram="4Gi", job_memory_max="16Gi", job_cores_max=16)
    ample = (Wish("tool", "ramMin", 8 * 1024),)
    assert (4 * GIB, 8) == (granted(cluster, Quotas()).memory, granted(cluster, Quotas()).cores)
    assert 8 * GIB == granted(cluster, Quotas(), ample).memory
    own = Quotas.read({"kubernetes": {"max_ram": "6Gi", "max_cores": 2}})
    assert (6 * GIB, 2) == (granted(cluster, own).memory, granted(cluster, own).cores)
    assert 5 * GIB == granted(cluster, Quotas(memory=5 * GIB)).memory
    assert granted(settings(engine="kubernetes"), Quotas()).memory is None


@pytest.mark.parametrize(
    ("word", "value", "maximum"),
    [
        ("max_ram", "64Gi", "job_memory_max"),
        ("max_cores", 64, "job_cores_max"),
        ("wall_limit", 7200, "job_seconds_max"),
    ],
)
def test_what_a_workspace_says_of_the_cluster_stays_below_the_maximum(word, value, maximum):
    """As its other numbers."""
    quotas = Quotas.read({"kubernetes": {word: value}})
    small = 2**30 if word == "max_ram" else 60
    with pytest.raises(BadRequest, match=f"settings.kubernetes.{word}: .*ADES_{maximum.upper()}"):
        check_numbers(quotas, settings(**{maximum: small}), frozenset({"kubernetes"}))
