"""From one document to all processes that it needs: `$graph`, `$import`, `$include` and `run:` of other files.

The result is self-contained: whatever a package names elsewhere is read once, through the caller's guarded reader, and
becomes part of it. Nothing is read but what a package names, and never `$schemas`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urldefrag, urljoin, urlsplit

from ades.errors import AdesError, MalformedPackage
from ades.recipe import eoap, text
from ades.recipe.document import named
from ades.recipe.grammar import process
from ades.recipe.reading import Problem, Reading, Source, Version, refusal, similar
from ades.recipe.types import register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.model import JSON
    from ades.recipe.reading import At, Node

VERSIONS: Final[dict[str, Version]] = {"v1.0": (1, 0), "v1.1": (1, 1), "v1.2": (1, 2)}
MAX_FILES: Final = 50
_PACKAGE_FIELDS: Final = frozenset({"cwlVersion", "$graph", "$namespaces", "$schemas", "$base", "schemas"})
_ABOUT_FIELDS: Final = frozenset({"id", "label", "doc"})


@dataclass(slots=True)
class Pack:
    """All processes of a package, by id, with what stands above them."""

    version: str
    processes: dict[str, Node] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    about: dict[str, JSON] = field(default_factory=dict)
    """Extension fields (`s:…`) and texts at the top of a document with `$graph`."""
    single: bool = False
    """The document is one process, not a `$graph`."""
    tools: dict[str, str] = field(default_factory=dict)
    """Tools that had the name of a workflow, by that name."""
    files: list[str] = field(default_factory=list)
    """The addresses of other files that became part of it."""


def pack(value: JSON, source: Source, reading: Reading, fetch: Callable[[str], bytes] | None) -> Pack:
    """Read a CWL document and everything that it names."""
    return _Packer(reading, fetch).pack(value, source)


class _Packer:
    def __init__(self, reading: Reading, fetch: Callable[[str], bytes] | None) -> None:
        self.reading = reading
        self.fetch = fetch
        self.files: dict[str, str | None] = {}
        """The texts of other files by address; None for those that could not be read."""
        self.linked: dict[str, str] = {}
        """From the address of a process elsewhere to its id in the pack."""
        self.schemes = {"http", "https"}

    def pack(self, value: JSON, source: Source) -> Pack:
        if source.address and source.address.startswith("file:"):
            self.schemes.add("file")  # it lies on the disk of the one who asks, and so does what lies beside it
        packed = self.document(value, source)
        self.reading.settle()
        self.lift_to(packed, self.reading.needed)
        self.link_all(packed, packed)
        packed.files = [address for address, found in self.files.items() if found is not None]
        return packed

    def document(self, value: JSON, source: Source) -> Pack:
        """The processes of one file."""
        reading = self.reading
        if isinstance(value, list):
            value = {"$graph": value}
        if not isinstance(value, dict):
            raise refusal([Problem(f"A CWL document is a mapping; this is {named(value)}.", source)])
        if "$import" in source.text or "$include" in source.text:
            value = self.expand(value, source, source, ())
            reading.settle()
            if not isinstance(value, dict):
                raise refusal([Problem("The document as a whole cannot be imported; import parts of it.", source)])
        packed = Pack(self.version(value, source))
        reading.version = VERSIONS[packed.version]
        packed.namespaces = reading.namespaces = self.namespaces(value, source)
        members = list(self.members(value, source, packed))
        for raw, at in members:
            self.learn_types(raw, at)
        for raw, at in members:
            self.add(packed, process(raw, at, reading))
        return packed

    def version(self, value: dict[str, JSON], source: Source) -> str:
        reading = self.reading
        graph = value.get("$graph")
        members = graph if isinstance(graph, list) else []
        said = [item["cwlVersion"] for item in [value, *members] if isinstance(item, dict) and "cwlVersion" in item]
        if not said:
            reading.problem(source, "`cwlVersion` is missing. Write `cwlVersion: v1.2` at the top.")
            return "v1.2"
        found = str(said[0]).removeprefix("cwl:").removeprefix("https://w3id.org/cwl/cwl#")
        if any(other != said[0] for other in said):
            reading.problem(
                source, f"The processes say different versions: {', '.join(sorted({str(v) for v in said}))}."
            )
        elif found not in VERSIONS:
            reading.problem(
                (source, "cwlVersion"), f"cwlVersion `{found}` is not supported. Write one of: {', '.join(VERSIONS)}."
            )
        return found if found in VERSIONS else "v1.2"

    def namespaces(self, value: dict[str, JSON], source: Source) -> dict[str, str]:
        found = value.get("$namespaces") or {}
        if isinstance(found, dict) and all(isinstance(address, str) for address in found.values()):
            return dict(found)
        self.reading.problem((source, "$namespaces"), "`$namespaces` maps prefixes to addresses.")
        return {}

    def members(self, value: dict[str, JSON], source: Source, packed: Pack) -> Iterator[tuple[JSON, At]]:
        """The processes as they are written, and where."""
        if "$graph" not in value:
            packed.single = True
            yield {key: item for key, item in value.items() if key not in _PACKAGE_FIELDS - {"cwlVersion"}}, source
            return
        for key, item in value.items():
            if ":" in key or key in _ABOUT_FIELDS:
                packed.about[key] = item
            elif key not in _PACKAGE_FIELDS:
                self.reading.warn(f"`{key}` at the top, beside `$graph`, has no effect.{similar(key, _PACKAGE_FIELDS)}")
        graph = value["$graph"]
        items = graph if isinstance(graph, list) else [graph]
        if not items:
            self.reading.problem((source, "$graph"), "`$graph` is empty. It should list at least one process.")
        for index, item in enumerate(items):
            yield item, ((source, "$graph"), index) if isinstance(graph, list) else (source, "$graph")

    def learn_types(self, raw: JSON, at: At) -> None:
        """Types first: ports may name types that are listed further down."""
        if not isinstance(raw, dict):
            return
        for where in ("requirements", "hints"):
            asked = raw.get(where)
            entries = asked.items() if isinstance(asked, dict) else enumerate(asked if isinstance(asked, list) else [])
            for key, entry in entries:
                name = key if isinstance(asked, dict) else isinstance(entry, dict) and entry.get("class")
                if name == "SchemaDefRequirement" and isinstance(entry, dict) and "types" in entry:
                    register(entry["types"], (((at, where), key), "types"), self.reading)
        steps = raw.get("steps")
        for key, step in (
            steps.items() if isinstance(steps, dict) else enumerate(steps if isinstance(steps, list) else [])
        ):
            if isinstance(step, dict):
                self.learn_types(step, ((at, "steps"), key))
                self.learn_types(step.get("run"), (((at, "steps"), key), "run"))

    def add(self, packed: Pack, node: Node) -> None:
        name = node.get("id", "")
        if not name and not packed.single:
            self.reading.problem(node.at, "Every process in `$graph` needs an `id`.")
        elif name not in packed.processes:
            packed.processes[name] = node
        elif (packed.processes[name].get("class") == "Workflow") == (node.get("class") == "Workflow"):
            self.reading.problem(node.at, f"There are two processes with the id `{name}`.")
        else:
            self.share(packed, name, node)

    def share(self, packed: Pack, name: str, node: Node) -> None:
        """A workflow and a tool of the same name: the workflow keeps it, and what its steps run is the tool."""
        tool = packed.processes[name] if node["class"] == "Workflow" else node
        if node["class"] == "Workflow":
            packed.processes[name] = node
        tool["id"] = self.free_id(f"{name}-tool", packed)
        packed.processes[tool["id"]] = tool
        packed.tools[name] = tool["id"]
        self.reading.warn(f"A workflow and a tool are both called `{name}`; the tool is called `{tool['id']}` here.")

    # -- what is named elsewhere ------------------------------------------------------------------------------------

    def link_all(self, packed: Pack, whole: Pack) -> None:
        """Make every `run` point into the pack."""
        for node in list(packed.processes.values()):
            self.link(node, packed, whole)

    def link(self, node: Node, packed: Pack, whole: Pack) -> None:
        for step in node.get("steps", []):
            run = step.get("run")
            if isinstance(run, dict):
                self.link(run, packed, whole)  # type: ignore[arg-type]
            elif run:
                step["run"] = self.target(str(run), (step.at, "run"), packed, whole)
            else:
                self.reading.problem(step.at, f"The step `{step.get('id')}` does not say what it runs.")

    def target(self, run: str, at: At, packed: Pack, whole: Pack) -> str:
        local = run.removeprefix("#")
        local = packed.tools.get(local, local)
        if run.startswith("#") or local in packed.processes:
            if local in packed.processes:
                return f"#{self.renamed(packed, local, whole)}"
            self.reading.problem(
                at,
                f"The step runs `{run}`, but there is no such process in the package.{similar(local, packed.processes)}",
            )
            return run
        return self.elsewhere(run, at, whole)

    def renamed(self, packed: Pack, name: str, whole: Pack) -> str:
        """The id in the whole pack of a process of one file."""
        node = packed.processes[name]
        return name if packed is whole else str(node["id"])

    def elsewhere(self, run: str, at: At, whole: Pack) -> str:
        source = _source_of(at)
        full = urljoin(source.address, run) if source.address else run
        if full in self.linked:
            return f"#{self.linked[full]}"
        address, fragment = urldefrag(full)
        found = self.load(address, at, f"The step runs `{run}`")
        if found is None:
            return run
        other = self.other_file(*found, whole)
        wanted = fragment or ("main" if "main" in other.processes else next(iter(other.processes), ""))
        if wanted not in other.processes:
            self.reading.problem(at, f"There is no process `{wanted}` in {address}.")
            return run
        for name, node in other.processes.items():
            node["id"] = self.free_id(name or _stem(address), whole)
            whole.processes[node["id"]] = node
            self.linked[f"{address}#{name}"] = node["id"]
        self.linked[full] = other.processes[wanted]["id"]
        self.link_all(other, whole)
        return f"#{self.linked[full]}"

    def other_file(self, value: JSON, source: Source, whole: Pack) -> Pack:
        reading = self.reading
        outer = (reading.version, reading.namespaces, reading.types)
        reading.types = {}
        try:
            other = self.document(value, source)
        finally:
            reading.version, reading.namespaces, reading.types = outer
        reading.settle()
        whole.namespaces = other.namespaces | whole.namespaces
        newest = max(VERSIONS[other.version], VERSIONS[whole.version], reading.needed)
        self.lift_to(other, newest)
        self.lift_to(whole, newest)
        return other

    def lift_to(self, packed: Pack, version: Version) -> None:
        """Read a document as a newer version of CWL."""
        if VERSIONS[packed.version] < version:
            _lift_all(packed, version)
            packed.version = f"v{version[0]}.{version[1]}"

    def free_id(self, name: str, whole: Pack) -> str:
        candidate, count = name, 1
        while candidate in whole.processes:
            count += 1
            candidate = f"{name}_{count}"
        return candidate

    def load(self, address: str, at: At, why: str) -> tuple[JSON, Source] | None:
        """The value of a file that the package names."""
        written = self.text_of(address, at, why)
        if written is None:
            return None
        try:
            return text.load(written), Source(written, address)
        except MalformedPackage as error:
            self.reading.problem(at, f"{why}, but {address} cannot be read: {error.detail}")
            return None

    def text_of(self, address: str, at: At, why: str) -> str | None:
        """The text of a file that the package names, read once; a problem is noted when there is none."""
        if address not in self.files:
            self.files[address] = self.fetched(address, at, why)
        elif self.files[address] is None:
            self.reading.problem(at, f"{why}, which could not be read.")
        return self.files[address]

    def fetched(self, address: str, at: At, why: str) -> str | None:
        if urlsplit(address).scheme not in self.schemes:
            self.reading.problem(
                at,
                f"{why}, a file that did not come along. Send one packed document "
                "(`cwltool --pack`), or deploy by the address of a file beside which it lies.",
            )
        elif self.fetch is None:
            self.reading.problem(at, f"{why}, which is elsewhere, and other addresses are not read here.")
        elif len(self.files) >= MAX_FILES:
            self.reading.problem(at, f"{why}, but a package may name {MAX_FILES} other files at most.")
        else:
            try:
                return text.decode(self.fetch(address))
            except AdesError as error:
                self.reading.problem(at, f"{why}, but {address} could not be fetched: {error.detail}")
        return None

    # -- $import and $include ---------------------------------------------------------------------------------------

    def expand(self, value: JSON, at: At, source: Source, within: tuple[str, ...]) -> JSON:
        """The value with what it imports put in."""
        self.reading.count(1, at)
        if isinstance(value, list):
            return [self.expand(item, (at, index), source, within) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("$include"), str):
            return self.include(value["$include"], at, source)
        if isinstance(value.get("$import"), str):
            return self.imported(value["$import"], at, source, within)
        return {key: self.expand(item, (at, key), source, within) for key, item in value.items()}

    def imported(self, name: str, at: At, source: Source, within: tuple[str, ...]) -> JSON:
        if eoap.known_file(name):
            return {"$import": name}
        if name.startswith("#"):
            self.reading.problem(at, f"`$import: {name}` points into its own file; write the thing itself there.")
            return {}
        address, fragment = urldefrag(urljoin(source.address, name) if source.address else name)
        if address in within:
            self.reading.problem(at, f"The file {address} imports itself.")
            return {}
        found = self.load(address, at, f"The package imports `{name}`")
        if found is None:
            return {}
        value = self.expand(found[0], at, found[1], (*within, address))
        if fragment:
            value = next((item for item in _named_things(value) if _answers_to(item, fragment)), None)
            if value is None:
                self.reading.problem(at, f"There is nothing called `{fragment}` in {address}.")
        return {} if value is None else _absolute(value, address)

    def include(self, name: str, at: At, source: Source) -> str:
        address = urljoin(source.address, name) if source.address else name
        return self.text_of(address, at, f"The package includes `{name}`") or ""


def _source_of(at: At) -> Source:
    while isinstance(at, tuple):
        at = at[0]
    return at


def _stem(address: str) -> str:
    return urlsplit(address).path.rpartition("/")[2].partition(".")[0] or "process"


def _named_things(value: JSON) -> list[JSON]:
    if isinstance(value, dict):
        return value["$graph"] if isinstance(value.get("$graph"), list) else [value]
    return value if isinstance(value, list) else []


def _answers_to(item: JSON, fragment: str) -> bool:
    names = (item.get("name"), item.get("id")) if isinstance(item, dict) else ()
    return any(isinstance(name, str) and name.rpartition("#")[2] == fragment for name in names)


def _absolute(value: JSON, address: str) -> JSON:
    """Types of another file are named by its address."""
    if isinstance(value, list):
        return [_absolute(item, address) for item in value]
    if isinstance(value, dict) and isinstance(value.get("name"), str) and "#" not in value["name"]:
        return value | {"name": f"{address}#{value['name']}"}
    return value


# -- versions -------------------------------------------------------------------------------------------------------


def _lift_all(packed: Pack, to: Version) -> None:
    for node in packed.processes.values():
        _lift(node, VERSIONS[packed.version], to)


def _lift(node: JSON, since: Version, to: Version) -> None:
    """What v1.0 took for granted must be said from v1.1 on: network for tools, and listed directories."""
    if since == (1, 0) and to > since and node.get("class") == "CommandLineTool":
        said = {item["class"] for item in [*node.get("requirements", []), *node.get("hints", [])]}
        more = (
            {"class": "NetworkAccess", "networkAccess": True},
            {"class": "LoadListingRequirement", "loadListing": "deep_listing"},
        )
        node.setdefault("hints", []).extend(item for item in more if item["class"] not in said)
    for step in node.get("steps", []):
        if isinstance(step.get("run"), dict):
            _lift(step["run"], since, to)
