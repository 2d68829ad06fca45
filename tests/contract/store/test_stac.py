"""How the STAC of results is found."""

from datetime import UTC, datetime, timedelta

import pytest
from jobs_of_tests import a_job

from ades.errors import InvalidQueryParameterValue
from ades.model import JobStatus, Page, Result, ResultKind, StacCollection, StacItem
from ades.runner.events import ResultStored, decode, encode
from ades.store import Extent, StacQuery, ids

ALL = Page(limit=100)
DAY = datetime(2024, 1, 1, tzinfo=UTC)


def item(name, collection="c", bbox=(0, 0, 1, 1), day=0, days=0):
    start = DAY + timedelta(days=day)
    return StacItem(collection, name, f"demo/{collection}/{name}.json", bbox, start, start + timedelta(days=days))


def publish(store, *items, collections=("c",), **job):
    """A successful job with these items."""
    found = store.jobs.submit(a_job(**job))
    claim = store.queue.claim("worker", timedelta(minutes=1))
    known = tuple(StacCollection(name, f"demo/{found.id}/{name}.json") for name in collections)
    result = Result(found.id, "out", 0, ResultKind.STAC, "application/json", collections=known, items=items)
    store.queue.finish(claim, JobStatus.SUCCESSFUL, [result])
    return found.id


def names(store, page=ALL, **query):
    return [one.id for one in store.stac.search(StacQuery(**{"workspace": "demo"} | query), page)[0]]


def test_what_is_published_is_found(store):
    """The whole item comes back as it was told, and the collection with its key; the result itself stays lean."""
    job = publish(store, item("a", days=2))
    assert ([item("a", days=2)], None) == store.stac.search(StacQuery("demo"), ALL)
    assert [StacCollection("c", f"demo/{job}/c.json")] == store.stac.collections(StacQuery("demo"), ALL)[0]
    (result,) = store.results.list(job)
    assert ((), ()) == (result.collections, result.items)
    assert [] == names(store, workspace="alice")


def test_it_vanishes_with_the_job(store):
    """Removing the job removes what it published, and nothing else."""
    first, _ = publish(store, item("a")), publish(store, item("b"), collections=("d",))
    store.jobs.remove(first)
    assert ["b"] == names(store)
    assert ["d"] == [one.id for one in store.stac.collections(StacQuery("demo"), ALL)[0]]


def test_the_newest_of_an_item_counts(store):
    """The same item of the same collection again replaces the earlier one, which shows again when the newer goes."""
    publish(store, item("a", day=0), item("b"))
    second = publish(store, item("a", day=5), item("a", "other"), collections=("c", "other"))
    found = store.stac.search(StacQuery("demo", collections=("c",), ids=("a",)), ALL)[0]
    assert [item("a", day=5)] == found
    assert ["a", "a", "b"] == sorted(names(store))
    assert ["other", "c"] == [one.id for one in store.stac.collections(StacQuery("demo"), ALL)[0]]
    store.jobs.remove(second)
    assert [item("a", day=0)] == store.stac.search(StacQuery("demo", ids=("a",)), ALL)[0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"collections": ("c",)}, "abd"),
        ({"collections": ("x",)}, "e"),
        ({"collections": ()}, ""),
        ({"ids": ("a", "e")}, "ae"),
        ({"bbox": (0.5, 0.5, 5, 5)}, "ab"),
        ({"bbox": (1, 1, 1, 1)}, "ab"),
        ({"bbox": (-180, -90, 180, 90)}, "abde"),
        ({"bbox": (178, -1, 179.5, 1)}, "d"),
        ({"bbox": (-179, -1, -178.5, 1)}, "d"),
        ({"bbox": (-170, -1, -160, 1)}, ""),
        ({"bbox": (170, -1, -170, 1)}, "d"),
        ({"bbox": (100, -1, 0.5, 1)}, "ad"),
        ({"start": DAY + timedelta(days=3)}, "be"),
        ({"end": DAY + timedelta(days=1)}, "abd"),
        ({"start": DAY + timedelta(days=3), "end": DAY + timedelta(days=4)}, "b"),
        ({"process": "echo"}, "abde"),
        ({"process": "other"}, ""),
    ],
)
def test_a_search(store, query, expected):
    """By collection, id, box (also across the date line), time and process."""
    publish(
        store,
        item("a"),
        item("b", bbox=(1, 1, 2, 2), day=1, days=5),
        item("d", bbox=(178, -2, -178, 2), day=1),
        item("e", "x", bbox=(20, 20, 30, 30), day=8),
    )
    assert list(expected) == sorted(names(store, **query))


def test_items_without_place_or_time(store):
    """They are found by everything but place and time, and sort by when they were published."""
    publish(store, StacItem("c", "bare", "k"), item("old"))
    assert ["bare", "old"] == names(store)
    assert ["old"] == names(store, bbox=(-180, -90, 180, 90))
    assert ["old"] == names(store, start=DAY)


def test_pages(store):
    """Each item once, the newest first, whatever the size of the pages; and collections likewise."""
    for n in range(7):
        publish(store, item(f"i{n}", day=n), collections=(f"c{n}",))
    seen, cursor = [], None
    while True:
        found, cursor = store.stac.search(StacQuery("demo"), Page(limit=3, cursor=cursor))
        seen += [one.id for one in found]
        if cursor is None:
            break
    assert [f"i{n}" for n in reversed(range(7))] == seen
    first, cursor = store.stac.collections(StacQuery("demo"), Page(limit=4))
    second, end = store.stac.collections(StacQuery("demo"), Page(limit=4, cursor=cursor))
    assert [f"c{n}" for n in reversed(range(7))] == [one.id for one in first + second]
    assert end is None
    for rubbish in ("rubbish", ids.cursor("i", 1, "x"), ids.cursor("i", 1, "²"), ids.cursor("i", 1, "9" * 30)):
        with pytest.raises(InvalidQueryParameterValue):
            names(store, page=Page(limit=3, cursor=rubbish))


def test_extents(store):
    """What the items span together; across the date line it is the whole way around."""
    publish(store, item("a", day=1), item("b", bbox=(5, -5, 6, 6), day=3, days=2), StacItem("c", "bare", "k"))
    assert Extent(3, (0, -5, 6, 6), DAY + timedelta(days=1), DAY + timedelta(days=5)) == store.stac.extent(
        StacQuery("demo")
    )
    publish(store, item("d", bbox=(178, 0, -178, 1)))
    assert (-180, -5, 180, 6) == store.stac.extent(StacQuery("demo")).bbox
    assert Extent(0, None, None, None) == store.stac.extent(StacQuery("alice"))
    assert Extent(1, None, None, None) == store.stac.extent(StacQuery("demo", ids=("bare",)))


def test_runners_tell_it():
    """Items and collections travel with the event of their result."""
    result = Result(a_job().id, "out", 0, ResultKind.STAC, "application/json", key="k")
    told = ResultStored(
        result.evolve(collections=(StacCollection("c", "k"),), items=(item("a"), StacItem("c", "b", "k")))
    )
    assert told == decode(encode(told))
