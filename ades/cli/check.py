"""`ades check` and `ades graph`: what a package means, without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from ades.cli.session import NOT_FOUND, REJECTED, TROUBLE, Session, talks

if TYPE_CHECKING:
    from ades.cli.packages import Found

NOTATIONS: Final = ("text", "dot", "mermaid", "svg")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--entry", help="The workflow that is meant, when the package holds several.")
@click.option("--strict", is_flag=True, help="Take warnings for problems.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def check(sources: tuple[str, ...], entry: str | None, *, strict: bool, as_json: bool) -> None:
    """Say what is wrong with packages, line by line; no server is needed.

    A SOURCE is a file, a folder, an http(s) address or a git repository (URL#BRANCH:FOLDER). Exit code 5 when a package
    has problems.

    Example: ades check cwl/ https://github.com/EOEPCA/rpm-resources.git#main:cwl
    """
    found = [package for source in sources for package in _read(source, entry)]
    if as_json:
        import json

        click.echo(json.dumps([_document(package) for package in found], indent=2, ensure_ascii=False))
    else:
        for package in found:
            _tell(package)
    wrong = sum(bool(package.problems or (strict and package.warnings)) for package in found)
    if len(found) > 1 and not as_json:
        click.echo(f"{len(found)} packages, {wrong or 'none'} of them with problems.", err=True)
    sys.exit(REJECTED if wrong else 0)


@click.command()
@click.argument("process")
@click.option("--entry", help="The workflow that is meant, when the package holds several.")
@click.option("--format", "notation", type=click.Choice(NOTATIONS), default="text", show_default=True, help="As what.")
@talks
def graph(session: Session, process: str, entry: str | None, notation: str) -> None:
    """Draw the steps of a package on disk or of a deployed PROCESS.

    Example: ades graph cwl/eo-sample.cwl --format mermaid
    """
    from ades.cli.packages import gathered, understand
    from ades.errors import AdesError

    if Path(process).exists() or process.startswith(("http://", "https://")):
        try:
            with gathered(process) as packages:
                found = understand(*packages[0], entry)
        except AdesError as error:
            _stop(error.detail, NOT_FOUND)
    else:
        found = _deployed(session, process, entry)
    if found.compiled is None:
        _tell(found)
        sys.exit(REJECTED)
    drawn = _drawn(found.compiled.executable, notation)
    session.show({"id": found.compiled.id, "format": notation, "graph": drawn}, lambda: click.echo(drawn, nl=False))


def _drawn(executable: dict[str, Any], notation: str) -> str:
    from ades.recipe import draw
    from ades.recipe.notations import as_dot, as_mermaid, as_text

    drawers = {"text": as_text, "dot": as_dot, "mermaid": as_mermaid, "svg": draw}
    return drawers[notation](executable).rstrip("\n") + "\n"


def _deployed(session: Session, process: str, entry: str | None) -> Found:
    from ades.cli.packages import understand
    from ades.recipe import compile_package, read

    body = session.client().process(process).package()
    return understand(process, lambda wanted: compile_package(read(body, "application/cwl+json"), entry=wanted), entry)


def _read(source: str, entry: str | None) -> list[Found]:
    from ades.cli.packages import gathered, understand
    from ades.errors import AdesError, FetchFailed

    try:
        with gathered(source) as packages:
            return [understand(name, compile_, entry) for name, compile_ in packages]
    except AdesError as error:
        _stop(error.detail, TROUBLE if isinstance(error, FetchFailed) else NOT_FOUND)


def _stop(message: str, code: int) -> NoReturn:
    click.echo(f"ades: {message}", err=True)
    sys.exit(code)


def _tell(package: Found) -> None:
    """As compilers do, so that editors find the place."""
    for problem in package.problems:
        place = [_file(str(problem.get("file", package.name)))]
        place += [str(problem[key]) for key in ("line", "column") if key in problem]
        click.echo(f"{':'.join(place)}: {click.style('error', fg='red')}: {problem['message']}")
    for warning in package.warnings:
        click.echo(f"{package.name}: {click.style('warning', fg='yellow')}: {warning}")
    if package.compiled:
        click.echo(f"{package.name}: {package.compiled.id} {package.compiled.version} is well-formed.")


def _file(name: str) -> str:
    """A file of this disk as one types it."""
    from urllib.parse import unquote, urlsplit

    if not name.startswith("file:"):
        return name
    path = Path(unquote(urlsplit(name).path))
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _document(package: Found) -> dict[str, Any]:
    compiled = package.compiled
    about = {"id": compiled.id, "version": compiled.version} if compiled else {}
    return {
        "package": package.name,
        "valid": compiled is not None,
        **about,
        "problems": package.problems,
        "warnings": list(package.warnings),
    }
