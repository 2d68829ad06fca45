"""What is remembered: one database, SQLite or PostgreSQL.

`Store.open(url)` connects; its attributes are the subjects, each a small class with its queries. Everything that
belongs together is written in one transaction; what the transaction tells of rings at the doorbell afterwards.
"""

from ades.store.bell import Ear
from ades.store.claims import Claim
from ades.store.counters import Totals
from ades.store.events import topic
from ades.store.ids import new_job_id
from ades.store.outbox import TOPIC as OUTBOX
from ades.store.outbox import Delivery, Subscriber
from ades.store.outbox import State as SubscriberState
from ades.store.stac import Extent, StacQuery
from ades.store.store import Store

__all__ = [
    "OUTBOX",
    "Claim",
    "Delivery",
    "Ear",
    "Extent",
    "StacQuery",
    "Store",
    "Subscriber",
    "SubscriberState",
    "Totals",
    "new_job_id",
    "topic",
]
