"""How the jobs of a workspace run in the cluster: the server's settings, and what a workspace has of its own."""

from __future__ import annotations

import math
import re
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ades.errors import Misconfigured
from ades.runner.document import Pods, Retries

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.runner.document import Limits
    from ades.settings import Settings

_QUANTITY: Final = re.compile(r"(\d+(?:\.\d*)?)(m|k|[KMGTP]i?)?")
_FACTORS: Final = {"": 1.0, "m": 0.001, "k": 1e3}
_POWERS: Final = " KMGTP"


def amount(text: str) -> float:
    """A quantity as Kubernetes writes it (`250m`, `1Gi`), as a number. Raises ValueError for anything else."""
    found = _QUANTITY.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"{text!r} is no quantity; write 2, 250m, 512Mi or 16Gi")
    unit = found[2] or ""
    factor = _FACTORS.get(unit) or float((1024 if unit.endswith("i") else 1000) ** _POWERS.index(unit[0]))
    return float(found[1]) * factor


def _network(text: str) -> str:
    return str(IPv4Network(text))


def _checked(text: str) -> str:
    if text:
        amount(text)
    return text


Quantity = Annotated[str, AfterValidator(_checked)]
Network = Annotated[str, AfterValidator(_network)]
Name = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$")]
Environment = tuple[dict[str, Any], ...]
Quantities = dict[str, Quantity]


class Placement(BaseModel):
    """How jobs run. Each field is the setting `ADES_KUBERNETES_<name>`, and may be in a workspace's `kubernetes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    pull_secrets: tuple[Name, ...]
    service_account: Name
    service_account_annotations: dict[str, str]
    step_service_account: Name
    cpu: Quantity
    memory: Quantity
    node_selector: dict[str, str]
    tolerations: tuple[dict[str, Any], ...]
    priority_class: Name
    runtime_class: Name
    labels: dict[str, str]
    annotations: dict[str, str]
    env: Environment
    runner_env: Environment
    scratch: Literal["rwo-node", "shared", "per-job"]
    scratch_size: Quantity
    scratch_class: Name
    scratch_claim: Name
    ttl: Annotated[int, Field(ge=7 * 86400)]
    wall_limit: Annotated[int, Field(ge=60)]
    max_ram: Quantity
    max_cores: Annotated[float, Field(gt=0)]
    pull_deadline: Annotated[float, Field(gt=0)]
    schedule_deadline: Annotated[float, Field(gt=0)]
    start_deadline: Annotated[float, Field(gt=0)]
    retries_lost: Annotated[int, Field(ge=0)]
    retries_memory: Annotated[int, Field(ge=0)]
    memory_factor: Annotated[float, Field(gt=1)]
    memory_maximum: Quantity
    default_image: str
    grace: Annotated[int, Field(ge=0, le=30)]
    quota: Quantities
    default_requests: Quantities
    default_limits: Quantities
    closed_networks: tuple[Network, ...]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """That of workspaces without wishes. Raises `Misconfigured`."""
        try:
            return cls.model_validate({name: getattr(settings, f"kubernetes_{name}") for name in cls.model_fields})
        except ValidationError as error:
            first = error.errors()[0]
            name = f"kubernetes_{first['loc'][0]}"
            raise Misconfigured(f"ADES_{name.upper()}: {first['msg']}.", field=name) from error

    def with_wishes(self, wishes: dict[str, JSON]) -> Placement:
        """That of a workspace with wishes of its own. Raises `ValidationError`."""
        return Placement.model_validate({**self.model_dump(), **wishes})

    def bounded(self, running: int, cores: float | None, memory: int | None) -> Placement:
        """That of a workspace with so many jobs at once, each of so much: its quota is no larger than these need.

        There is room for one job more, since the pods of jobs that have ended take a moment to go.
        """
        jobs = running + 1
        cpu = jobs * ((cores or self.max_cores) + amount(self.cpu))
        mebibytes = jobs * ((memory or amount(self.max_ram)) + amount(self.memory)) / 1024**2
        needed = {"requests.cpu": f"{math.ceil(cpu * 1000)}m", "requests.memory": f"{math.ceil(mebibytes)}Mi"}
        needed["limits.memory"] = needed["requests.memory"]
        lower = {name: n for name, n in needed.items() if name in self.quota and amount(n) < amount(self.quota[name])}
        return self.model_copy(update={"quota": {**self.quota, **lower}})

    def pods(self, limits: Limits, labels: dict[str, str]) -> Pods:
        """What the runner must know to make pods of steps."""
        maximum = int(amount(self.memory_maximum)) if self.memory_maximum else None
        return Pods(
            service_account=self.step_service_account,
            image_pull_secrets=self.pull_secrets,
            node_selector=self.node_selector,
            tolerations=self.tolerations,
            priority_class=self.priority_class,
            runtime_class=self.runtime_class,
            labels={**self.labels, **labels},
            annotations=self.annotations,
            env=self.env,
            max_ram=int(limits.memory or amount(self.max_ram)),
            max_cores=limits.cores or self.max_cores,
            pull_deadline=self.pull_deadline,
            schedule_deadline=self.schedule_deadline,
            start_deadline=self.start_deadline,
            retries=Retries(self.retries_lost, self.retries_memory, self.memory_factor, maximum),
            default_image=self.default_image,
            scratch=self.scratch,
            pin_to_node=self.scratch == "rwo-node",
            grace=self.grace,
        )


def check_wishes(wishes: dict[str, JSON]) -> dict[str, JSON]:
    """The wishes of a workspace, if each of them can be granted. Raises ValueError."""
    from ades.settings import Settings

    try:
        Placement.of(Settings.model_construct(**_defaults())).with_wishes(wishes)
    except ValidationError as error:
        first = error.errors()[0]
        known = f" Known are {', '.join(Placement.model_fields)}." if first["type"] == "extra_forbidden" else ""
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.{known}") from error
    return wishes


def _defaults() -> dict[str, Any]:
    from ades.settings import Settings

    fields = Settings.model_fields
    return {name: fields[name].default for name in (f"kubernetes_{field}" for field in Placement.model_fields)}
