"""Jobs as Kubernetes Jobs in the namespace of their workspace.

A job becomes the Job `job-<uuid>`, whose pod is the runner; the runner makes a pod of each step. The engine launches
Jobs, follows them and their pods by two watches, and tells what it sees. It keeps nothing that it could not find again:
what is in the cluster, and the record that a runner leaves in the object store, are all there is to know, so that a
server that is started again goes on where the last one was stopped.

`placement` says how a job is to run, `manifests` writes it down, `launcher` makes it so; `watching` reads the cluster,
`seen` keeps what matters of it, `verdict` says what it means, `engine` draws the consequences, `ending` closes a run.
"""
