"""Pods as bubblewrap processes: volumes are binds, service-account files lie at their place, signals as a kubelet's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import BinaryIO

from kubernetes_double.admission import quantity
from kubernetes_double.faults import PodFault
from kubernetes_double.kubelet import Kubelet
from kubernetes_double.objects import ApiError, Object

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_LOOK = 0.1
"""Seconds between two looks at how much memory a container holds."""
_HIDDEN = {"tmp", "proc", "dev", "sys", "run", "var", "work"}


def bubblewrap() -> str | None:
    """Why pods cannot be processes here; None when they can."""
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed (apt-get install bubblewrap)"
    probe = subprocess.run([program, "--ro-bind", "/", "/", "--unshare-pid", "true"], capture_output=True, check=False)
    return None if probe.returncode == 0 else f"bubblewrap does not work here: {probe.stderr.decode().strip()}"


class ProcessKubelet(Kubelet):
    """Each pod is a thread that starts its containers one after the other in a bubblewrap sandbox."""

    def __init__(self, folder: Path, *, images: dict[str, Path] | None = None) -> None:
        self.folder = folder
        self.images = images or {}
        """Folders that stand for images, seen as /image with their programs on the PATH; of other images nothing is."""
        self._runs: dict[str, PodRun] = {}

    def begin(self, pod: Object, fault: PodFault | None) -> None:
        run = self._runs[pod["metadata"]["uid"]] = PodRun(self, pod, fault)
        threading.Thread(target=run.run, daemon=True).start()

    def stop(self, pod: Object, seconds: float) -> None:
        run = self._runs.get(pod["metadata"]["uid"])
        if run is None:
            self.remove(pod)
        elif run.fault is None or run.fault.kind != "node-lost" or seconds == 0:
            threading.Thread(target=run.stop, args=(seconds,), daemon=True).start()

    def log(self, pod: Object, container: str | None) -> BinaryIO | None:
        run = self._runs.get(pod["metadata"]["uid"])
        return None if run is None else run.open_log(container or pod["spec"]["containers"][0]["name"])

    def close(self) -> None:
        for run in list(self._runs.values()):
            run.stop(0)


class PodRun:
    """The life of one pod on the node."""

    def __init__(self, kubelet: ProcessKubelet, pod: Object, fault: PodFault | None) -> None:
        self.kubelet, self.pod, self.fault = kubelet, pod, fault
        meta = pod["metadata"]
        self.folder = kubelet.folder / "pods" / meta["uid"]
        self.folder.mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()

    # -- life -------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        try:
            self._run()
        except ApiError as error:
            waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": error.message}}
            name = self.pod["spec"]["containers"][0]["name"]
            self.kubelet.write(self.pod, {"containerStatuses": [{"name": name, "state": waiting, "ready": False}]})
            self._stopping.wait()
        finally:
            self._ended.set()

    def _run(self) -> None:
        if self.fault is not None and self.fault.kind == "slow":
            self._stopping.wait(self.fault.seconds)
        spec = self.pod["spec"]
        for container in spec.get("initContainers") or []:
            if self._stopping.is_set() or self._execute(container):
                self.kubelet.ended(self.pod, spec["containers"][0], 1, None)
                return
        container = spec["containers"][0]
        if self._stopping.is_set():
            return
        self.kubelet.started(self.pod, container)
        self._strike_later()
        code = self._execute(container)
        if self.fault is not None and self.fault.kind == "node-lost" and not self._stopping.is_set():
            self.kubelet.lose_node(self.pod)
        elif self.fault is not None and self.fault.kind == "deleted" and not self._stopping.is_set():
            self.kubelet.remove(self.pod)
        else:
            fault = None if self._stopping.is_set() else self.fault
            self.kubelet.ended(self.pod, container, code, fault, self._message(container, code))

    def _strike_later(self) -> None:
        """A fault ends the container from outside after its seconds."""
        if self.fault is None or self.fault.kind in {"slow", "exit"}:
            return
        timer = threading.Timer(self.fault.seconds, self._signal, (signal.SIGKILL,))
        timer.daemon = True
        timer.start()

    def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL when the grace is over; then the pod is gone."""
        self._stopping.set()
        if seconds > 0:
            self._signal(signal.SIGTERM)
            self._ended.wait(seconds)
        while not self._ended.wait(0.05):
            self._signal(signal.SIGKILL)
        self.kubelet.remove(self.pod)
        shutil.rmtree(self.folder / "volumes", ignore_errors=True)

    def _signal(self, number: int) -> None:
        """To the container's own first process, as the kubelet does; SIGKILL to the whole sandbox."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        if number == signal.SIGKILL:
            process.kill()
            return
        for child in _children(process.pid):
            for inner in _children(child) or [child]:
                os.kill(inner, number)

    # -- containers -------------------------------------------------------------------------------------------------

    def _execute(self, container: Object) -> int:
        command = [*(container.get("command") or []), *(container.get("args") or [])]
        with (self.folder / f"{container['name']}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._sandbox(container), "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(container),
            )
            if limit := ((container.get("resources") or {}).get("limits") or {}).get("memory"):
                threading.Thread(target=self._hold, args=(self._process, int(quantity(limit))), daemon=True).start()
            code = self._process.wait()
        return 128 - code if code < 0 else code

    def _hold(self, process: subprocess.Popen[bytes], limit: int) -> None:
        """Kill the container when it holds more memory than it may."""
        while process.poll() is None:
            if _resident(process.pid) > limit:
                self.fault = PodFault(self.pod["metadata"]["name"], "oom")
                process.kill()
                return
            time.sleep(_LOOK)

    def _sandbox(self, container: Object) -> list[str]:
        arguments = ["bwrap", "--die-with-parent", "--unshare-pid", "--tmpfs", "/", "--proc", "/proc", "--dev", "/dev"]
        for entry in sorted(Path("/").iterdir()):
            if entry.name in _HIDDEN:
                continue
            arguments += (
                ["--symlink", str(entry.readlink()), str(entry)]
                if entry.is_symlink()
                else ["--ro-bind", str(entry), str(entry)]
            )
        arguments += ["--tmpfs", "/tmp", "--dir", "/var/run", "--dir", "/var/tmp"]
        if (image := self.kubelet.images.get(container.get("image", ""))) is not None:
            arguments += ["--ro-bind", str(image), "/image"]
        volumes = {volume["name"]: volume for volume in self.pod["spec"].get("volumes") or []}
        for mount in sorted(container.get("volumeMounts") or [], key=lambda mount: str(mount["mountPath"])):
            source = self._volume(volumes[mount["name"]], mount.get("subPath"))
            arguments += ["--ro-bind" if mount.get("readOnly") else "--bind", str(source), mount["mountPath"]]
        told = self.folder / f"{container['name']}.termination"
        told.touch(mode=0o666)
        arguments += ["--bind", str(told), container.get("terminationMessagePath", "/dev/termination-log")]
        if self.pod["spec"].get("automountServiceAccountToken", True):
            arguments += ["--ro-bind", str(self._account()), ACCOUNT]
        user = ((container.get("securityContext") or {}).get("runAsUser")) or (
            (self.pod["spec"].get("securityContext") or {}).get("runAsUser")
        )
        if user:
            arguments += ["--unshare-user", "--uid", str(user), "--gid", str(user)]
        return [*arguments, "--chdir", container.get("workingDir") or "/"]

    def _volume(self, volume: Object, sub: str | None) -> Path:
        namespace = self.pod["metadata"]["namespace"]
        if "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"]
            self.kubelet.cluster.objects.get("persistentvolumeclaims", namespace, claim)
            folder = self.kubelet.folder / "claims" / namespace / claim
        else:
            folder = self.folder / "volumes" / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
        for kind, plural in (("secret", "secrets"), ("configMap", "configmaps")):
            if kind in volume:
                self._write_keys(folder, plural, volume[kind].get("secretName") or volume[kind].get("name"))
        path = folder / sub if sub else folder
        if not path.exists():
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o777)
        return path

    def _write_keys(self, folder: Path, plural: str, name: str) -> None:
        for key, value in self._keys(plural, name).items():
            (folder / key).write_bytes(value)

    def _keys(self, plural: str, name: str) -> dict[str, bytes]:
        import base64

        item = self.kubelet.cluster.objects.get(plural, self.pod["metadata"]["namespace"], name)
        plain = {key: value.encode() for key, value in (item.get("stringData") or {}).items()}
        data = item.get("data") or {}
        if plural == "configmaps":
            return {key: value.encode() for key, value in data.items()} | plain
        return {key: base64.b64decode(value) for key, value in data.items()} | plain

    def _account(self) -> Path:
        cluster, namespace = self.kubelet.cluster, self.pod["metadata"]["namespace"]
        folder = self.folder / "account"
        if not folder.exists():
            folder.mkdir()
            token = cluster.token(f"{namespace}/{self.pod['spec']['serviceAccountName']}")
            (folder / "token").write_text(token)
            (folder / "namespace").write_text(namespace)
            shutil.copy(cluster.ca, folder / "ca.crt")
        return folder

    def _environment(self, container: Object) -> dict[str, str]:
        environment = {
            "PATH": "/image/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/tmp",
            "HOSTNAME": self.pod["metadata"]["name"],
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self.kubelet.cluster.port),
        }
        for source in container.get("envFrom") or []:
            plural, reference = (
                ("secrets", source["secretRef"]) if "secretRef" in source else ("configmaps", source["configMapRef"])
            )
            environment |= {key: value.decode() for key, value in self._keys(plural, reference["name"]).items()}
        for entry in container.get("env") or []:
            environment[entry["name"]] = self._value(entry)
        return environment

    def _value(self, entry: Object) -> str:
        source = entry.get("valueFrom")
        if source is None:
            return str(entry.get("value", ""))
        if "fieldRef" in source:
            return self._field(source["fieldRef"]["fieldPath"])
        plural, reference = (
            ("secrets", source["secretKeyRef"])
            if "secretKeyRef" in source
            else ("configmaps", source["configMapKeyRef"])
        )
        return self._keys(plural, reference["name"])[reference["key"]].decode()

    def _field(self, path: str) -> str:
        pod = self.kubelet.cluster.objects.get("pods", self.pod["metadata"]["namespace"], self.pod["metadata"]["name"])
        if "['" in path:
            where, key = path.removesuffix("']").split("['")
            return str((pod["metadata"].get(where.split(".")[-1]) or {}).get(key, ""))
        value: object = pod
        for name in path.split("."):
            value = value.get(name, "") if isinstance(value, dict) else ""
        return str(value)

    # -- words ------------------------------------------------------------------------------------------------------

    def open_log(self, container: str) -> BinaryIO | None:
        path = self.folder / f"{container}.log"
        return path.open("rb") if path.exists() else None

    def _message(self, container: Object, code: int) -> str:
        """The termination message: what the container wrote there, or with FallbackToLogsOnError the last of the log."""
        written = (self.folder / f"{container['name']}.termination").read_bytes()
        if written:
            return written[:4096].decode(errors="replace")
        if code and container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            log = self.folder / f"{container['name']}.log"
            return log.read_bytes()[-2048:].decode(errors="replace") if log.exists() else ""
        return ""


def _resident(pid: int) -> int:
    """Bytes of memory that a process and all below it hold."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
    return own + sum(map(_resident, _children(pid)))


def _children(pid: int) -> list[int]:
    time.sleep(0)
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
