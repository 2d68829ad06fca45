"""The Pod Security Standards, `baseline` and `restricted`, field by field as clusters of 2025 (v1.34) check them.

`refusal` says what the admission plugin of a real cluster says. One thing is stricter than there: what pods with a user
namespace of their own (`hostUsers: false`) are let off is not let off here, since older clusters do not know it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kubernetes_double.objects import Object

Level = Literal["privileged", "baseline", "restricted"]
ENFORCE: Final = "pod-security.kubernetes.io/enforce"

_ADDABLE: Final = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
    *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}
_SELINUX_TYPES: Final = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_SYSCTLS: Final = {
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout"),
    *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"),
    "net.ipv4.tcp_syncookies",
}
_VOLUMES: Final = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"),
}
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_PROFILES: Final = {"RuntimeDefault", "Localhost"}


@dataclass(frozen=True)
class Pod:
    """A pod as the checks look at it."""

    pod: Object

    @property
    def spec(self) -> Object:
        spec: Object = self.pod["spec"]
        return spec

    @property
    def own(self) -> Object:
        """The security context of the pod as a whole."""
        return self.spec.get("securityContext") or {}

    @property
    def windows(self) -> bool:
        return bool((self.spec.get("os") or {}).get("name") == "windows")

    @property
    def volumes(self) -> list[Object]:
        return self.spec.get("volumes") or []

    def containers(self) -> Iterator[Object]:
        """All of them, whatever they are for."""
        for kind in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.spec.get(kind) or []

    def contexts(self) -> Iterator[tuple[str, Object]]:
        """The name of each container and its security context."""
        for container in self.containers():
            yield container["name"], container.get("securityContext") or {}

    def setting(self, bad: Callable[[Object], bool], *, pod: bool = True) -> str:
        """Who has something bad in the security context: `pod and containers "a", "b"`, or nothing."""
        names = [name for name, context in self.contexts() if bad(context)]
        return " and ".join([*(["pod"] if pod and bad(self.own) else []), *([_containers(names)] if names else [])])

    def lacking(self, given: Callable[[Object], Any]) -> str:
        """The containers that have something neither themselves nor from the pod."""
        names = [name for name, context in self.contexts() if not given(context)]
        return "" if given(self.own) or not names else f"pod or {_containers(names)}"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _containers(names: list[str]) -> str:
    return f"container{'s' if len(names) > 1 else ''} {_quoted(names)}"


# -- baseline -----------------------------------------------------------------------------------------------------------


def _apparmor(pod: Pod) -> str:
    def bad(context: Object) -> bool:
        return (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault") not in _PROFILES

    contexts = [pod.own, *(context for _, context in pod.contexts())]
    kinds = sorted({context["appArmorProfile"]["type"] for context in contexts if bad(context)})
    said = f"{who} must not set AppArmor profile type to {_quoted(kinds)}" if (who := pod.setting(bad)) else ""
    annotations = pod.pod.get("metadata", {}).get("annotations") or {}
    old = [
        f'{key}="{value}"'
        for key, value in sorted(annotations.items())
        if key.startswith(_APPARMOR) and value not in {"", "runtime/default"} and not value.startswith("localhost/")
    ]
    return ", ".join([*([said] if said else []), *old])


def _added(pod: Pod, allowed: set[str]) -> str:
    def added(context: Object) -> set[str]:
        return set((context.get("capabilities") or {}).get("add") or []) - allowed

    who = pod.setting(lambda context: bool(added(context)), pod=False)
    words = sorted(set().union(*(added(context) for _, context in pod.contexts())))
    return f"{who} must not include {_quoted(words)} in securityContext.capabilities.add" if who else ""


def _capabilities(pod: Pod) -> str:
    return _added(pod, _ADDABLE)


def _host_namespaces(pod: Pod) -> str:
    return ", ".join(f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name))


def _host_paths(pod: Pod) -> str:
    names = [volume["name"] for volume in pod.volumes if "hostPath" in volume]
    return f"volume{'s' if len(names) > 1 else ''} {_quoted(names)}" if names else ""


def _host_ports(pod: Pod) -> str:
    used = {
        container["name"]: ports
        for container in pod.containers()
        if (ports := [str(port["hostPort"]) for port in container.get("ports") or [] if port.get("hostPort")])
    }
    ports = sorted({port for each in used.values() for port in each}, key=int)
    verb, noun = "use" if len(used) > 1 else "uses", "hostPorts" if len(ports) > 1 else "hostPort"
    return f"{_containers(list(used))} {verb} {noun} {', '.join(ports)}" if used else ""


def _host_process(pod: Pod) -> str:
    who = pod.setting(lambda context: bool((context.get("windowsOptions") or {}).get("hostProcess")))
    return f"{who} must not set securityContext.windowsOptions.hostProcess=true" if who else ""


def _hosts(container: Object) -> set[str]:
    """Where probes and life cycle handlers of a container go, if not to the pod itself."""
    probes = [container.get(f"{kind}Probe") or {} for kind in ("liveness", "readiness", "startup")]
    handlers = [(container.get("lifecycle") or {}).get(kind) or {} for kind in ("postStart", "preStop")]
    ways = [handler.get(way) or {} for handler in [*probes, *handlers] for way in ("httpGet", "tcpSocket")]
    return {way["host"] for way in ways if way.get("host")}


def _probe_hosts(pod: Pod) -> str:
    used = {container["name"]: hosts for container in pod.containers() if (hosts := _hosts(container))}
    hosts = sorted(set().union(*used.values()))
    verb, noun = "use" if len(used) > 1 else "uses", f"probe or lifecycle host{'s' if len(hosts) > 1 else ''}"
    return f"{_containers(sorted(used))} {verb} {noun} {_quoted(hosts)}" if used else ""


def _privileged(pod: Pod) -> str:
    who = pod.setting(lambda context: bool(context.get("privileged")), pod=False)
    return f"{who} must not set securityContext.privileged=true" if who else ""


def _proc_mount(pod: Pod) -> str:
    kinds = {context.get("procMount", "Default") for _, context in pod.contexts()} - {"Default"}
    who = pod.setting(lambda context: context.get("procMount", "Default") != "Default", pod=False)
    return f"{who} must not set securityContext.procMount to {_quoted(sorted(kinds))}" if who else ""


def _selinux(pod: Pod) -> str:
    def wrong(context: Object) -> list[str]:
        options = context.get("seLinuxOptions") or {}
        kind = [] if options.get("type", "") in _SELINUX_TYPES else [f'type "{options["type"]}"']
        return kind + [f"{name} may not be set" for name in ("user", "role") if options.get(name)]

    who = pod.setting(lambda context: bool(wrong(context)))
    contexts = [pod.own, *(context for _, context in pod.contexts())]
    words = list(dict.fromkeys(word for context in contexts for word in wrong(context)))
    return f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(words)}" if who else ""


def _seccomp_of(context: Object) -> str:
    kind: str = (context.get("seccompProfile") or {}).get("type", "")
    return kind


def _unconfined(pod: Pod) -> str:
    who = pod.setting(lambda context: _seccomp_of(context) == "Unconfined")
    return f'{who} must not set securityContext.seccompProfile.type to "Unconfined"' if who else ""


def _sysctls(pod: Pod) -> str:
    return ", ".join(one["name"] for one in pod.own.get("sysctls") or [] if one["name"] not in _SYSCTLS)


# -- restricted ---------------------------------------------------------------------------------------------------------


def _escalation(pod: Pod) -> str:
    if pod.windows:
        return ""
    who = pod.setting(lambda context: context.get("allowPrivilegeEscalation") is not False, pod=False)
    return f"{who} must set securityContext.allowPrivilegeEscalation=false" if who else ""


def _unrestricted_capabilities(pod: Pod) -> str:
    if pod.windows:
        return ""
    who = pod.setting(lambda context: "ALL" not in ((context.get("capabilities") or {}).get("drop") or []), pod=False)
    drop = f'{who} must set securityContext.capabilities.drop=["ALL"]' if who else ""
    return "; ".join(filter(None, (drop, _added(pod, {"NET_BIND_SERVICE"}))))


def _volume_types(pod: Pod) -> str:
    restricted = {volume["name"]: sorted(volume.keys() - {"name"} - _VOLUMES) for volume in pod.volumes}
    named = [
        f'volume "{name}" uses restricted volume type {_quoted(kinds)}' for name, kinds in restricted.items() if kinds
    ]
    return ", ".join(named)


def _root_allowed(pod: Pod) -> str:
    if who := pod.setting(lambda context: context.get("runAsNonRoot") is False):
        return f"{who} must not set securityContext.runAsNonRoot=false"
    who = pod.lacking(lambda context: context.get("runAsNonRoot"))
    return f"{who} must set securityContext.runAsNonRoot=true" if who else ""


def _root(pod: Pod) -> str:
    who = pod.setting(lambda context: context.get("runAsUser") == 0)
    return f"{who} must not set runAsUser=0" if who else ""


def _seccomp(pod: Pod) -> str:
    if pod.windows:
        return ""
    if who := pod.setting(lambda context: bool(_seccomp_of(context)) and _seccomp_of(context) not in _PROFILES):
        contexts = [pod.own, *(context for _, context in pod.contexts())]
        kinds = sorted({_seccomp_of(context) for context in contexts} - _PROFILES - {""})
        return f"{who} must not set securityContext.seccompProfile.type to {_quoted(kinds)}"
    who = pod.lacking(_seccomp_of)
    return f'{who} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"' if who else ""


@dataclass(frozen=True)
class Check:
    """One line of the standard."""

    reason: str
    look: Callable[[Pod], str]
    """What is wrong with a pod, in words; empty when nothing is."""


BASELINE: Final = (
    Check("forbidden AppArmor profile", _apparmor),
    Check("non-default capabilities", _capabilities),
    Check("host namespaces", _host_namespaces),
    Check("hostPath volumes", _host_paths),
    Check("hostPort", _host_ports),
    Check("probe or lifecycle host", _probe_hosts),
    Check("privileged", _privileged),
    Check("procMount", _proc_mount),
    Check("seLinuxOptions", _selinux),
    Check("seccompProfile", _unconfined),
    Check("forbidden sysctls", _sysctls),
    Check("hostProcess", _host_process),
)
_SAID_BETTER: Final = {_capabilities, _host_paths, _unconfined}
"""Checks of `baseline` that `restricted` has a stricter form of."""
RESTRICTED: Final = (
    *(check for check in BASELINE if check.look not in _SAID_BETTER),
    Check("allowPrivilegeEscalation != false", _escalation),
    Check("unrestricted capabilities", _unrestricted_capabilities),
    Check("restricted volume types", _volume_types),
    Check("runAsNonRoot != true", _root_allowed),
    Check("runAsUser=0", _root),
    Check("seccompProfile", _seccomp),
)
CHECKS: Final[dict[str, tuple[Check, ...]]] = {"privileged": (), "baseline": BASELINE, "restricted": RESTRICTED}


def violations(pod: Object, level: Level = "restricted") -> list[str]:
    """All that keeps a pod from a level, each as `reason (who must do what)`."""
    looked = [(check.reason, check.look(Pod(pod))) for check in CHECKS[level]]
    return [f"{reason} ({detail})" for reason, detail in looked if detail]


def refusal(namespace: Object, pod: Object) -> str | None:
    """In which words a namespace refuses a pod; None when it takes it."""
    level = (namespace["metadata"].get("labels") or {}).get(ENFORCE, "privileged")
    if level not in CHECKS:
        level = "restricted"  # as the plugin treats a word that it does not know
    found = violations(pod, level)
    return f'violates PodSecurity "{level}:latest": {", ".join(found)}' if found else None
