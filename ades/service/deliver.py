"""The deliverer: takes mail out of the outbox and brings it to subscribers, as often as it takes.

It lives in every worker; claims keep several of them apart, and what a dead one had taken is due again when its claim
ends. So everything arrives at least once, with an id by which a receiver knows what he has already. A few deliveries go
on at the same time, never more than two to one target, and never more than half of them to those that failed last
time: who is slow or dead holds up nobody else.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from ades import telemetry
from ades.errors import AdesError, FetchFailed, NoSuchJob, ResultNotAvailable, Unavailable
from ades.service.subscribers import MAIL
from ades.store import OUTBOX

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.fetch import Fetcher
    from ades.model import Job
    from ades.service.letters import Letters
    from ades.settings import Settings
    from ades.store import Delivery, Ear, Store

    Mail = Callable[[Job, Delivery], None]
    """Hands a mail to the mail server; raises `FetchFailed` when that does not take it."""

THREADS: Final = 8
EACH: Final = 2
"""Deliveries to one target at the same time."""
LOOK: Final = 5.0
"""Seconds after which the outbox is looked at although nobody has rung."""
AGAIN: Final = 1.0
"""Seconds after which a turn that failed is tried again."""
LONGEST: Final = timedelta(hours=1)
"""Between two tries."""
MANY: Final = 10_000
GONE: Final = 410
"""The answer that means: never again."""
_UNSAID: Final = "The server could not write this message; its log knows more."


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things may take."""

    timeout: float
    first_pause: timedelta
    patience: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(
            settings.callback_timeout,
            timedelta(seconds=settings.callback_retry),
            timedelta(seconds=settings.callback_patience),
        )

    @property
    def lease(self) -> timedelta:
        """For how long a delivery is nobody else's."""
        return timedelta(seconds=2 * self.timeout + 5)

    def pause(self, tries: int) -> timedelta:
        """How long to wait after so many tries in a row; never quite the same, so that not all come back at once."""
        pause: timedelta = min(self.first_pause * 2 ** min(tries - 1, 30), LONGEST)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


class Deliverer:
    """Brings mail to subscribers until it is stopped."""

    def __init__(self, store: Store, letters: Letters, fetcher: Fetcher, mail: Mail, terms: Terms, name: str) -> None:
        self._store = store
        self._letters = letters
        self._fetcher = fetcher
        self._mail = mail
        self._terms = terms
        self._name = name
        self._pool = ThreadPoolExecutor(THREADS, "ades-callbacks")
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._slow: set[str] = set()
        self._ear: Ear | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ades-deliverer", daemon=True)
        self._log = telemetry.log()

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is just being delivered is brought to its end."""
        self._stopping.set()
        self._wake()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._store.bell.listen(OUTBOX) as self._ear:
                    while not self._stopping.is_set():
                        self._ear.wait(self._turn())
            except AdesError as error:
                self._log.warning("Callbacks cannot be delivered for now", reason=error.detail)
                self._stopping.wait(AGAIN)
            except Exception:  # noqa: BLE001 - the border of a loop's turn
                self._log.exception("Callbacks cannot be delivered for now")
                self._stopping.wait(AGAIN)

    def _turn(self) -> float:
        """Take what is due, as far as there is room; for how many seconds nothing will be due."""
        while not self._stopping.is_set() and self._under_way.total() < THREADS:
            found = self._store.outbox.claim(self._name, self._terms.lease, 1, busy=self._busy())
            if not found:
                break
            with self._lock:
                self._under_way[found[0].target] += 1
            self._pool.submit(self._deliver, found[0])
        due = self._store.outbox.next_due()
        return LOOK if due is None else min(due, LOOK)

    def _busy(self) -> set[str]:
        """To whom nothing more is brought just now."""
        with self._lock:
            busy = {target for target, number in self._under_way.items() if number >= EACH}
            slow = sum(number for target, number in self._under_way.items() if target in self._slow)
            return busy | self._slow if slow >= THREADS // 2 else busy

    def _deliver(self, delivery: Delivery) -> None:
        try:
            self._try(delivery)
        except Exception:  # noqa: BLE001 - the border of a loop's turn
            self._log.exception("A callback is tried again when its claim ends", job=str(delivery.job))
        finally:
            with self._lock:
                self._under_way[delivery.target] -= 1
                self._under_way += Counter()  # forgets zeros
            self._wake()

    def _try(self, delivery: Delivery) -> None:
        try:
            trouble = self._trouble(delivery)
        except Unavailable as error:
            self._log.warning("A callback cannot be written for now", job=str(delivery.job), reason=error.detail)
            self._store.outbox.postponed(delivery, self._terms.pause(1))
            return
        if trouble is None:
            self._store.outbox.done(delivery)
            telemetry.callbacks.labels("delivered").inc()
        else:
            self._note(delivery, *trouble)
        self._remember(delivery.target, slow=trouble is not None)

    def _trouble(self, delivery: Delivery) -> tuple[str, bool] | None:
        """Deliver; what went wrong, if something did, and whether trying again is of no use."""
        try:
            job = self._store.jobs.get(delivery.job)
            if delivery.url.startswith(MAIL):
                self._mail(job, delivery)
            else:
                letter = self._letters.letter(job, delivery)
                self._fetcher.post(delivery.url, letter.body, letter.headers, timeout=self._terms.timeout)
        except NoSuchJob:
            return None
        except (FetchFailed, ResultNotAvailable) as error:
            return error.detail, error.extra.get("answer") == GONE
        except Unavailable:
            raise
        except AdesError as error:
            self._log.warning("A callback could not be written", job=str(delivery.job), reason=error.detail)
            return _UNSAID, False
        return None

    def _note(self, delivery: Delivery, trouble: str, never: bool) -> None:  # noqa: FBT001
        patience = timedelta(0) if never else self._terms.patience
        if self._store.outbox.failed(delivery, trouble, self._terms.pause(delivery.tries), patience):
            telemetry.callbacks.labels("given-up").inc()
            self._log.warning("A subscriber was given up", job=str(delivery.job), reason=trouble)
        else:
            telemetry.callbacks.labels("failed").inc()

    def _remember(self, target: str, *, slow: bool) -> None:
        with self._lock:
            if not slow:
                self._slow.discard(target)
            elif len(self._slow) < MANY:
                self._slow.add(target)

    def _wake(self) -> None:
        if self._ear is not None:
            self._ear.hear(None)
