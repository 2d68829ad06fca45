"""A double of the Kubernetes API: small, faithful where our engine and Calrissian look, and able to go wrong on demand.

    with Cluster(folder, ProcessKubelet(folder)) as cluster:
        cluster.namespace("ws-alice")
        ...                                  # talk to it by cluster.kubeconfig(path)
        cluster.fault(PodFault("*warp*", "oom"))

What it is: HTTPS with a certificate of its own; one growing resourceVersion; watches with synthetic ADDED, bookmarks,
time limits, cut connections and 410 Gone; label and field selectors; deletion with grace; garbage collection by owner;
Jobs with suspend, TTL, deadline and back-off; quotas, limit ranges, service accounts, Roles; Pod Security by the label of
the namespace; one node, with limits of memory; logs that can be followed; no images in registries below `.invalid`.

`objects` remembers, `server` speaks HTTP, `controllers` do what the control plane does, `kubelet` runs pods: as
bubblewrap processes, or in memory by a script.
"""

from kubernetes_double.cluster import Cluster
from kubernetes_double.faults import ApiFault, PodFault
from kubernetes_double.memory import MemoryKubelet, Script
from kubernetes_double.processes import ProcessKubelet, bubblewrap

__all__ = ["ApiFault", "Cluster", "MemoryKubelet", "PodFault", "ProcessKubelet", "Script", "bubblewrap"]
