"""A test of jobs in a cluster runs in any cluster, or says what it needs the double for."""

from pathlib import Path

from powers import NEEDED, NO_CLUSTER

ENGINE = Path(__file__).parents[1] / "engine"


def test_each_test_that_is_not_for_any_cluster_says_why():
    files = {
        str(path.relative_to(ENGINE))
        for name in ("cluster", "kubernetes")
        for path in (ENGINE / name).glob("test_*.py")
    }
    assert files == NEEDED.keys() | NO_CLUSTER
    assert not NEEDED.keys() & NO_CLUSTER


def test_tests_for_any_cluster_know_only_its_api():
    """None of them looks into the double; only what starts it there imports it."""
    found = [path.name for path in (ENGINE / "anywhere").glob("*.py") if "kubernetes_double" in path.read_text()]
    assert ["conftest.py"] == found
