"""The manifests in deploy/argocd: rendered, valid by the strict schemas, no more rights than are used, known settings."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import kustomize
import pytest
import yaml
from kubernetes_double.pod_security import violations

from ades.cli import COMMANDS
from ades.engine.kubernetes import names
from ades.engine.kubernetes.belongings import RUNNER_RULES, objects
from ades.engine.kubernetes.placement import Placement
from ades.engine.kubernetes.provision import DOCTOR_RIGHTS, PROVISION_RIGHTS, SERVER_RIGHTS
from ades.runner.calrissian.manifest import NETWORK
from ades.settings import Settings

ARGOCD = Path(__file__).parents[2] / "deploy/argocd"
GUIDE = ARGOCD.parents[1] / "docs/kubernetes-operations.md"
FOLDERS = ["base", "base/provision", "workspace", "overlays/example"]
VERSIONS = ["1.29", "1.37"]


def rendered(folder: str = "overlays/example") -> list[dict]:
    return kustomize.render(ARGOCD / folder)


def named(kind: str, name: str, folder: str = "overlays/example") -> dict:
    (found,) = [one for one in rendered(folder) if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def pods() -> dict[str, dict]:
    """The pods that the manifests make, by the name of what makes them."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in rendered()
        if one["kind"] in {"Deployment", "Job"}
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_object_is_valid(folder, version):
    """By the strict schemas, which know no field that a cluster does not know."""
    for item in rendered(folder):
        kubernetes_validate.validate(item, version, strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_kubectl_renders_the_same(folder):
    """Our small Kustomize says what the real one says, where there is a real one to ask."""
    program = shutil.which("kubectl")
    asked = program and subprocess.run(
        [program, "kustomize", ARGOCD / folder], capture_output=True, text=True, check=False
    )
    if not asked or "unknown command" in asked.stderr:
        pytest.skip("there is no kubectl here to compare with")
    assert not asked.returncode, asked.stderr

    def key(item: dict) -> tuple:
        return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]

    assert sorted(rendered(folder), key=key) == sorted(yaml.safe_load_all(asked.stdout), key=key)


def test_every_pod_is_restricted():
    """By the restricted Pod Security Standard; with a limit of memory and a read-only file system on top."""
    assert {"ades-server", "ades-worker", "ades-db-upgrade"} == pods().keys()
    for spec in pods().values():
        assert [] == violations({"spec": spec})
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
    levels = {one["metadata"]["name"]: one["metadata"]["labels"] for one in rendered() if one["kind"] == "Namespace"}
    assert {"ades", "ws-alice"} == levels.keys()
    assert all(labels["pod-security.kubernetes.io/enforce"] == "restricted" for labels in levels.values())


def test_every_setting_is_one_that_the_server_knows():
    known = {f"ADES_{name.upper()}" for name in Settings.model_fields}
    settings = named("ConfigMap", "ades-settings")["data"]
    given = {entry["name"] for spec in pods().values() for one in spec["containers"] for entry in one.get("env", [])}
    assert set() == (settings.keys() | given) - known
    assert (
        Settings(**{name.removeprefix("ADES_").lower(): value for name, value in settings.items()}).engine
        == "kubernetes"
    )


def rights(rules: list[dict]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_server_has_exactly_the_rights_that_it_uses():
    """It reads Jobs, pods and events everywhere, and changes what belongs to its Jobs in the workspaces."""
    reads = rights(named("ClusterRole", "ades-reader")["rules"])
    own = rights(named("Role", "ades-server")["rules"])
    watched = {(group, kind, verb) for group, kind in (("batch", "jobs"), ("", "pods")) for verb in ("list", "watch")}
    assert set(SERVER_RIGHTS) | watched <= own | reads
    assert set(DOCTOR_RIGHTS) <= own <= {*SERVER_RIGHTS, *DOCTOR_RIGHTS}
    assert {"get", "list", "watch"} == {verb for *_, verb in reads}


def test_a_server_that_makes_namespaces_has_the_rights_for_that_and_those_that_it_hands_on():
    own = rights(named("ClusterRole", "ades-provisioner", "base/provision")["rules"])
    assert own == {*PROVISION_RIGHTS, *SERVER_RIGHTS} | rights(RUNNER_RULES)


def test_the_server_makes_what_the_manifests_say():
    """Object for object, but for its own Role, which it cannot give itself; what it makes has its labels on top."""
    settings = Settings(engine="kubernetes")
    made = [manifest for _, manifest in objects("ws-workspace", Placement.of(settings), settings)]
    by_hand = [item for item in rendered("workspace") if item["metadata"]["name"] != "ades-server"]

    def content(item: dict) -> dict:
        return {name: value for name, value in item.items() if name != "metadata"}

    def by_name(items: list[dict]) -> dict:
        return {(item["kind"], item["metadata"]["name"]): item for item in items}

    ours, theirs = by_name(made), by_name(by_hand)
    assert len(made) == len(by_hand) == len(ours)
    assert {name: content(item) for name, item in theirs.items()} == {
        name: content(item) for name, item in ours.items()
    }
    for name, item in ours.items():
        assert {names.MANAGED_BY: "ades", names.INSTANCE: "ades"}.items() <= item["metadata"]["labels"].items()
        assert theirs[name]["metadata"].get("labels", {}).items() <= item["metadata"]["labels"].items()


def test_the_runner_has_exactly_the_rights_that_it_uses():
    assert rights(RUNNER_RULES) == rights(named("Role", "ades-runner")["rules"])


def test_no_rule_has_a_wildcard_and_nobody_may_read_secrets():
    """No account can see what other jobs were given, the server's own included: it only writes."""
    items = [*rendered(), *rendered("base/provision")]
    every = set().union(*(rights(one["rules"]) for one in items if one["kind"] in {"Role", "ClusterRole"}))
    assert not {"*"} & {word for right in every for word in right}
    assert not {("", "secrets", verb) for verb in ("get", "list", "watch")} & every


def test_bindings_name_accounts_that_are_there():
    accounts = {
        (one["metadata"]["namespace"], one["metadata"]["name"]) for one in rendered() if one["kind"] == "ServiceAccount"
    }
    subjects = [subject for one in rendered() for subject in one.get("subjects", [])]
    assert {("ades", "ades"), ("ws-alice", "ades-runner")} == accounts
    assert all((subject["namespace"], subject["name"]) in accounts for subject in subjects)


def test_argo_cd_is_told_where_the_overlay_lies():
    application = yaml.safe_load((ARGOCD / "application.yaml").read_text())
    assert ("argoproj.io/v1alpha1", "Application") == (application["apiVersion"], application["kind"])
    assert (ARGOCD.parents[1] / application["spec"]["source"]["path"] / "kustomization.yaml").exists()


def test_network_policies_select_what_runners_and_steps_are_labelled_with():
    """Everything is closed; a runner may reach everything, a step the public network if its tool asks for it."""
    selected = {
        one["metadata"]["name"]: one["spec"]["podSelector"] for one in rendered() if one["kind"] == "NetworkPolicy"
    }
    assert {} == selected["ades-nothing"]
    assert {"matchLabels": {names.COMPONENT: names.CONTAINER}} == selected["ades-runner"]
    assert {"matchLabels": {NETWORK: "allowed"}} == selected["ades-steps"]


def test_the_guide_names_commands_and_settings_that_there_are():
    """Five commands lead to the reason of a failure, and `ades` shows the same."""
    guide = GUIDE.read_text()
    assert set(re.findall(r"`ades ([a-z]+)", guide)) <= COMMANDS.keys()
    known = {f"ADES_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"ADES_[A-Z0-9_]+[A-Z0-9]", guide)) <= known
    rows = re.findall(r"^\| \d\. .*", guide, re.MULTILINE)
    assert 5 == len(rows)
    assert all("`kubectl" in row and "`ades" in row for row in rows)
