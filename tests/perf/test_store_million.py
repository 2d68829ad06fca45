"""A million jobs cost what a thousand cost, on SQLite and on PostgreSQL."""

import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from jobs_of_tests import a_job
from postgres import new_cluster
from sqlalchemy import event, text
from sqlalchemy.schema import CreateIndex, DropIndex

from ades.model import JobQuery, JobStatus, Page
from ades.store import Store, ids
from ades.store.tables import jobs

LEASE = timedelta(minutes=10)
SMALL, LARGE = 1_000, 1_000_000
BEGIN = 1_700_000_000_000_000
SECOND = 1_000_000
WORKSPACES = 20

NUMBERS = {
    False: "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count - 1)",
    True: "WITH numbers(n) AS (SELECT generate_series(0, CAST(:count AS BIGINT) - 1))",
}
JOB_ID = {False: "printf('%032x', n)", True: "CAST(lpad(to_hex(n), 32, '0') AS uuid)"}

# Four fifths of all jobs belong to one workspace; of each hundred some failed, and at the end 200 wait.
FILL = """
INSERT INTO jobs (id, deploying, calling, executing, served, owner, process_id, revision, status, created, updated,
    started, finished, message, progress, preferences, due, attempt, losses, subscribed)
{numbers} SELECT {id}, w, w, w, NULL, 'ann', 'p' || (n % 7), 1, s, {begin} + n * {second}, {begin} + n * {second},
    CASE WHEN s = 'accepted' THEN NULL ELSE {begin} + n * {second} END,
    CASE WHEN s = 'accepted' THEN NULL ELSE {begin} + n * {second} + 60 * {second} END,
    'The job is ' || s || '.', 100, '{{}}', {begin} + n * {second}, 1, 0, FALSE
FROM (SELECT n, CASE WHEN n % 5 = 0 THEN 'w' || (n / 5 % {workspaces}) ELSE 'demo' END AS w,
    CASE WHEN n >= :count - 200 THEN 'accepted' WHEN n % 100 < 3 THEN 'failed' ELSE 'successful' END AS s FROM numbers)
AS chosen
"""
REQUESTS = """
INSERT INTO requests (job, request) SELECT id, '{"inputs": {"text": "hello", "items": [1, 2, 3]}}' FROM jobs
"""


def fill(store, count):
    """Many jobs at once: the indexes are built afterwards."""
    form = {"begin": BEGIN, "second": SECOND, "workspaces": WORKSPACES}
    with store._database.write() as tx:
        for index in jobs.indexes:
            tx.run(DropIndex(index))
        sql = FILL.format(numbers=NUMBERS[store.postgres], id=JOB_ID[store.postgres], **form)
        tx.run(text(sql), {"count": count})
        tx.run(text(REQUESTS))
        for index in jobs.indexes:
            tx.run(CreateIndex(index))
    store.workspaces.recount()
    with store._database.read() as tx:
        tx.run(text("VACUUM ANALYZE" if store.postgres else "ANALYZE"))


@contextmanager
def filled(url, count):
    with Store.open(url) as store:
        for name in ("demo", *(f"w{n}" for n in range(WORKSPACES))):
            store.workspaces.create(name)
        fill(store, count)
        yield store


def job_id(n):
    return UUID(int=n)


def deep(count):
    """The place in the middle of the list."""
    n = count // 2 + 1
    return ids.cursor("j", BEGIN + n * SECOND, job_id(n).hex)


def claim(store):
    """Claims are handed back outside of the measured time."""
    started = time.perf_counter(), time.process_time()
    held = store.queue.claim("w", LEASE)
    ended = time.perf_counter(), time.process_time()
    store.queue.hand_back(held, "measured")
    return ended[0] - started[0], ended[1] - started[1]


DEMO = JobQuery("demo")
FAILED = JobQuery("demo", statuses=frozenset({JobStatus.FAILED}))
OPEN = JobQuery("demo", statuses=frozenset({JobStatus.ACCEPTED, JobStatus.RUNNING}))
ONE_PROCESS = JobQuery("demo", process_ids=frozenset({"p3"}))

OPERATIONS = {
    "job look-up": lambda store, count: store.jobs.get(job_id(count // 3)),
    "page of ten, first": lambda store, _: store.jobs.find(DEMO, Page(10)),
    "page of ten, in the middle": lambda store, count: store.jobs.find(DEMO, Page(10, deep(count))),
    "page of ten failed": lambda store, count: store.jobs.find(FAILED, Page(10, deep(count))),
    "page of ten open": lambda store, _: store.jobs.find(OPEN, Page(10)),
    "page of ten of a process": lambda store, count: store.jobs.find(ONE_PROCESS, Page(10, deep(count))),
    "totals": lambda store, _: store.workspaces.totals("demo"),
    "submit": lambda store, _: store.jobs.submit(a_job(digest=None)),
    "look for lost workers": lambda store, _: store.queue.expire(2),
    "claim": None,
}


def measure(operation, store, count):
    """Wall and CPU seconds of one call."""
    if operation is None:
        return claim(store)
    started = time.perf_counter(), time.process_time()
    operation(store, count)
    return time.perf_counter() - started[0], time.process_time() - started[1]


def compare(stores):
    """The best of many calls for each operation, taken in turns, because other work on the machine only adds."""
    rows = []
    for name, operation in OPERATIONS.items():
        best = {count: (float("inf"), float("inf")) for count in stores}
        for _ in range(60):
            for count, store in stores.items():
                seen = measure(operation, store, count)
                best[count] = tuple(map(min, best[count], seen))
        rows.append((name, *(1000 * value for count in stores for value in best[count])))
    return rows


def table(title, rows):
    lines = [f"\n{title:<28} {'1,000 jobs':>20} {'1,000,000 jobs':>20}  ratio"]
    lines += [f"{'ms':<28} {'wall':>10} {'CPU':>9} {'wall':>10} {'CPU':>9}"]
    for name, wall, cpu, big_wall, big_cpu in rows:
        lines.append(f"{name:<28} {wall:>10.3f} {cpu:>9.3f} {big_wall:>10.3f} {big_cpu:>9.3f} {big_wall / wall:>6.2f}")
    sys.stdout.write("\n".join(lines) + "\n")


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def urls(request, tmp_path):
    if request.param == "SQLite":
        yield [f"sqlite:///{tmp_path}/{count}.db" for count in (SMALL, LARGE)]
        return
    cluster = new_cluster(shared_buffers="512MB", max_wal_size="4GB", maintenance_work_mem="256MB")
    yield [cluster.create(), cluster.create()]
    cluster.remove()


def pages_read(store, count):
    """The most pages of the database that one statement of each operation has looked at, as PostgreSQL counts them."""
    said = {}

    def note(_connection, _cursor, statement, parameters, _context, many):
        if statement.startswith(("SELECT", "UPDATE")) and not many:
            said.setdefault(statement, parameters)

    event.listen(store._database.engine, "before_cursor_execute", note)
    for operation in OPERATIONS.values():
        measure(operation, store, count)
    event.remove(store._database.engine, "before_cursor_execute", note)
    address = store._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        return {statement: _pages(connection, statement, values) for statement, values in said.items()}


def _pages(connection, statement, values):
    with connection.transaction(force_rollback=True):
        explained = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values).fetchone()
    plan = explained[0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_million_jobs_cost_what_a_thousand_cost(urls, request):
    """Looking up, listing, counting, submitting and claiming do not grow with the number of jobs."""
    with filled(urls[0], SMALL) as small, filled(urls[1], LARGE) as large:
        assert large.workspaces.totals("demo").jobs == LARGE * 4 // 5
        assert len(large.jobs.find(FAILED, Page(10, deep(LARGE)))[0]) == 10
        rows = compare({SMALL: small, LARGE: large})
        read = pages_read(large, LARGE) if large.postgres else {}
    table(request.node.callspec.params["urls"], rows)
    for name, wall, cpu, big_wall, big_cpu in rows:
        # A deeper index is one or two pages more; the constants are for the noise of a busy machine, on which a server
        # in a process of its own waits for its turn.
        assert big_wall < 3 * wall + 2, name
        assert big_cpu < 2 * cpu + 0.5, name
    for statement, pages in read.items():
        assert pages < 100, statement
