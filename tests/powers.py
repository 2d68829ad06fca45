"""Which tests of jobs in a cluster need the double, and for which of its powers. With KUBECONFIG they are skipped.

All others of them are in `engine/anywhere` and know nothing of a cluster but its API.
"""

from __future__ import annotations

from typing import Final

NEEDED: Final = {
    "cluster/test_again.py": "a server dies at each call of the API, clocks run ahead, the API's history is read",
    "cluster/test_clearing.py": "runners by a script, faults of kubelets and the API",
    "cluster/test_doctor.py": "accounts of the cluster with one right after the other",
    "cluster/test_engine.py": "runners by a script, faults of the API, counted calls, a forgotten history",
    "cluster/test_http.py": "runners by a script",
    "cluster/test_live_logs.py": "runners by a script, counted calls",
    "cluster/test_natives.py": "runners by a script",
    "cluster/test_processes.py": "the worker is killed at each call of the API",
    "cluster/test_provision.py": "runners by a script, counted calls, faults of the API, accounts with some rights",
    "cluster/test_registries.py": "faults of the API, counted calls, Secrets that nobody may read",
    "cluster/test_troubles.py": "faults of kubelets, nodes and the API; clocks that run ahead",
    "cluster/test_usage.py": "runners by a script",
    "cluster/test_workers.py": "runners by a script, counted calls",
    "kubernetes/test_equal.py": "a store that only this machine reaches, under one workspace for both engines",
    "kubernetes/test_facts.py": "faults of kubelets and nodes, a look at the volume of the job",
    "kubernetes/test_limits.py": "a runner without our launcher",
    "kubernetes/test_pythons.py": "a runner image of another Python",
    "kubernetes/test_runner.py": "a runner without our launcher",
    "kubernetes/test_shared_volume.py": "faults of kubelets, a look at volumes",
    "kubernetes/test_troubles.py": "faults of the API, counted calls, processes of pods, a look at volumes",
}
NO_CLUSTER: Final = {
    "cluster/test_manifests.py",
    "kubernetes/test_manifest.py",
    "kubernetes/test_sight.py",
}
"""What is proved of documents alone."""
