"""The loop of a worker: claim jobs, hand them to the engine, write down what their runners tell, and let go in time.

One thread does all writing, one turn after another. What comes from outside (events of runners, the doorbell, inputs
that were read) arrives in its inbox. Nothing that happens here can be wrong for long: every write is guarded by the
claim, a claim ends with its lease, and whoever lost one lets the runner be killed. When the database is gone, what
has ended waits until it is back, and what still runs is killed before its lease could be over.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from ades import telemetry
from ades.errors import AdesError, StaleClaim, Unavailable
from ades.runner.events import Ended, Outcome
from ades.service.ending import Endings
from ades.service.launch import Launch, Prepared
from ades.service.strays import Strays
from ades.service.terms import AGAIN, BURIAL, CHECK, CLEAN_UP, LET_GO, LOOK, NO_ROOM, WINDOW, clock
from ades.service.watch import Watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ades.engine import Engine, OnEvent
    from ades.objects import ObjectStore
    from ades.runner.events import Event
    from ades.service.handover import Handover
    from ades.service.life import Life
    from ades.service.terms import Terms
    from ades.store import Claim, Store


class Dispatcher:
    """Claims jobs, starts them, and writes down what the engine tells of them, one turn after the other."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        handover: Handover,
        engine: Callable[[OnEvent], Engine],
        terms: Terms,
        life: Life,
    ) -> None:
        self._store = store
        self._terms = terms
        self._life = life
        self._inbox: queue.SimpleQueue[Prepared | tuple[UUID, int, Event] | None] = queue.SimpleQueue()
        self._engine = engine(lambda job, attempt, event: self._inbox.put((job, attempt, event)))
        self._launch = Launch(handover, objects, self._engine, self._inbox.put)
        self._endings = Endings(store, objects, terms)
        self._watched: dict[UUID, Watched] = {}
        self._unstarted: set[UUID] = set()
        self._stopping = threading.Event()
        self._closed = False
        """Whatever is lost from now on is lost because we stop."""
        self._strays = Strays(store.jobs)
        self._work_waits = self._ours_may_be_gone = self._inherits = True
        self._next_check = self._next_look = self._next_renewal = 0.0
        self._retry_at: float | None = None
        self._seen_dead: dict[str, float] = {}
        self._log = telemetry.log(worker=life.name)

    # -- the loop --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until `stop`, then finish or hand back what is running."""
        threading.Thread(target=self._listen_to_bell, name="ades-worker-bell", daemon=True).start()
        self._log.info("The worker takes jobs")
        while not self._stopping.is_set():
            self.turn()
        self._wind_down()
        self._log.info("The worker has stopped")

    def stop(self) -> None:
        """End the loop; may be called from a signal handler or another thread."""
        self._stopping.set()
        self._inbox.put(None)

    def turn(self, longest: float = LOOK) -> None:
        """One turn: hear what there is, waiting for it if nothing is due, then do what is due."""
        try:
            self._hear(min(longest, self._pause()))
            self._let_go()
            if self._retry_at is None or clock() >= self._retry_at:
                self._do_what_is_due()
        except Unavailable as error:
            self._stumble(error.detail)
        except Exception as error:  # noqa: BLE001 - the border of a loop's turn
            self._log.exception("A turn of the worker failed; it goes on with the next one")
            self._stumble(str(error))
        telemetry.jobs_running.set(len(self._watched))

    def _do_what_is_due(self) -> None:
        self._write()
        self._inherit()
        self._renew()
        self._notice_losses()
        self._look_around()
        self._claim()
        self._endings.tidy(self._watched)
        if self._retry_at is not None:
            self._log.info("The worker goes on as before")
        self._retry_at = None

    def _stumble(self, why: str) -> None:
        if self._retry_at is None:
            self._log.warning("The worker cannot go on for now, and tries again each second", reason=why)
        self._retry_at = clock() + AGAIN

    def _pause(self) -> float:
        """For how long nothing is due."""
        now = clock()
        if self._retry_at is not None:
            held = () if self._terms.outliving else self._watched.values()
            ends = [watch.good_until - self._terms.margin for watch in held if not watch.surrendered]
            return max(0.0, min([self._retry_at, *ends]) - now)
        dues = [due for watch in self._watched.values() if (due := watch.due(WINDOW)) is not None]
        dues += [self._next_look, *([self._next_renewal] if self._watched else [])]
        if self._work_waits and not self._stopping.is_set():
            dues.append(now)
        if self._ours_may_be_gone and self._watched:
            dues.append(self._next_check)
        return max(0.0, min(dues) - now)

    # -- what comes in ---------------------------------------------------------------------------------------------

    def _hear(self, timeout: float) -> None:
        """Take everything out of the inbox, waiting for the first thing."""
        with suppress(queue.Empty):
            self._take(self._inbox.get(timeout=timeout) if timeout > 0 else self._inbox.get_nowait())
            while True:
                self._take(self._inbox.get_nowait())

    def _take(self, message: Prepared | tuple[UUID, int, Event] | None) -> None:
        if message is None:
            self._work_waits = self._ours_may_be_gone = True
            return
        job, attempt = (message.job, message.attempt) if isinstance(message, Prepared) else message[:2]
        watch = self._watched.get(job)
        if watch is None or watch.claim.attempt != attempt:
            return
        if isinstance(message, Prepared):
            self._unstarted.discard(job)
            self._launch.start(watch, message)
        else:
            watch.hear(message[2], clock())

    def _listen_to_bell(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._store.bell.listen("queue") as ear:
                    while not self._stopping.is_set():
                        if ear.wait(LOOK):
                            self._inbox.put(None)
            except Exception:  # noqa: BLE001 - the border of a loop's turn
                self._log.exception("The doorbell is out of order; the worker looks from time to time")
                self._stopping.wait(LOOK)

    # -- what was heard is written ---------------------------------------------------------------------------------

    def _write(self) -> None:
        now = clock()
        for watch in list(self._watched.values()):
            if watch.lost:
                if watch.ended:
                    self._endings.untidy(watch.claim.job)
                    self._forget(watch)
                continue
            due = watch.due(WINDOW)
            if due is None or due > now:
                continue
            try:
                self._endings.news(watch)
                if watch.ended:
                    job = self._endings.end(watch, watch.ended, stopping=self._closed)
                    self._forget(watch)
                    if not job.status.finished:
                        self._next_look = min(self._next_look, clock() + AGAIN)
            except StaleClaim:
                self._lose(watch)
            except Unavailable:
                watch.retry_at = clock() + AGAIN
                raise

    def _forget(self, watch: Watched) -> None:
        self._watched.pop(watch.job, None)
        self._unstarted.discard(watch.job)
        self._work_waits = True

    # -- leases ----------------------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        """Kill what runs on a lease that could not be renewed, before somebody else may claim it."""
        now = clock()
        for watch in () if self._terms.outliving else self._watched.values():
            late = now > watch.good_until - self._terms.margin
            if late and not (watch.ended or watch.surrendered or watch.lost):
                self._log.warning("A lease could not be renewed in time; the runner is killed", job=str(watch.job))
                watch.surrendered = LET_GO
                self._kill(watch)

    def _renew(self) -> None:
        now = clock()
        if now < self._next_renewal:
            return
        held = {watch.job: watch for watch in self._watched.values() if not watch.lost}
        lost = {claim.id for claim in self._store.queue.renew(watch.claim for watch in held.values())}
        for job, watch in held.items():
            if job in lost:
                self._lose(watch)
            else:
                watch.good_until = now + self._terms.lease.total_seconds()
        self._next_renewal = now + self._terms.renewal

    def _notice_losses(self) -> None:
        """A job that was dismissed is no longer ours."""
        now = clock()
        if not self._ours_may_be_gone or now < self._next_check:
            return
        self._ours_may_be_gone = False
        self._next_check = now + CHECK
        if not self._watched:
            return
        mine = {(claim.id, claim.attempt) for claim in self._store.queue.of_worker(self._life.name)}
        for watch in self._watched.values():
            if not watch.lost and (watch.job, watch.claim.attempt) not in mine:
                self._lose(watch)

    def _lose(self, watch: Watched) -> None:
        """Somebody has dismissed the job or claimed it again: its runner must go, and nothing more is written."""
        if not watch.lost:
            self._log.info("A job is no longer this worker's; its runner is killed", job=str(watch.job))
        watch.lost = True
        self._kill(watch)

    def _kill(self, watch: Watched) -> None:
        unstarted = watch.job in self._unstarted
        if not watch.ended and (self._terms.outliving or not unstarted):
            self._engine.kill(watch.job)
        if unstarted:
            watch.ended = Ended(Outcome.DISMISSED)

    # -- others ----------------------------------------------------------------------------------------------------

    def _look_around(self) -> None:
        """From time to time: queue the jobs of dead workers again, and adopt those that outlive their worker."""
        now = clock()
        if now < self._next_look:
            return
        self._next_look = now + min(LOOK, self._terms.renewal)
        self._work_waits = self._ours_may_be_gone = True
        running = self._engine.running()
        for stale in self._store.queue.stale():
            if (stale.id in running or self._terms.outliving) and stale.id not in self._watched:
                self._adopt(stale.id)
        if self._terms.outliving:
            for stray in self._strays.unwanted(running - self._watched.keys(), now):
                self._engine.kill(stray)
            return
        for job in self._store.queue.expire(self._terms.attempts, dead=self._dead(now), spare=running):
            self._log.warning("A worker was lost", job=str(job.id), status=job.status.value)
            self._endings.untidy(job)

    def _dead(self, now: float) -> list[str]:
        """Workers of this machine that have been dead long enough for their runners to be gone too."""
        found = self._life.dead(self._store.queue.workers())
        self._seen_dead = {worker: self._seen_dead.get(worker, now) for worker in found}
        if found:
            self._next_look = min(self._next_look, now + BURIAL)
        return [worker for worker, since in self._seen_dead.items() if now - since >= BURIAL]

    def _adopt(self, job: UUID) -> None:
        claim = self._store.queue.adopt(job, self._life.name, self._terms.lease)
        if claim is not None:
            self._log.info("A job was adopted from a lost worker", job=str(job))
            self._go_on_with(claim)

    def _inherit(self) -> None:
        """Where jobs run on without their worker: go on with all that run, before anything else."""
        if self._inherits and self._terms.outliving:
            for claim in self._store.queue.inherit(self._life.name, self._terms.lease):
                self._go_on_with(claim)
        self._inherits = False

    def _go_on_with(self, claim: Claim) -> None:
        self._watched[claim.id] = Watched(claim, clock() + self._terms.lease.total_seconds())
        if self._terms.outliving:
            self._unstarted.add(claim.id)
            self._launch.resume(claim)

    def _claim(self) -> None:
        """Take jobs as long as there is room and somebody waits."""
        if not self._work_waits:
            return
        terms = self._terms
        while not self._stopping.is_set() and self._engine.free() > len(self._unstarted):
            now = clock()
            claim = self._store.queue.claim(self._life.name, terms.lease, running_limit=terms.running_limit)
            if claim is None:
                break
            if claim.id in self._watched:
                # The runner of the attempt that was taken from us is not gone yet.
                self._store.queue.hand_back(claim, NO_ROOM, delay=timedelta(seconds=AGAIN))
                continue
            self._watched[claim.id] = Watched(claim, now + terms.lease.total_seconds())
            self._unstarted.add(claim.id)
            self._launch.prepare(claim)
        self._work_waits = False

    # -- the end ---------------------------------------------------------------------------------------------------

    def _wind_down(self) -> None:
        """Let the engine finish what it can within the grace; what is left goes back to the queue.

        Jobs that run on without us are somebody else's from now on, as they are; what ran beside us is handed back.
        """
        if self._terms.outliving:
            self._leave()
            return
        self._closed = True
        closing = threading.Thread(target=self._engine.close, args=(self._terms.grace,), name="ades-close")
        closing.start()
        for job in self._unstarted:
            self._watched[job].ended = Ended(Outcome.LOST)
        deadline = clock() + self._terms.grace + CLEAN_UP
        while self._watched and clock() < deadline:
            self.turn()
        closing.join(max(0.0, deadline - clock()))
        self._launch.close()
        with suppress(AdesError):
            self._endings.tidy(self._watched)

    def _leave(self) -> None:
        """There is no grace: whoever is elected next may begin at once."""
        with suppress(AdesError):
            self._write()
        self._launch.close()
        self._closed = True
        self._engine.close()
        self._hear(0)
        with suppress(AdesError):
            self._write()
