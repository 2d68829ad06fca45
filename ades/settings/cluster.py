"""Jobs in a Kubernetes cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ades.settings.words import Group, Words


class Cluster(Group):
    """Jobs in a cluster."""

    engine: Literal["local", "kubernetes"] = Field(
        "local", description="Where jobs run: on this machine, or as Jobs of a Kubernetes cluster."
    )
    kubernetes_config: Path | None = Field(
        None, description="Kubeconfig file. Empty: the account of the server's own pod, else what kubectl would use."
    )
    kubernetes_instance: str = Field(
        "ades",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Label by which a server knows its own Jobs. Give each server of one cluster another one.",
    )
    kubernetes_namespace: str = Field(
        "ws-{workspace}", description="Namespace of a workspace that names none of its own."
    )
    kubernetes_watch: Literal["cluster", "namespaces"] = Field(
        "cluster", description="Watch the whole cluster (two watches), or each namespace where that is not allowed."
    )
    kubernetes_provision: bool = Field(
        False,
        description="Make the namespace of a workspace and all that belongs into it, and keep it as the settings say.",
    )
    kubernetes_quota: dict[str, str] = Field(
        {
            "count/jobs.batch": "200",
            "pods": "200",
            "requests.cpu": "64",
            "requests.memory": "256Gi",
            "limits.memory": "256Gi",
            "persistentvolumeclaims": "200",
        },
        description="JSON object: quota of a namespace that the server makes. A workspace that says how many jobs may run "
        "at once, and how large, gets no more than these need.",
    )
    kubernetes_default_requests: dict[str, str] = Field(
        {"cpu": "250m", "memory": "256Mi"},
        description="JSON object: what a container there asks for that does not say it (its limit range).",
    )
    kubernetes_default_limits: dict[str, str] = Field(
        {"memory": "1Gi"}, description="JSON object: what a container there must not exceed that does not say it."
    )
    kubernetes_closed_networks: Words = Field(
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        description="IPv4 networks that steps there do not reach even where their tool asks for the network.",
    )
    kubernetes_jobs: int = Field(1000, ge=1, description="Jobs that are in the cluster at the same time.")
    kubernetes_keep: float = Field(
        0, ge=0, description="Seconds that a finished Job and its pod stay in the cluster for those who look at them."
    )
    kubernetes_image: str = Field("", description="Image of the runner.")
    kubernetes_pull_secrets: Words = Field((), description="Secrets with which images are pulled, in each namespace.")
    kubernetes_service_account: str = Field("ades-runner", description="Account of the runner's pods.")
    kubernetes_service_account_annotations: dict[str, str] = Field(
        {}, description="JSON object: annotations of that account where the server makes it, such as a cloud role."
    )
    kubernetes_step_service_account: str = Field(
        "", description="Account of the pods of steps, which get no token of it. Empty: the namespace's `default`."
    )
    kubernetes_cpu: str = Field("250m", description="Cores that a runner asks for.")
    kubernetes_memory: str = Field("1Gi", description="Memory that a runner asks for and must not exceed.")
    kubernetes_node_selector: dict[str, str] = Field({}, description="JSON object: labels of nodes that jobs run on.")
    kubernetes_tolerations: tuple[dict[str, Any], ...] = Field(
        (), description="JSON array: tolerations of all pods of a job."
    )
    kubernetes_priority_class: str = Field("", description="Priority class of all pods of a job.")
    kubernetes_runtime_class: str = Field("", description="Runtime class of all pods of a job.")
    kubernetes_labels: dict[str, str] = Field({}, description="JSON object: further labels of all pods of a job.")
    kubernetes_annotations: dict[str, str] = Field(
        {}, description="JSON object: further annotations of all pods of a job."
    )
    kubernetes_env: tuple[dict[str, Any], ...] = Field(
        (), description="JSON array: further environment of steps, as in a pod, also from secrets and config maps."
    )
    kubernetes_runner_env: tuple[dict[str, Any], ...] = Field(
        (), description="JSON array: further environment of runners, as in a pod."
    )
    kubernetes_scratch: Literal["rwo-node", "shared", "per-job"] = Field(
        "per-job",
        description="Where a job's files lie: on a volume of its own that one node mounts (`rwo-node`) or many "
        "(`per-job`), or on the workspace's volume (`shared`).",
    )
    kubernetes_scratch_size: str = Field("20Gi", description="Size of a job's volume.")
    kubernetes_scratch_class: str = Field("", description="Storage class of volumes. Empty: the cluster's default.")
    kubernetes_scratch_claim: str = Field("ades-scratch", description="Claim of the workspace's volume (`shared`).")
    kubernetes_ttl: int = Field(
        7 * 86400, ge=7 * 86400, description="Seconds after which the cluster removes a finished Job by itself."
    )
    kubernetes_wall_limit: int = Field(86400, ge=60, description="Seconds that a job may run.")
    kubernetes_max_ram: str = Field("16Gi", description="Memory that the steps of a job may ask for at one time.")
    kubernetes_max_cores: float = Field(8, gt=0, description="Cores that the steps of a job may ask for at one time.")
    kubernetes_pull_deadline: float = Field(
        120, gt=0, description="Seconds after which an image that cannot be pulled fails the job."
    )
    kubernetes_schedule_deadline: float = Field(
        900, gt=0, description="Seconds after which a pod that fits on no node fails the job."
    )
    kubernetes_start_deadline: float = Field(
        30, gt=0, description="Seconds after which a pod that can never start fails the job."
    )
    kubernetes_retries_lost: int = Field(
        1, ge=0, description="How often a step or runner is run again that was evicted, preempted or lost its node."
    )
    kubernetes_retries_memory: int = Field(
        0, ge=0, description="How often a step is run again with more memory after it was killed at its limit."
    )
    kubernetes_memory_factor: float = Field(2, gt=1, description="By which its memory grows each time.")
    kubernetes_memory_maximum: str = Field("", description="Memory beyond which it does not grow.")
    kubernetes_default_image: str = Field("", description="Image of tools that name none. Empty: such a tool fails.")
    kubernetes_grace: int = Field(5, ge=0, le=30, description="Seconds that a pod gets to end when it is stopped.")
