"""Column types and SQL expressions that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import BigInteger, Integer, Text, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(span: datetime | timedelta) -> int:
    """A moment or a span as whole microseconds."""
    return (span - _EPOCH if isinstance(span, datetime) else span) // _MICROSECOND


def moment(value: int) -> datetime:
    """Microseconds since 1970 as an aware datetime."""
    return _EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """A moment as integer microseconds UTC: quick, exact, and the same arithmetic on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Integers pass as they are, so that spans can be added to moments."""
        return micros(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Every moment that leaves the store is aware and in UTC."""
        return None if value is None else moment(value)


class Prose(TypeDecorator[str]):
    """Text that may stem from a tool: PostgreSQL takes no NUL, and no database takes half a surrogate pair."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace what cannot be stored."""
        return None if value is None else storable(value)


class Json(TypeDecorator[Any]):
    """A document as JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """None is NULL."""
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """NULL is None."""
        return None if value is None else loads(value)


Counting: Final = BigInteger().with_variant(Integer, "sqlite")
"""A key that the database counts up; SQLite does so for INTEGER only."""


def storable(value: str) -> str:
    """The text without what a database cannot hold."""
    if "\0" in value:
        value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="replace").decode()
    return value


def dumps(value: Any) -> str:
    """JSON text, also of what orjson refuses: integers beyond 64 bits and half surrogate pairs."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"), default=str)


def loads(value: str) -> Any:
    """The document again."""
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return json.loads(value)
    return document


class clock(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """The present moment by the clock of the database, fixed for the length of one statement."""

    type = Instant()
    inherit_cache = True


@compiles(clock, "sqlite")
def _sqlite_clock(*_: Any, **__: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"


@compiles(clock, "postgresql")
def _postgresql_clock(*_: Any, **__: Any) -> str:
    return "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS BIGINT)"


class transaction_id(FunctionElement[int]):  # noqa: N801
    """The number of the writing transaction on PostgreSQL; SQLite has one writer and needs none."""

    type = BigInteger()
    inherit_cache = True


@compiles(transaction_id, "sqlite")
def _sqlite_transaction(*_: Any, **__: Any) -> str:
    return "0"


@compiles(transaction_id, "postgresql")
def _postgresql_transaction(*_: Any, **__: Any) -> str:
    return "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"


class oldest_transaction(FunctionElement[int]):  # noqa: N801
    """The oldest transaction that is still open: what older ones wrote is complete."""

    type = BigInteger()
    inherit_cache = True


@compiles(oldest_transaction, "sqlite")
def _sqlite_oldest(*_: Any, **__: Any) -> str:
    return "1"


@compiles(oldest_transaction, "postgresql")
def _postgresql_oldest(*_: Any, **__: Any) -> str:
    return "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"


class oldest_writing(FunctionElement[int]):  # noqa: N801
    """When the oldest transaction began that has written and is still open; the present moment when there is none."""

    type = BigInteger()
    inherit_cache = True


@compiles(oldest_writing, "sqlite")
def _sqlite_writing(*_: Any, **__: Any) -> str:
    return "9223372036854775807"


@compiles(oldest_writing, "postgresql")
def _postgresql_writing(*_: Any, **__: Any) -> str:
    return (
        "(SELECT CAST(extract(epoch FROM least(min(xact_start), clock_timestamp())) * 1000000 AS BIGINT)"
        " FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datname = current_database())"
    )
