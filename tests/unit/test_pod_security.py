"""Our reading of the Pod Security Standards: what each level takes, and what it refuses for which reason."""

import copy

import pytest
from kubernetes_double.pod_security import BASELINE, RESTRICTED, refusal, violations

KINDS = ["containers", "initContainers", "ephemeralContainers"]
POWERLESS = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
TAKEN = {
    "metadata": {"name": "p", "annotations": {"container.apparmor.security.beta.kubernetes.io/a": "localhost/mine"}},
    "spec": {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
            "seLinuxOptions": {"type": "container_t", "level": "s0"},
            "sysctls": [{"name": "net.ipv4.ping_group_range", "value": "0 0"}],
            "appArmorProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{"name": "a", "securityContext": POWERLESS, "ports": [{"containerPort": 80}]}],
        "initContainers": [{"name": "b", "securityContext": POWERLESS | {"procMount": "Default"}}],
        "ephemeralContainers": [
            {"name": "c", "securityContext": {**POWERLESS, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}
        ],
        "volumes": [
            {"name": "v", "persistentVolumeClaim": {"claimName": "v"}}, {"name": "w", "emptyDir": {}},
            {"name": "x", "secret": {"secretName": "x"}}, {"name": "y", "configMap": {"name": "y"}},
        ],
    },
}  # fmt: skip


def with_pod(**fields):
    """The pod that is taken, with something else in its spec; None takes a field away."""
    pod = copy.deepcopy(TAKEN)
    pod["spec"] = {name: value for name, value in (pod["spec"] | fields).items() if value is not None}
    return pod


def with_own(**fields):
    """The same in the security context of the pod as a whole."""
    own = TAKEN["spec"]["securityContext"] | fields
    return with_pod(securityContext={name: value for name, value in own.items() if value is not None})


def with_container(kind, context=None, **fields):
    """The same in one of its containers."""
    pod = copy.deepcopy(TAKEN)
    (container,) = pod["spec"][kind]
    container |= fields
    given = container["securityContext"] | (context or {})
    container["securityContext"] = {name: value for name, value in given.items() if value is not None}
    return pod


def reasons(pod, level="restricted"):
    return [found.partition(" (")[0] for found in violations(pod, level)]


def test_a_pod_that_keeps_to_everything_is_taken_everywhere():
    assert [] == violations(TAKEN) == violations(TAKEN, "baseline") == violations(TAKEN, "privileged")


OF_PODS = [
    ("hostNetwork", True, "host namespaces", "hostNetwork=true"),
    ("hostPID", True, "host namespaces", "hostPID=true"),
    ("hostIPC", True, "host namespaces", "hostIPC=true"),
]


@pytest.mark.parametrize(("field", "value", "reason", "words"), OF_PODS, ids=str)
def test_no_level_but_privileged_shares_namespaces_with_the_host(field, value, reason, words):
    for level in ("baseline", "restricted"):
        assert [f"{reason} ({words})"] == violations(with_pod(**{field: value}), level)


OF_POD_CONTEXTS = [
    ({"seLinuxOptions": {"type": "spc_t"}}, "seLinuxOptions", "baseline", 'type "spc_t"'),
    ({"seLinuxOptions": {"user": "u", "role": "r"}}, "seLinuxOptions", "baseline", "user may not be set; role may not be"),
    ({"sysctls": [{"name": "kernel.msgmax"}]}, "forbidden sysctls", "baseline", "kernel.msgmax"),
    ({"appArmorProfile": {"type": "Unconfined"}}, "forbidden AppArmor profile", "baseline", 'type to "Unconfined"'),
    ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile", "baseline", "pod must not set securityContext.seccomp"),
    ({"windowsOptions": {"hostProcess": True}}, "hostProcess", "baseline", "pod must not set"),
    ({"seccompProfile": None}, "seccompProfile", "restricted", 'pod or containers "b", "a", "c" must set'),
    ({"runAsNonRoot": None}, "runAsNonRoot != true", "restricted", 'pod or containers "b", "a", "c" must set'),
    ({"runAsNonRoot": False}, "runAsNonRoot != true", "restricted", "pod must not set securityContext.runAsNonRoot=false"),
    ({"runAsUser": 0}, "runAsUser=0", "restricted", "pod must not set runAsUser=0"),
]  # fmt: skip


@pytest.mark.parametrize(("context", "reason", "first", "words"), OF_POD_CONTEXTS)
def test_what_is_said_for_the_whole_pod_counts(context, reason, first, words):
    pod = with_own(**context)
    assert ([reason] if first == "baseline" else []) == reasons(pod, "baseline")
    (found,) = violations(pod)
    assert found.startswith(f"{reason} (")
    assert words in found


OF_CONTAINERS = [
    ({"privileged": True}, "privileged", "baseline"),
    ({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, None, "baseline"),
    ({"procMount": "Unmasked"}, "procMount", "baseline"),
    ({"seLinuxOptions": {"type": "spc_t"}}, "seLinuxOptions", "baseline"),
    ({"appArmorProfile": {"type": "Unconfined"}}, "forbidden AppArmor profile", "baseline"),
    ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile", "baseline"),
    ({"windowsOptions": {"hostProcess": True}}, "hostProcess", "baseline"),
    ({"allowPrivilegeEscalation": None}, "allowPrivilegeEscalation != false", "restricted"),
    ({"allowPrivilegeEscalation": True}, "allowPrivilegeEscalation != false", "restricted"),
    ({"capabilities": None}, "unrestricted capabilities", "restricted"),
    ({"capabilities": {"drop": ["NET_RAW"]}}, "unrestricted capabilities", "restricted"),
    ({"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}, "unrestricted capabilities", "restricted"),
    ({"runAsNonRoot": False}, "runAsNonRoot != true", "restricted"),
    ({"runAsUser": 0}, "runAsUser=0", "restricted"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("context", "reason", "first"), OF_CONTAINERS)
def test_every_kind_of_container_is_looked_at(kind, context, reason, first):
    """And named; what the pod says does not help where the container says otherwise."""
    pod = with_container(kind, context)
    assert ([reason or "non-default capabilities"] if first == "baseline" else []) == reasons(pod, "baseline")
    (found,) = violations(pod)
    assert found.startswith(f"{reason or 'unrestricted capabilities'} (")
    assert f'container "{TAKEN["spec"][kind][0]["name"]}"' in found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        ({"ports": [{"hostPort": 8080}, {"hostPort": 80}]}, "hostPort", "uses hostPorts 80, 8080"),
        ({"livenessProbe": {"httpGet": {"host": "10.0.0.1"}}}, "probe or lifecycle host", '"10.0.0.1"'),
        ({"readinessProbe": {"tcpSocket": {"host": "h"}}}, "probe or lifecycle host", '"h"'),
        ({"lifecycle": {"preStop": {"httpGet": {"host": "h"}}}}, "probe or lifecycle host", '"h"'),
    ],
)
def test_containers_reach_no_port_and_no_host_by_the_kubelet(kind, fields, reason, words):
    for level in ("baseline", "restricted"):
        (found,) = violations(with_container(kind, **fields), level)
        assert found.startswith(f"{reason} (")
        assert words in found


@pytest.mark.parametrize("kind", ["hostPath", "nfs", "iscsi", "gitRepo", "csiStorage", "image"])
def test_volumes_are_of_the_types_that_are_listed(kind):
    pod = with_pod(volumes=[{"name": "v", kind: {}}])
    assert [f'restricted volume types (volume "v" uses restricted volume type "{kind}")'] == violations(pod)
    assert (['hostPath volumes (volume "v")'] if kind == "hostPath" else []) == violations(pod, "baseline")


def test_old_annotations_of_apparmor_count():
    pod = with_pod()
    pod["metadata"]["annotations"]["container.apparmor.security.beta.kubernetes.io/a"] = "unconfined"
    assert ["forbidden AppArmor profile"] == reasons(pod) == reasons(pod, "baseline")


def test_containers_may_say_for_themselves_what_the_pod_does_not_say():
    own = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost", "localhostProfile": "p"}}
    containers = {kind: [{"name": kind, "securityContext": POWERLESS | own}] for kind in KINDS}
    assert [] == violations(with_pod(securityContext=None, **containers))
    containers["initContainers"][0]["securityContext"] = POWERLESS
    assert [
        'runAsNonRoot != true (pod or container "initContainers" must set securityContext.runAsNonRoot=true)',
        (
            'seccompProfile (pod or container "initContainers" must set securityContext.seccompProfile.type to '
            '"RuntimeDefault" or "Localhost")'
        ),
    ] == violations(with_pod(securityContext=None, **containers))


def test_a_pod_of_nothing_is_baseline_and_not_restricted():
    bare = {"spec": {"containers": [{"name": "a"}]}}
    assert [] == violations(bare, "baseline")
    assert 4 == len(violations(bare))


def test_windows_has_no_linux_fields():
    """Which cannot be asked of it then."""
    bare = {"spec": {"os": {"name": "windows"}, "containers": [{"name": "a"}]}}
    assert ["runAsNonRoot != true"] == reasons(bare)


def test_each_check_is_in_the_tests_above():
    """By its reason: what is added to the standard gets a test."""
    reasons = {check.reason for check in (*BASELINE, *RESTRICTED)}
    given = {reason for *_, reason, _, _ in OF_POD_CONTEXTS} | {reason for _, reason, *_ in OF_CONTAINERS}
    given |= {"host namespaces", "hostPath volumes", "hostPort", "probe or lifecycle host", "restricted volume types"}
    assert reasons == (given - {None}) | {"non-default capabilities"}


def test_a_namespace_asks_for_its_level():
    bare = {"spec": {"containers": [{"name": "a"}]}}
    level = lambda word: {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": word}}}  # noqa: E731
    assert refusal({"metadata": {}}, bare) is None
    assert refusal(level("baseline"), bare) is None
    for word in ("restricted", "no-such-level"):
        assert refusal(level(word), bare).startswith('violates PodSecurity "restricted:latest": allowPrivilege')
