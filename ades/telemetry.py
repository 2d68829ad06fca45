"""What the server says about itself: a log of human sentences with bound context, and numbers for Prometheus."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_RICH: Final = "rich"
_found = sys.modules.get(_RICH)
if _found is None:
    # structlog takes rich along where it finds it, for tracebacks that we do not use; that costs a tenth of the start.
    sys.modules[_RICH] = None  # type: ignore[assignment]
import structlog  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector

if _found is None:
    del sys.modules[_RICH]

registry = CollectorRegistry()
work = CollectorRegistry()
"""The numbers of workers, which live in processes of their own."""

requests = Counter(
    "ades_requests_total", "Requests by route, method and status", ["route", "method", "status"], registry=registry
)
request_seconds = Histogram("ades_request_seconds", "Time to answer", ["route"], registry=registry)
jobs_finished = Counter("ades_jobs_finished_total", "Jobs that ended", ["status", "reason"], registry=work)
jobs_running = Gauge("ades_jobs_running", "Jobs running on this worker", registry=work, multiprocess_mode="livesum")
callbacks = Counter("ades_callbacks_total", "Callbacks by what became of a try", ["outcome"], registry=work)
streams_open = Gauge("ades_streams_open", "Event streams", registry=registry, multiprocess_mode="livesum")
job_seconds = Histogram(
    "ades_job_seconds", "From start to end of a job", registry=work, buckets=(0.05, 0.2, 1, 5, 30, 120, 600, 3600)
)
swept = Counter("ades_swept_total", "What the sweep has deleted, by kind", ["kind"], registry=work)
swept_bytes = Counter("ades_swept_bytes_total", "Bytes that the sweep has freed, by kind", ["kind"], registry=work)


SHARED_NUMBERS: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which several processes of one server add up their numbers."""

_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def request_done(route: str, method: str, status: int, seconds: float) -> None:
    """Count a request. A method that strangers made up must not become a label."""
    requests.labels(route, method if method in _METHODS else "other", status).inc()
    request_seconds.labels(route).observe(seconds)


def numbers(data: Path) -> Path:
    """The folder in which the processes of a server leave their numbers."""
    return data.absolute() / "run" / "metrics"


def forget(data: Path, process: int) -> None:
    """What a dead process did at the end of its life no longer counts; what it has done altogether does."""
    for path in numbers(data).glob(f"gauge_live*_{process}.db"):
        path.unlink(missing_ok=True)


def exposition(data: Path) -> tuple[bytes, str]:
    """All numbers as Prometheus reads them, and the media type of that."""
    from prometheus_client.multiprocess import MultiProcessCollector

    several = CollectorRegistry()
    if SHARED_NUMBERS in os.environ:
        MultiProcessCollector(several)  # type: ignore[no-untyped-call]
        return generate_latest(several), CONTENT_TYPE_LATEST
    numbers(data).mkdir(parents=True, exist_ok=True)
    several.register(_OfWorkers(MultiProcessCollector(CollectorRegistry(), str(numbers(data)))))  # type: ignore[no-untyped-call]
    return generate_latest(registry) + generate_latest(several), CONTENT_TYPE_LATEST


class _OfWorkers:
    """What the one web process does not count itself."""

    def __init__(self, shared: Collector) -> None:
        self._shared = shared

    def collect(self) -> Iterator[Metric]:
        names = {metric.name for metric in work.collect()}
        return (metric for metric in self._shared.collect() if metric.name in names)


def configure(level: str, form: str) -> None:
    """Send the log to standard error, as text with colours on a terminal or as JSON lines."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer()
            if form == "json"
            else structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=True,
    )


def log(**context: Any) -> Any:
    """A logger with something bound to it."""
    return structlog.get_logger(**context)
