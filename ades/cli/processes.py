"""`ades deploy`, `replace`, `undeploy`, `processes`, `describe`: what can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ades.cli.session import Session, flowing, plain, table, talks

if TYPE_CHECKING:
    from ades.client import Process


@click.command()
@click.argument("package")
@click.option("--entry", help="The workflow to deploy, when the package holds several; the id, when it has none.")
@click.option("--replace", "replaces", is_flag=True, help="Put it in the place of a process of the same id.")
@talks
def deploy(session: Session, package: str, entry: str | None, *, replaces: bool) -> None:
    """Deploy a PACKAGE: a file or an http(s) address.

    Example: ades deploy cwl/scatter.cwl
    """
    from ades.cli.packages import sendable

    process = session.client().deploy(sendable(package), process_id=entry, replace=replaces)
    session.show(process.description, lambda: _deployed(process, "deployed"))


@click.command()
@click.argument("process_id")
@click.argument("package")
@talks
def replace(session: Session, process_id: str, package: str) -> None:
    """Put another PACKAGE in the place of a process; its jobs keep theirs.

    Example: ades replace scatter cwl/scatter.cwl
    """
    from ades.cli.packages import sendable

    process = session.client().process(process_id).replace(sendable(package))
    session.show(process.description, lambda: _deployed(process, "replaced"))


@click.command()
@click.argument("process_id")
@talks
def undeploy(session: Session, process_id: str) -> None:
    """Take a process away; its jobs and their results stay.

    Example: ades undeploy scatter
    """
    session.client().process(process_id).undeploy()
    session.show({"id": process_id, "undeployed": True}, lambda: click.echo(f"{process_id} is gone. Its jobs stay."))


@click.command()
@talks
def processes(session: Session) -> None:
    """List what can be run.

    Example: ades processes
    """
    found = list(session.client().processes())
    session.show(
        [process.description for process in found],
        lambda: table([[p.id, p.version, p.title] for p in found], ["id", "version", "title"]),
    )


@click.command()
@click.argument("process_id")
@talks
def describe(session: Session, process_id: str) -> None:
    """Show what a process takes and gives.

    Example: ades describe echo
    """
    process = session.client().process(process_id)
    session.show(process.description, lambda: _described(process))


def _deployed(process: Process, word: str) -> None:
    click.echo(f"{process.id} {process.version} is {word}.")
    for warning in process.warnings:
        click.echo(f"  note: {warning}", err=True)
    click.echo(f"Run it:  ades run {process.id} " + " ".join(f"{name}=…" for name in _required(process)))


def _required(process: Process) -> list[str]:
    return [name for name, port in process.inputs.items() if port.get("minOccurs", 1)]


def _described(process: Process) -> None:
    click.echo(f"{process.id} {process.version}: {process.title}")
    if about := process.description.get("description"):
        click.echo(flowing(_joined(plain(str(about)).strip())))
    for word, ports in (("inputs", process.inputs), ("outputs", process.outputs)):
        click.echo(f"\n{word}:" if ports else f"\nno {word}")
        if ports:
            table([[name, kind_of(port), _note(port)] for name, port in ports.items()], ["name", "type", ""])


def _joined(about: str) -> str:
    """Paragraphs without the line breaks of a narrow editor; lists stay as they are."""
    parts = about.split("\n\n")
    return "\n\n".join(part if "\n-" in part or "\n*" in part else " ".join(part.split()) for part in parts)


def kind_of(port: dict[str, Any]) -> str:
    """The type of an input or output in a word or two."""
    return _kind(port.get("schema") or {})


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    for word in ("oneOf", "anyOf", "allOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_kind(branch) for branch in schema[word]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items') or {})}"
    return str(schema.get("contentMediaType") or schema.get("format") or schema.get("type") or "anything")


def _note(port: dict[str, Any]) -> str:
    schema = port.get("schema") or {}
    facts = [] if port.get("minOccurs", 1) else ["optional"]
    facts += [f"default {schema['default']!r}"] if "default" in schema else []
    title = str(port.get("title") or port.get("description") or "")
    return "; ".join([title, *facts] if title else facts)
