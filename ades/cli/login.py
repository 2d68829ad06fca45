"""`ades login` and `logout`: who you are, remembered for the other commands."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, NoReturn
from urllib.parse import urlencode

import click

from ades.cli.session import DEFAULT_URL, REFUSED, TROUBLE, login_file


@click.command()
@click.argument("url", default=DEFAULT_URL)
@click.option("-w", "--workspace", help="The workspace that the commands use from now on.")
@click.option("--token", help="A token that you have. `-` reads it from standard input.")
@click.option("--issuer", help="OpenID Connect issuer: log in with a browser by the device flow.")
@click.option("--client-id", default="ades-cli", show_default=True, help="Client id at the issuer.")
def login(url: str, workspace: str | None, token: str | None, issuer: str | None, client_id: str) -> None:
    """Remember a server, a workspace and a token.

    Example: ades login https://ades.example.org -w alice --issuer https://id.example.org/realms/eo
    """
    if token == "-":  # noqa: S105 - the word for standard input
        token = sys.stdin.read().strip()
    elif token is None and issuer is not None:
        token = _device_flow(issuer.rstrip("/"), client_id)
    elif token is None:
        token = click.prompt(
            "Token (empty for a server without identities)", default="", hide_input=True, show_default=False
        )
    _remember({"url": url.rstrip("/"), "workspace": workspace, "token": token})
    click.echo(f"The commands now use {url}" + (f", workspace {workspace}." if workspace else "."))


@click.command()
def logout() -> None:
    """Forget the server and the token.

    Example: ades logout
    """
    login_file().unlink(missing_ok=True)
    click.echo("Forgotten.")


def _remember(facts: dict[str, str | None]) -> None:
    """Write the file so that only its owner can read it."""
    path = login_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({name: value for name, value in facts.items() if value is not None}, file)
    part.replace(path)


def _device_flow(issuer: str, client_id: str) -> str:
    """RFC 8628: show an address and a code, and wait until somebody has entered it there."""
    endpoints = _ask("GET", f"{issuer}/.well-known/openid-configuration")
    if "device_authorization_endpoint" not in endpoints:
        raise click.ClickException(f"{issuer} offers no device flow; log in with --token.")
    started = _ask("POST", endpoints["device_authorization_endpoint"], client_id=client_id, scope="openid")
    click.echo(f"Open {started.get('verification_uri_complete') or started['verification_uri']}", err=True)
    click.echo(f"and enter the code {started['user_code']}", err=True)
    pause, end = float(started.get("interval", 5)), time.monotonic() + float(started.get("expires_in", 600))
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    while time.monotonic() < end:
        time.sleep(pause)
        answer = _ask(
            "POST",
            endpoints["token_endpoint"],
            grant_type=grant,
            device_code=started["device_code"],
            client_id=client_id,
        )
        if "access_token" in answer:
            return str(answer["access_token"])
        if answer.get("error") == "slow_down":
            pause += 5
        elif answer.get("error") != "authorization_pending":
            _stop(f"The issuer refused: {answer.get('error_description') or answer.get('error')}", REFUSED)
    return _stop("Nobody entered the code in time; run the command again.", REFUSED)


def _ask(method: str, url: str, **fields: str) -> dict[str, Any]:
    import requests

    try:
        answer = requests.request(
            method,
            url,
            data=urlencode(fields) or None,
            headers={"Content-Type": "application/x-www-form-urlencoded"} if fields else {},
            timeout=30,
        )
        document: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError) as error:
        _stop(f"{url} does not answer as an OpenID Connect issuer: {error}", TROUBLE)
    return document


def _stop(message: str, code: int) -> NoReturn:
    click.echo(f"ades: {message}", err=True)
    sys.exit(code)
