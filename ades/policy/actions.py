"""The words for what can be done. The policy file decides on them; docs/reference.md explains them."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What somebody wants to do."""

    READ_SERVICE = "read-service"
    """Read what the server is: landing page, conformance, API definition, documentation."""

    LIST_PROCESSES = "list-processes"
    """Ask for the processes of a workspace; the answer holds those that the caller may read."""
    LIST_ALL_PROCESSES = "list-all-processes"
    """See every process of a workspace in its list, without asking for each."""
    READ_PROCESS = "read-process"
    """Read a process: description, package, revisions."""
    EXECUTE_PROCESS = "execute-process"
    DEPLOY_PROCESS = "deploy-process"
    REPLACE_PROCESS = "replace-process"
    UNDEPLOY_PROCESS = "undeploy-process"
    SHARE_PROCESS = "share-process"
    """Change who may see and execute a process."""

    LIST_JOBS = "list-jobs"
    """Ask for the jobs of a workspace; the answer holds those that the caller may read."""
    LIST_ALL_JOBS = "list-all-jobs"
    """See every job that was called for a workspace in its list, without asking for each."""
    READ_JOB = "read-job"
    """Read the status, the steps and the events of a job."""
    READ_LOGS = "read-logs"
    READ_RESULTS = "read-results"
    CHANGE_JOB = "change-job"
    """Change or start a job that was created and waits."""
    DISMISS_JOB = "dismiss-job"
    """Stop a running job, or remove a finished one."""

    RELEASE_RESULTS = "release-results"
    """Copy results of a job to a release store."""
    READ_RELEASES = "read-releases"
    WITHDRAW_RELEASE = "withdraw-release"

    READ_FILES = "read-files"
    WRITE_FILES = "write-files"

    LIST_WORKSPACES = "list-workspaces"
    """Ask for the workspaces; the answer holds those that the caller may read."""
    READ_WORKSPACE = "read-workspace"
    CREATE_WORKSPACE = "create-workspace"
    CHANGE_WORKSPACE = "change-workspace"
    REMOVE_WORKSPACE = "remove-workspace"
    MANAGE_TOKENS = "manage-tokens"
    """Make, list and revoke the machine tokens of a workspace."""
    MANAGE_SECRETS = "manage-secrets"
    """Set, list and remove the secrets of a workspace."""


SCOPES = frozenset({"administer", "deploy", "execute", "files", "read"})
"""The words that stand for several actions when a machine token is limited; the policy file says for which."""
