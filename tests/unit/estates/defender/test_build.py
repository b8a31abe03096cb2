"""What a project's settings give: parts that share one client, and send nothing before they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.errors import PermissionDenied
from earmark.estates.defender.build import DefenderParts, build_defender
from earmark.estates.defender.clouds import Api
from earmark.project.settings import DefenderSettings, Geo, Secret, SecretKind, SignIn, SignInMethod
from tests.fakes_store import MemoryStore


def parts(*, writable: bool, hunted: bool = True) -> DefenderParts:
    secret = Secret(kind=SecretKind.ENV, name="NOT_SET_ANYWHERE", folder=Path())
    settings = DefenderSettings(
        tenant="corp.example",
        sign_in=SignIn(method=SignInMethod.SECRET, client_id="client", secret=secret),
        geo=Geo.EU,
        old_hunting=True,
    )
    return build_defender(settings, book=MemoryStore(), writable=writable, hunted=hunted)


def test_settings_reach_their_parts() -> None:
    built = parts(writable=True)
    assert built.estate.id == "defender:corp.example"
    assert built.client.addresses.base[Api.DEFENDER] == "https://eu.api.security.microsoft.com"
    assert built.hunts.old


@pytest.mark.parametrize("name", ["alerts", "defender_alerts"])
def test_who_only_observes_changes_no_alert(name: str) -> None:
    with pytest.raises(PermissionDenied, match="mode: observe"):
        getattr(parts(writable=False), name).update("an-alert", {"status": "resolved"})
