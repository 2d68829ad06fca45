"""`ades stage-in` and `ades stage-out`: what the runner does before and behind a package, by hand or in a container."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import click

from ades.cli.common import load_settings
from ades.errors import AdesError

if TYPE_CHECKING:
    from ades.objects import ObjectStore
    from ades.settings import Settings


@click.command(name="stage-in")
@click.argument("reference")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), default="staged", show_default=True, help="New folder."
)
@click.option("--workspace", default="demo", show_default=True, help="On whose behalf the store is read.")
@click.option("--assets", help="Only these assets of each item, separated by commas.")
def stage_in(reference: str, folder: Path, workspace: str, assets: str | None) -> None:
    """Bring what REFERENCE names into a folder with a `catalog.json`.

    REFERENCE is the address of a STAC item, collection, catalogue or search, of a folder or of a zip archive. Where
    the store is and how to get in stands in the environment, as for the server.

    Example: ades stage-in https://example.com/scene.json --to scene
    """
    from ades.runner.failures import RunFailed
    from ades.runner.stage_in import stage_one

    settings = load_settings()
    try:
        stage_one(_with_assets(reference, assets), folder.absolute(), settings, _store(settings), workspace, _say)
    except RunFailed as error:
        raise AdesError(str(error)) from error
    click.echo(str(folder))


@click.command(name="stage-out")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", "place", required=True, help="Where the catalogue shall lie: s3://bucket/path or a folder.")
@click.option("--process", default="stage-out", help="The process whose result it is.")
@click.option("--job", type=click.UUID, help="The job whose result it is.")
@click.option("--output", help="What it is called for people.  [default: the last part of the place]")
@click.option("--collection", help="Id of the collection of items that belong to none.")
def stage_out(
    folder: Path, place: str, process: str, job: UUID | None, output: str | None, collection: str | None
) -> None:
    """Publish a FOLDER as STAC, and print the address of its catalogue.

    A folder with a `catalog.json` keeps its layout, ids and collections; of any other one the files become assets of
    one item.

    Example: ades stage-out out --to s3://results/water
    """
    from ades.runner.document import JobDocument
    from ades.runner.failures import RunFailed
    from ades.runner.stage_out import stage_out_one

    settings, job = load_settings(), job or uuid4()
    store, key, address = _target(settings, place.rstrip("/"))
    prefix, _, name = key.rpartition("/")
    document = JobDocument(
        job=job, attempt=1, process=process, deploying="", calling="", executing="", executable={"kind": "cwl"},
        inputs={}, outputs={}, results_prefix=prefix or ".",
    )  # fmt: skip
    try:
        stage_out_one(document, name, folder.resolve(), store, collection or f"col_{job}", output or name)
    except RunFailed as error:
        raise AdesError(str(error)) from error
    click.echo(f"{address}/catalog.json", nl=sys.stdout.isatty())


def _with_assets(reference: str, assets: str | None) -> str:
    return reference if assets is None else f"{reference.partition('#')[0]}#assets={assets}"


def _say(event: Any) -> None:
    click.echo(event.text, err=True)


def _store(settings: Settings) -> ObjectStore:
    from ades.objects import open_store

    return _patient(open_store(settings), settings)


def _patient(store: ObjectStore, settings: Settings) -> ObjectStore:
    from ades.runner.patience import Patience, Patient

    return Patient(store, Patience(settings.objects_patience, lambda text: click.echo(text, err=True)))


def _target(settings: Settings, place: str) -> tuple[ObjectStore, str, str]:
    """The store, the key in it, and the address."""
    from ades.objects import bucket_of, key_of, open_bucket
    from ades.objects.local import LocalStore

    key = key_of(settings, place) if "://" in place else None
    if key is not None and "/" in key:
        return _store(settings), key, place
    if place.startswith("s3://"):
        bucket, key = bucket_of(place)
        return _patient(open_bucket(settings, bucket), settings), key, place
    path = Path(place.removeprefix("file://")).absolute()
    return LocalStore(path.parent.parent, check=str), f"{path.parent.name}/{path.name}", path.as_uri()
