"""The runner of a cluster: the package's tools become pods by Calrissian, used as a library.

It runs in a pod of its own and in an environment of its own (`calrissian.lock`), with nothing of the server's. What
differs from Calrissian is here because its behaviour on real clusters was looked at; docs/kubernetes-operations.md
has the table.

`program` is what the pod starts; `cluster` speaks to the API, `watch` hears what becomes of pods, `sight` understands
it, `manifest` says what a step's pod looks like, `job` runs one step, `logs` follows what it prints.
"""
