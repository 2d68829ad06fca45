"""Where a job runs: on this machine or on Kubernetes."""
