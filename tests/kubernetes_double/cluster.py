"""A whole cluster in one object: the API, the control plane and a kubelet."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections import Counter, defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from kubernetes_double import admission, pod_security
from kubernetes_double.certificate import make_certificate
from kubernetes_double.controllers import Controllers
from kubernetes_double.faults import ApiFault, PodFault
from kubernetes_double.memory import MemoryKubelet
from kubernetes_double.objects import KINDS, ApiError, Object, Objects, now
from kubernetes_double.patches import patched
from kubernetes_double.selectors import selector
from kubernetes_double.server import Request, serve

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from kubernetes_double.kubelet import Kubelet

ADMIN = admission.ADMIN


class Cluster:
    """Start it with `with`; talk to it through `kubeconfig` or the service account files that it gives to pods."""

    def __init__(self, folder: Path, kubelet: Kubelet | None = None) -> None:
        self.folder = folder
        self.objects = Objects()
        self.kubelet = kubelet or MemoryKubelet()
        self.calls: Counter[str] = Counter()
        """How often each `verb resource` was asked for."""
        self.callers: Counter[tuple[str, str]] = Counter()
        """The same, by who asked."""
        self.closing = False
        self.pod_faults: list[PodFault] = []
        self.api_faults: list[ApiFault] = []
        self._cuts: dict[str, list[threading.Event]] = {}
        self.printed: dict[tuple[str, str | None], dict[int, int]] = defaultdict(dict)
        """When each line of a container's log was printed, by its place in bytes, in milliseconds."""
        self._tokens = {secrets.token_urlsafe(16): ADMIN}
        self._certificate, self._key = make_certificate(folder)
        self._server = serve(self, str(self._certificate), str(self._key))
        self._controllers = Controllers(self)

    # -- life -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.kubelet.join(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._controllers.start()
        for name in ("default", "kube-system"):
            self.namespace(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing = True
        self._server.shutdown()
        self._server.server_close()
        self._controllers.stop()
        self.kubelet.close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        return self._certificate

    def kubeconfig(self, path: Path, account: str | None = None) -> Path:
        """Write a kubeconfig of the administrator, or of a service account `namespace/name`."""
        who = {"token": self.token(account) if account else next(iter(self._tokens))}
        certificate = base64.b64encode(self.ca.read_bytes()).decode()
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "double",
                    "clusters": [
                        {"name": "double", "cluster": {"server": self.url, "certificate-authority-data": certificate}}
                    ],
                    "users": [{"name": "who", "user": who}],
                    "contexts": [{"name": "double", "context": {"cluster": "double", "user": "who"}}],
                }
            )
        )
        return path

    def token(self, account: str) -> str:
        """A token of a service account `namespace/name`."""
        namespace, name = account.split("/")
        token = secrets.token_urlsafe(16)
        self._tokens[token] = f"system:serviceaccount:{namespace}:{name}"
        return token

    # -- what tests do ----------------------------------------------------------------------------------------------

    def namespace(self, name: str, level: pod_security.Level = "privileged") -> None:
        """Make a namespace with its default service account, which takes pods of this level of Pod Security."""
        meta = {"name": name, "labels": {pod_security.ENFORCE: level}}
        self.objects.create("namespaces", "", {"metadata": meta, "status": {"phase": "Active"}})
        self.objects.create("serviceaccounts", name, {"metadata": {"name": "default"}})

    def fault(self, fault: PodFault | ApiFault) -> Any:
        """Let something go wrong from now on."""
        (self.pod_faults if isinstance(fault, PodFault) else self.api_faults).append(fault)
        return fault

    def cut_watches(self, kind: str) -> None:
        """Break the connection of every watch of a kind, or of all who follow logs (`pods/log`)."""
        for event in self._cuts.pop(kind, []):
            event.set()

    def event(self, pod: Object, reason: str, message: str, kind: str = "Warning") -> None:
        """Tell something about a pod as the scheduler and the kubelet do."""
        meta = pod["metadata"]
        involved = {
            "kind": pod.get("kind", "Pod"),
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        }
        self.objects.create(
            "events",
            meta["namespace"],
            {
                "metadata": {"generateName": f"{meta['name']}."},
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "type": kind,
                "firstTimestamp": now(),
                "lastTimestamp": now(),
                "count": 1,
            },
        )

    # -- what the server asks ---------------------------------------------------------------------------------------

    def watch_cut(self, kind: str) -> threading.Event:
        """The event that breaks a watch which begins now."""
        event = threading.Event()
        self._cuts.setdefault(kind, []).append(event)
        return event

    def pod_over(self, namespace: str, name: str, uid: str, container: str | None = None) -> bool:
        """Whether a pod, or one container of it, writes no more log."""
        try:
            pod = self.objects.get("pods", namespace, name)
        except ApiError:
            return True
        statuses = pod["status"].get("containerStatuses") or []
        ended = any(one["name"] == container and "terminated" in one.get("state", {}) for one in statuses)
        return ended or pod["metadata"]["uid"] != uid or pod["status"].get("phase") in {"Succeeded", "Failed"}

    def admit(self, request: Request) -> None:
        """Count the call, let faults strike, and refuse who may not."""
        user = self._tokens.get(request.token)
        self.calls[f"{request.verb} {request.resource}"] += 1
        self.callers[user or "anonymous", f"{request.verb} {request.resource}"] += 1
        for fault in self.api_faults:
            if fault.strikes(request):
                if fault.action is None:
                    raise ApiError(fault.code, fault.reason, fault.message)
                fault.action(request)
        if user is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if user != ADMIN and request.kind != "selfsubjectaccessreviews":
            admission.authorize(self.objects, user, request)

    def act(self, request: Request) -> tuple[int, Object]:
        """Do what a request says."""
        return getattr(self, f"_{request.verb}")(request)

    def _get(self, request: Request) -> tuple[int, Object]:
        return 200, self.objects.get(request.kind, request.namespace, request.name or "")

    def _list(self, request: Request) -> tuple[int, Object]:
        kind = KINDS[request.kind]
        with self.objects.changed:
            version = str(self.objects.version)
            items = self.objects.find(request.kind, request.namespace or None)
        matches = selector(request.query.get("labelSelector"), request.query.get("fieldSelector"))
        return 200, {
            "kind": f"{kind.name}List",
            "apiVersion": kind.api_version,
            "metadata": {"resourceVersion": version},
            "items": [item for item in items if matches(item)],
        }

    def _create(self, request: Request) -> tuple[int, Object]:
        if request.namespace:
            self.objects.get("namespaces", "", request.namespace)
        with self.objects.changed:
            if request.kind == "selfsubjectaccessreviews":
                return 201, self._review(request)
            body = admission.checked(self.objects, request.kind, request.namespace, request.body)
            made = self.objects.create(request.kind, request.namespace, body)
            if request.kind == "namespaces":
                self.objects.create("serviceaccounts", made["metadata"]["name"], {"metadata": {"name": "default"}})
            return 201, made

    def _review(self, request: Request) -> Object:
        """Whether whoever asks may do something."""
        wanted = request.body["spec"]["resourceAttributes"]
        allowed = admission.may(
            self.objects,
            self._tokens[request.token],
            wanted.get("group", ""),
            "/".join(filter(None, (wanted["resource"], wanted.get("subresource")))),
            wanted["verb"],
            wanted.get("namespace", ""),
        )
        return {**request.body, "status": {"allowed": allowed}}

    def _update(self, request: Request) -> tuple[int, Object]:
        def change(item: Object) -> None:
            replaced = {**request.body}
            item.update(replaced if request.sub != "status" else {"status": replaced.get("status", {})})

        return 200, self.objects.update(request.kind, request.namespace, request.name or "", change)

    def _patch(self, request: Request) -> tuple[int, Object]:
        def change(item: Object) -> None:
            new = patched(item, request.body, request.content_type)
            item.clear()
            item.update(new)

        return 200, self.objects.update(request.kind, request.namespace, request.name or "", change)

    def _delete(self, request: Request) -> tuple[int, Object]:
        item = self.objects.get(request.kind, request.namespace, request.name or "")
        options = request.body or {}
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted not in (None, item["metadata"]["uid"]):
            raise ApiError(409, "Conflict", "the UID in the precondition does not match the UID in record")
        return 200, self.delete(request.kind, item, _grace(request, options), _policy(request, options))

    def _deletecollection(self, request: Request) -> tuple[int, Object]:
        matches = selector(request.query.get("labelSelector"), request.query.get("fieldSelector"))
        items = [item for item in self.objects.find(request.kind, request.namespace) if matches(item)]
        for item in items:
            options = request.body or {}
            self.delete(request.kind, item, _grace(request, options), _policy(request, options))
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "metadata": {}}

    def delete(self, kind: str, item: Object, grace: int | None = None, policy: str | None = None) -> Object:
        """Delete as the API does: a running pod gets its grace, everything else goes at once."""
        meta = item["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        if kind == "pods" and item.get("status", {}).get("phase") in {"Running", "Pending"}:
            seconds = grace if grace is not None else item["spec"].get("terminationGracePeriodSeconds", 30)

            def mark(pod: Object) -> None:
                pod["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": seconds}

            marked = self.objects.update(kind, namespace, name, mark)
            self.kubelet.stop(marked, seconds)
            return marked
        # Jobs made through the old client orphan their pods unless the call says otherwise, as on a real cluster.
        if policy == "Orphan" or (kind == "jobs" and policy is None):
            self._controllers.orphan(meta["uid"])
        if kind == "namespaces":
            for inside in (each.plural for each in KINDS.values() if each.namespaced):
                for one in self.objects.find(inside, name):
                    with suppress(ApiError):  # it has just gone by itself
                        self.delete(inside, one, 0, "Background")
        return self.objects.remove(kind, namespace, name)


def _grace(request: Request, options: Object) -> int | None:
    value = request.query.get("gracePeriodSeconds", options.get("gracePeriodSeconds"))
    return None if value is None else int(value)


def _policy(request: Request, options: Object) -> str | None:
    return request.query.get("propagationPolicy") or options.get("propagationPolicy")
