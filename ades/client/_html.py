"""How processes, jobs and results look in a notebook: plain HTML and SVG, nothing from elsewhere, every text escaped."""

from __future__ import annotations

import json
import math
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ades.client._http import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ades.client._job import Job
    from ades.client._process import Process
    from ades.client._results import Results

    Ring = list[tuple[float, float]]

_MOST_ITEMS: Final = 50
_LONGEST: Final = 400
_WIDTH: Final = 480
_TALLEST: Final = 400
_COLOURS: Final = {
    "successful": "#1a7f37", "failed": "#b3261e", "dismissed": "#6e7781", "running": "#0b62b0", "accepted": "#8a6100",
}  # fmt: skip


def of_process(process: Process) -> str:
    """Its name, and a table of its inputs and outputs."""
    about = str(process.description.get("description") or "")
    parts = [f"<b>{escape(process.title)}</b> <code>{escape(process.id)} {escape(process.version)}</code>"]
    parts += [f"<p>{escape(about[:_LONGEST])}</p>"] if about else []
    for word, ports in (("input", process.inputs), ("output", process.outputs)):
        rows = [[name, str(port.get("title") or ""), _kind(port.get("schema") or {})] for name, port in ports.items()]
        parts.append(_table([word, "title", "type"], rows) if rows else "")
    return "".join(parts)


def of_job(job: Job) -> str:
    """State, progress and message, with a link to the job."""
    colour = _COLOURS.get(job.status, "inherit")
    facts = [
        f"<b>{escape(str(job.document.get('processID') or 'job'))}</b>",
        f'<span style="color:{colour}">{escape(job.status)}</span>',
        f"<progress max=100 value={job.progress}></progress>",
        escape(job.message[:_LONGEST]),
    ]
    address = job.url if job.url.startswith(("http://", "https://")) else ""
    return " ".join(facts) + f'<br><a href="{escape(address)}">{escape(job.id)}</a>'


def of_results(results: Results) -> str:
    """A table of the outputs, and the footprints of the items on a map."""
    listed = {} if results.get("type") in {"Collection", "Catalog"} else results
    rows = [[name, _value(value)] for name, value in listed.items()]
    try:
        items = [item for _, item in islice(results.job.item_documents(), _MOST_ITEMS)]
    except ClientError as error:
        return _table(["output", "value"], rows) + f"<p>{escape(str(error))}</p>"
    names = [[str(item.get("id")), str((item.get("properties") or {}).get("datetime") or "")] for item in items]
    parts = [_table(["output", "value"], rows) if rows else "", footprints(items)]
    return "".join([*parts, _table(["item", "time"], names) if names else ""])


def _table(head: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{lines}</table>"


def _value(value: Any) -> str:
    if isinstance(value, dict) and "href" in value:
        return str(value["href"])
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _kind(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items') or {})}"
    return str(schema.get("contentMediaType") or schema.get("format") or schema.get("type") or "")


# -- the map --------------------------------------------------------------------------------------------------------


def footprints(items: Iterable[dict[str, Any]]) -> str:
    """Where the items lie, on a graticule in degrees; nothing when none of them says it."""
    shapes = [(str(item.get("id")), rings) for item in items if (rings := list(_rings(item)))]
    if not shapes:
        return ""
    points = [point for _, rings in shapes for ring in rings for point in ring]
    west, east = _padded([x for x, _ in points], 180)
    south, north = _padded([y for _, y in points], 90)
    # A degree of longitude is as wide as it is there, so that shapes look as they are.
    squeeze = max(0.1, math.cos(math.radians((south + north) / 2)))
    scale = min(_WIDTH / ((east - west) * squeeze), _TALLEST / (north - south))
    width, height = (east - west) * squeeze * scale, (north - south) * scale

    def place(x: float, y: float) -> tuple[float, float]:
        return (x - west) * squeeze * scale, (north - y) * scale

    lines = [*_graticule((west, east, south, north), (width, height), place)]
    for name, rings in shapes:
        path = "".join("M" + "L".join("{:.1f} {:.1f}".format(*place(*point)) for point in ring) + "Z" for ring in rings)
        lines.append(
            f'<path d="{path}" fill="#0b62b0" fill-opacity=".25" stroke="#0b62b0" stroke-width="1.5" '
            f'fill-rule="evenodd"><title>{escape(name)}</title></path>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" style="background:#f4f7fa;border:1px solid #ccd3da">'
        f"<title>Footprints of {len(shapes)} items</title>{''.join(lines)}</svg>"
    )


def _graticule(extent: tuple[float, ...], size: tuple[float, float], place: Any) -> Iterator[str]:
    west, east, south, north = extent
    width, height = size
    for x in _marks(west, east):
        at, _ = place(x, north)
        yield f'<path d="M{at:.1f} 0V{height:.0f}" stroke="#ccd3da"/>{_label(at + 3, height - 4, x)}'
    for y in _marks(south, north):
        _, at = place(west, y)
        yield f'<path d="M0 {at:.1f}H{width:.0f}" stroke="#ccd3da"/>{_label(3, at - 3, y)}'


def _label(x: float, y: float, degrees: float) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="10" fill="#57606a">{degrees:g}°</text>'


def _marks(low: float, high: float) -> list[float]:
    """Three to seven round numbers between two others."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda found: abs(found - rough))
    return [round(step * number, 10) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _padded(values: list[float], limit: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = max((high - low) * 0.4, 0.01)
    return max(-limit, low - margin), min(limit, high + margin)


def _rings(item: dict[str, Any]) -> Iterator[Ring]:
    """The outlines of an item; of one without geometry its box."""
    geometry, box = item.get("geometry"), item.get("bbox")
    if isinstance(geometry, dict):
        yield from _outlines(geometry)
    elif isinstance(box, list) and len(box) in {4, 6}:
        half = len(box) // 2
        west, south, east, north = (float(box[at]) for at in (0, 1, half, half + 1))
        yield [(west, south), (east, south), (east, north), (west, north)]


def _outlines(geometry: dict[str, Any]) -> Iterator[Ring]:
    for part in geometry.get("geometries") or ():
        yield from _outlines(part)
    yield from _lists_of_points(geometry.get("coordinates"))


def _lists_of_points(value: Any) -> Iterator[Ring]:
    """Every list of points in coordinates of whatever depth; a single point is a small square."""
    if not isinstance(value, list) or not value:
        return
    if _is_point(value):
        x, y = float(value[0]), float(value[1])
        yield [(x - 0.005, y - 0.005), (x + 0.005, y - 0.005), (x + 0.005, y + 0.005), (x - 0.005, y + 0.005)]
    elif all(_is_point(point) for point in value):
        yield [(float(point[0]), float(point[1])) for point in value]
    else:
        for part in value:
            yield from _lists_of_points(part)


def _is_point(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in {2, 3}
        and all(isinstance(number, int | float) and math.isfinite(number) for number in value)
    )
