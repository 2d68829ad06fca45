"""The one place where the parts of a server are put together, and where it is started."""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask

from ades import telemetry
from ades.engine.local import LocalEngine
from ades.errors import AdesError, Misconfigured
from ades.fetch import Fetcher
from ades.http import (
    access,
    again,
    browser,
    callbacks,
    creation,
    deploy,
    events,
    execution,
    files,
    jobs,
    landing,
    logs,
    openapi,
    processes,
    provenance,
    releases,
    results,
    retention,
    sessions,
    site,
    stac,
    workspaces,
)
from ades.http.address import Addresses
from ades.http.cache import Cache
from ades.http.door import Door
from ades.http.hosts import HostForm
from ades.http.identity import Identity
from ades.http.mounting import mount
from ades.http.mounts import mounts
from ades.http.respond import Response
from ades.http.services import Services
from ades.objects import open_store
from ades.policy import open_policy
from ades.secrets import Vault
from ades.service import builtins, health, limits
from ades.service.access_documents import AccessDocuments
from ades.service.catalog import Catalog
from ades.service.deployment import Deployments
from ades.service.dispatch import Supervised
from ades.service.engines import first_known
from ades.service.feeds import Feeds
from ades.service.handover import Packages
from ades.service.homes import namespaces
from ades.service.quotas import Quotas
from ades.service.results import Outputs
from ades.service.seats import Bodies, Streams, all_seats
from ades.service.storage import Storages
from ades.service.submit import Submissions
from ades.service.subscribers import Subscribers
from ades.service.tenants import tenants
from ades.service.waiting import Waiting
from ades.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.queues import SimpleQueue

    from ades.objects import ObjectStore
    from ades.recipe.wishes import Wish
    from ades.settings import Settings

AREAS = (
    landing.AREA,
    openapi.AREA,
    processes.AREA,
    deploy.AREA,
    access.AREA,
    execution.AREA,
    jobs.AREA,
    creation.AREA,
    again.AREA,
    provenance.AREA,
    retention.AREA,
    releases.AREA,
    results.AREA,
    logs.AREA,
    events.AREA,
    callbacks.AREA,
    browser.AREA,
    stac.AREA,
)
"""All that is served below each prefix, in the order of the API definition."""

SITE = (*site.ROUTES, *workspaces.ROUTES, *sessions.ROUTES, *stac.ROUTES, *files.ROUTES)
"""All that is served above the workspaces."""

_LOOK = 0.5
"""Seconds between two looks at whether the server still lives."""
_GRACE = 10
"""Seconds that requests get to end when the server stops."""


def create_app(settings: Settings) -> Flask:
    """The web application, as one process of the server runs it."""
    telemetry.configure(settings.log_level, settings.log_format)
    services = assemble(settings)
    app = Flask("ades.http", static_folder=None)
    app.response_class = Response
    app.config["MAX_CONTENT_LENGTH"] = settings.body_limit
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.extensions["ades"] = services
    mount(app, services, [route for area in services.areas for route in area.routes], SITE)
    if settings.access_documents:
        _follow_access(settings, services.store)
    inside = HostForm(app.wsgi_app, settings) if settings.workspaces_domain else app.wsgi_app
    app.wsgi_app = Door(inside, services.addresses, services.bodies)  # type: ignore[method-assign]
    return app


def assemble(settings: Settings) -> Services:
    """Open the parts that requests need."""
    store = Store.open(settings.database_url)
    seats = all_seats(settings.threads)
    objects = Storages(settings, store, Vault(settings, store.secrets))
    fetcher = Fetcher(settings)
    known = builtins.load(settings.config)
    packages = Packages(store.processes.package, known)
    cluster = _reachable(settings)
    catalog = Catalog(store, known)
    shared = tenants(settings, store, objects, known)

    def admit(calling: str) -> None:
        shared.barriers.storage(catalog.workspace(calling))

    def keep(calling: str) -> str | None:
        return Quotas.of(catalog.workspace(calling)).keep or settings.keep

    def check(executing: str, wishes: tuple[Wish, ...]) -> None:
        limits.check(wishes, settings, Quotas.of(catalog.workspace(executing)), executing)

    return Services(
        settings=settings,
        store=store,
        objects=objects,
        catalog=catalog,
        deployments=Deployments(
            store, known, fetcher, partial(limits.check, settings=settings), limit=settings.body_limit
        ),
        packages=packages,
        submissions=Submissions(store, packages, Subscribers(settings, fetcher).of, admit, keep, check),
        waiting=Waiting(store, seats),
        bodies=Bodies(seats),
        streams=Streams(seats, settings.streams or max(1, settings.threads // 2), settings.streams_each),
        feeds=Feeds(store),
        outputs=Outputs(store, packages),
        live_log=_live_log(settings, store),
        tenants=shared,
        policy=open_policy(settings),
        identify=Identity(settings, store),
        addresses=Addresses(settings),
        cache=Cache(),
        examine=lambda: [
            health.look("database", lambda: health.check_database(store)),
            health.look("storage", lambda: _storage(objects)),
            _engine_health(settings, cluster),
        ],
        mounts=mounts(settings),
        areas=AREAS,
        paths=frozenset(route.path for area in AREAS for route in area.routes),
    )


def _follow_access(settings: Settings, store: Store) -> None:
    """Follow the access documents as long as this process lives."""
    documents = open_store(settings.model_copy(update={"objects": settings.access_documents}))
    follower = AccessDocuments(store, documents, settings.access_documents_every)
    threading.Thread(target=follower.follow, args=(threading.Event(),), name="access-documents", daemon=True).start()


def _live_log(settings: Settings, store: Store) -> Callable[..., bytes | None]:
    """What reads a log that is still being written, wherever the job runs."""
    if settings.engine == "kubernetes":
        from ades.engine.kubernetes.api import Api
        from ades.engine.kubernetes.logs import Logs

        cluster = Logs(Api(settings.kubernetes_config), namespaces(settings, store)).read
        return first_known(LocalEngine(settings, lambda *_: None).read_log, cluster)
    return LocalEngine(settings, lambda *_: None).read_log


def _reachable(settings: Settings) -> Callable[[], str] | None:
    """What asks the cluster whether it answers, where jobs run in one."""
    if settings.engine != "kubernetes":
        return None
    from ades.service import cluster

    return cluster.reachable(settings)


def _engine_health(settings: Settings, cluster: Callable[[], str] | None) -> health.Check:
    """Whether jobs can run."""
    if cluster is not None:
        return health.look("cluster", cluster)
    return health.look("sandbox", lambda: health.check_sandbox(settings))


def _storage(objects: ObjectStore) -> str:
    """The object store answers, if only that it has no such thing."""
    with suppress(FileNotFoundError):
        objects.stat("ades/readiness")
    return "answers"


def prepare(settings: Settings) -> None:
    """Bring the database to this version, and make the first workspace if there is none."""
    settings.data.mkdir(parents=True, exist_ok=True)
    with Store.open(settings.database_url) as store:
        if not store.workspaces.list():
            store.workspaces.create(settings.workspace)


def serve(
    settings: Settings, announce: Callable[[str], object] = lambda _address: None, *, hurry: bool = False
) -> None:
    """Serve until somebody stops it. `announce` is called with the address as soon as requests can come.

    In a hurry the worker is started beside the web server instead of after it: for somebody who waits for a job.
    """
    from granian import Granian
    from granian.constants import Interfaces

    port = _port(settings)
    prepare(settings)
    workers = settings.workers or os.cpu_count() or 1
    _clear_numbers(settings)
    if workers > 1:
        _share_numbers(settings)
    server: Any = Granian(
        "ades.app:create_app",
        address=settings.host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=settings.threads,
        workers_kill_timeout=_GRACE,
        respawn_failed_workers=True,
        websockets=False,
        log_enabled=False,
    )

    def ready(address: str) -> None:
        announce(address)
        if not hurry:
            start_worker()  # not before: loading what jobs need would slow down the first answers

    # The hook comes before anybody listens.
    server.on_startup(lambda: _announce_later(ready, settings.host, port))
    with _worker(settings) as start_worker:
        if hurry:
            start_worker()
        reasons: SimpleQueue[str] = multiprocessing.SimpleQueue()
        try:
            server.serve(target_loader=partial(_web_worker, settings, os.getpid(), reasons), wrap_loader=False)
        except SystemExit:
            if not reasons.empty():
                raise Misconfigured(reasons.get()) from None
            raise


def _web_worker(settings: Settings, server: int, reasons: SimpleQueue[str]) -> Flask:
    """The application of one web worker process, which ends when the server does, however that ends."""
    threading.Thread(target=_end_with, args=(server,), name="ades-parent", daemon=True).start()
    try:
        app = create_app(settings)
    except AdesError as error:
        reasons.put(error.detail)
        os._exit(1)  # it would be a stack trace otherwise; the server tells the reason
    gc.collect()
    gc.freeze()  # what is loaded by now stays: looking through it again and again would take a third of the time
    return app


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def _announce_later(announce: Callable[[str], object], host: str, port: int) -> None:
    """Say the address once somebody listens there, from a thread.

    A thread that does something while its process forks may leave its locks closed in the child for ever; so this one
    waits until that is over.
    """
    forked = threading.Event()
    if multiprocessing.get_start_method() == "fork":
        os.register_at_fork(after_in_parent=forked.set)
    else:
        forked.set()
    threading.Thread(target=_announce, args=(announce, host, port, forked), daemon=True).start()


def _announce(announce: Callable[[str], object], host: str, port: int, forked: threading.Event) -> None:
    forked.wait()
    listening = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
    while True:
        with suppress(OSError), socket.create_connection((listening, port), timeout=1):
            break
        time.sleep(0.02)
    announce(f"http://{_spoken(host)}:{port}")


@contextmanager
def _worker(settings: Settings) -> Iterator[Callable[[], None]]:
    """What starts a worker that ends with the server; it does nothing where workers run elsewhere."""
    if not settings.worker:
        yield lambda: None
        return
    worker = Supervised(settings)
    try:
        yield worker.start
    finally:
        worker.stop()


def _clear_numbers(settings: Settings) -> None:
    """The numbers of a server begin with it."""
    folder = telemetry.numbers(settings.data)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()


def _share_numbers(settings: Settings) -> None:
    """Let the web processes add up their metrics: in a folder that they find when they import the library anew."""
    os.environ[telemetry.SHARED_NUMBERS] = str(telemetry.numbers(settings.data))
    multiprocessing.set_start_method("spawn", force=True)


def _port(settings: Settings) -> int:
    """The port to listen on, if nobody else does: the web server itself would share it without a word."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise Misconfigured(
                f"Cannot listen on {settings.host}, port {settings.port}: {reason}. Another port: --port or ADES_PORT.",
                field="port",
            ) from error
        return int(probe.getsockname()[1])


def _spoken(host: str) -> str:
    """The host as it stands in an address."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not bound to
        return "localhost"
    return f"[{host}]" if ":" in host else host
