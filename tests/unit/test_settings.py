"""The settings as they travel between processes of our own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ades.settings import Settings


def test_settings_arrive_as_they_were_sent(monkeypatch):
    """What is told in JSON is read again, with the same types, whatever the environment says there."""
    sent = Settings(
        data=Path("/somewhere"), oidc_issuer="https://issuer.example", gateway_proxies=("10.0.0.1", "10.0.0.2")
    )
    told = sent.to_json()
    monkeypatch.setenv("ADES_DATA", "/elsewhere")
    arrived = Settings.from_json(told)
    assert sent == arrived
    assert {name: type(getattr(sent, name)) for name in Settings.model_fields} == {
        name: type(getattr(arrived, name)) for name in Settings.model_fields
    }
    assert arrived.identities


def test_secrets_and_times_arrive():
    """Secrets stay secret in words and whole in value; durations stay durations."""
    secrets = {name: "hush" for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    sent = Settings(**secrets)
    arrived = Settings.from_json(sent.to_json())
    assert secrets
    for name in secrets:
        assert "hush" == getattr(arrived, name).get_secret_value()
        assert "hush" not in repr(getattr(arrived, name))
    durations = [name for name in Settings.model_fields if isinstance(getattr(sent, name), timedelta)]
    assert [getattr(sent, name) for name in durations] == [getattr(arrived, name) for name in durations]
