"""Every line of `connect --check`: when it passes, warns and fails, and what the command ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

import pytest

from earmark.errors import EarmarkError, EstateError, ExitCode, HuntError, PermissionDenied
from earmark.model.permission import AlertUse, Hunting, Permission, Proof, Purpose, Resource, Token, least_permissions
from earmark.project.settings import DefenderSettings, EngineKind, EstateKind, Mode, SignIn, SignInMethod
from earmark.services.connect import TRIAL, check_connection, connection_document
from earmark.services.standing import Line, Standing, exit_code
from earmark.services.workspace import Workspace
from tests.unit.services.world import NOON, World

OBSERVING = least_permissions(Purpose.OBSERVE)
TAGGING = least_permissions(Purpose.TAG)
HOUR = timedelta(hours=1)
Value = TypeVar("Value")


def token(*roles: str, delegated: bool = False) -> Token:
    return Token(roles=frozenset(roles), delegated=delegated, ends_at=NOON + HOUR)


@dataclass
class FakeProbe:
    """A tenant where all is well, unless a test says otherwise."""

    lead: timedelta | EarmarkError = timedelta(seconds=2)
    tokens: dict[Resource, Token | EarmarkError] = field(
        default_factory=lambda: {
            Resource.DEFENDER: token("Machine.Read.All"),
            Resource.GRAPH: token("ThreatHunting.Read.All"),
        }
    )
    devices: int | EarmarkError = 1
    proof: Proof | EarmarkError = field(
        default_factory=lambda: Proof(kind="certificate", ends_at=NOON + timedelta(days=100))
    )
    asked_for_end: list[bool] = field(default_factory=list)

    def fetch_clock_lead(self) -> timedelta:
        return _given(self.lead)

    def fetch_token(self, resource: Resource) -> Token:
        return _given(self.tokens[resource])

    def fetch_devices(self) -> int:
        return _given(self.devices)

    def fetch_proof(self, *, may_ask: bool) -> Proof:
        self.asked_for_end.append(may_ask)
        return _given(self.proof)


def _given(value: Value | EarmarkError) -> Value:
    if isinstance(value, EarmarkError):
        raise value
    return value


def tenant_of(
    world: World, *, method: SignInMethod = SignInMethod.CERTIFICATE, engine: EngineKind = EngineKind.GRAPH
) -> Workspace:
    """The world's workspace, with a tenant as its estate."""
    world.set_wall = True
    workspace = world.workspace
    estate = replace(
        workspace.project.settings.estate,
        kind=EstateKind.DEFENDER,
        defender=DefenderSettings(tenant="contoso.com", sign_in=SignIn(method=method)),
    )
    settings = replace(workspace.project.settings, estate=estate, engine=engine)
    return replace(workspace, project=replace(workspace.project, settings=settings))


def check(
    probe: FakeProbe,
    *,
    needs: Sequence[Permission] = OBSERVING,
    world: World | None = None,
    method: SignInMethod = SignInMethod.CERTIFICATE,
    engine: EngineKind = EngineKind.GRAPH,
) -> dict[str, Line]:
    world = world or World(mode=Mode.OBSERVE)
    world.engine.found.setdefault(TRIAL, ["40"])
    lines = list(check_connection(tenant_of(world, method=method, engine=engine), probe, needs))
    return {f"{line.check}{'+' * n}": line for n, line in _numbered(lines)}


def _numbered(lines: Sequence[Line]) -> list[tuple[int, Line]]:
    """Each line with how many of its name stand before it."""
    names = [line.check for line in lines]
    return [(names[:at].count(line.check), line) for at, line in enumerate(lines)]


def standings(lines: dict[str, Line]) -> dict[str, str]:
    return {name: line.standing.value for name, line in lines.items()}


def test_all_is_well() -> None:
    lines = check(FakeProbe())
    assert set(standings(lines).values()) == {"passed"}
    assert list(lines) == [
        *("mode", "clock", "sign-in Defender", "roles Defender", "sign-in Graph", "roles Graph"),
        *("devices", "hunt", "expiry"),
    ]
    assert exit_code(lines.values()) is ExitCode.DONE
    assert not any(line.hint for line in lines.values()), "there is nothing to do"


def test_the_mode_is_said() -> None:
    assert check(FakeProbe())["mode"].message.startswith("observe: nothing that would write is sent")
    assert check(FakeProbe(), world=World(mode=Mode.APPLY))["mode"].message.startswith("apply:")


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize(
    ("seconds", "standing", "code"),
    [
        (60, Standing.PASSED, ExitCode.DONE),
        (61, Standing.WARNING, ExitCode.DONE),
        (300, Standing.WARNING, ExitCode.DONE),
        (301, Standing.FAILED, ExitCode.DENIED),
    ],
)
def test_the_clock(seconds: int, standing: Standing, code: ExitCode, way: int) -> None:
    line = check(FakeProbe(lead=timedelta(seconds=way * seconds)))["clock"]
    assert (line.standing, line.exit_code) == (standing, code)
    if standing is not Standing.PASSED:
        assert f"{seconds} s {'behind' if way > 0 else 'ahead of'} the tenant's" in line.message
        assert "NTP" in line.hint


def test_a_clock_that_cannot_be_asked_is_no_matter_of_permission() -> None:
    line = check(FakeProbe(lead=EstateError("no answer.", hint="Check the network.")))["clock"]
    assert (line.standing, line.exit_code) == (Standing.FAILED, ExitCode.PARTLY_APPLIED)
    assert (line.message, line.hint) == ("no answer.", "Check the network.")


def test_signing_in_that_fails_skips_what_needs_it() -> None:
    probe = FakeProbe()
    probe.tokens[Resource.DEFENDER] = PermissionDenied("signing in failed: AADSTS7000222", hint="Make a new secret.")
    lines = check(probe)
    assert lines["sign-in Defender"].message == "signing in failed: AADSTS7000222"
    assert lines["sign-in Defender"].hint == "Make a new secret."
    assert lines["roles Defender"].standing is lines["devices"].standing is Standing.SKIPPED
    assert lines["hunt"].standing is Standing.PASSED, "that needs Graph alone"
    assert exit_code(lines.values()) is ExitCode.DENIED


def test_without_a_token_of_graph_nothing_is_hunted() -> None:
    probe, world = FakeProbe(), World(mode=Mode.OBSERVE)
    probe.tokens[Resource.GRAPH] = EstateError("signing in got no answer.")
    lines = check(probe, world=world)
    assert lines["hunt"].standing is Standing.SKIPPED
    assert world.engine.requests == []
    assert exit_code(lines.values()) is ExitCode.PARTLY_APPLIED


def test_a_missing_role_is_named_with_what_it_is_for() -> None:
    line = check(FakeProbe(), needs=TAGGING)["roles Defender"]
    assert (line.standing, line.exit_code) == (Standing.FAILED, ExitCode.DENIED)
    assert line.message == (
        "missing at WindowsDefenderATP: Machine.ReadWrite.All (to list devices with their tags, and to add and remove "
        "tags). Granted: Machine.Read.All."
    )
    assert "connect --steps" in line.hint


def test_no_role_at_all_is_missing_too() -> None:
    probe = FakeProbe()
    probe.tokens[Resource.GRAPH] = token()
    assert "Granted: none." in check(probe)["roles Graph"].message


def test_more_than_needed_is_a_warning() -> None:
    probe = FakeProbe()
    probe.tokens[Resource.DEFENDER] = token("Machine.ReadWrite.All", "Machine.Isolate")
    lines = check(probe)
    line = lines["roles Defender"]
    assert (line.standing, line.exit_code) == (Standing.WARNING, ExitCode.DONE)
    assert "more than needed at WindowsDefenderATP: Machine.Isolate, Machine.ReadWrite.All." in line.message
    assert "Needed: Machine.Read.All." in line.message
    assert exit_code(lines.values()) is ExitCode.DONE


def test_missing_and_too_much_are_two_lines() -> None:
    probe = FakeProbe()
    probe.tokens[Resource.GRAPH] = token("Mail.Read")
    lines = check(probe)
    assert lines["roles Graph"].standing is Standing.FAILED
    assert lines["roles Graph+"].standing is Standing.WARNING


def test_the_right_to_read_applications_is_for_the_end_of_secrets() -> None:
    probe = FakeProbe()
    probe.tokens[Resource.GRAPH] = token("ThreatHunting.Read.All", "Application.Read.All")
    assert check(probe)["roles Graph"].standing is Standing.PASSED
    assert probe.asked_for_end == [True]


@pytest.mark.parametrize("roles", [("ThreatHunting.Read.All",), ()])
def test_without_that_right_nobody_asks(roles: tuple[str, ...]) -> None:
    probe = FakeProbe()
    probe.tokens[Resource.GRAPH] = token(*roles)
    check(probe)
    assert probe.asked_for_end == [False]


def test_alerts_are_needed_where_they_are_wanted() -> None:
    needs = least_permissions(Purpose.OBSERVE, alerts=AlertUse.READ)
    assert "SecurityAlert.Read.All (to read alerts)" in check(FakeProbe(), needs=needs)["roles Graph"].message
    probe = FakeProbe()
    probe.tokens[Resource.GRAPH] = token("ThreatHunting.Read.All", "SecurityAlert.Read.All")
    assert check(probe, needs=needs)["roles Graph"].standing is Standing.PASSED


def test_a_token_that_tells_nothing_leaves_the_roles_unknown() -> None:
    probe = FakeProbe()
    probe.tokens[Resource.GRAPH] = Token(roles=None, delegated=False, ends_at=None)
    lines = check(probe)
    assert lines["roles Graph"].standing is Standing.UNKNOWN
    assert exit_code(lines.values()) is ExitCode.DONE


def test_the_old_endpoint_needs_no_graph() -> None:
    probe = FakeProbe()
    probe.tokens[Resource.DEFENDER] = token("Machine.Read.All", "AdvancedQuery.Read.All")
    lines = check(probe, needs=least_permissions(Purpose.OBSERVE, hunting=Hunting.OLD))
    assert lines["sign-in Graph"].standing is Standing.SKIPPED
    assert lines["hunt"].standing is Standing.WARNING
    assert "stops answering on 1 February 2027" in lines["hunt"].message
    assert exit_code(lines.values()) is ExitCode.DONE


def test_imported_events_are_not_hunted_in_the_tenant() -> None:
    needs = least_permissions(Purpose.OBSERVE, hunting=Hunting.LOCAL)
    lines = check(FakeProbe(), needs=needs, engine=EngineKind.LOCAL)
    assert (lines["hunt"].standing, lines["sign-in Graph"].standing) == (Standing.SKIPPED, Standing.SKIPPED)


def test_devices_that_do_not_answer() -> None:
    probe = FakeProbe(
        devices=PermissionDenied("machines-list was refused with 403.", hint="It needs Machine.Read.All.")
    )
    line = check(probe)["devices"]
    assert (line.standing, line.exit_code, line.hint) == (
        *(Standing.FAILED, ExitCode.DENIED),
        "It needs Machine.Read.All.",
    )
    line = check(FakeProbe(devices=EstateError("machines-list got no answer.")))["devices"]
    assert line.exit_code is ExitCode.PARTLY_APPLIED


def test_a_tenant_without_devices_is_worth_a_look() -> None:
    line = check(FakeProbe(devices=0))["devices"]
    assert (line.standing, line.message) == (Standing.WARNING, "the list of devices answers, and holds none.")


@pytest.mark.parametrize("delegated", [True, False])
def test_the_azure_cli_sees_a_part(delegated: bool) -> None:
    probe = FakeProbe(
        tokens={
            Resource.DEFENDER: token("Machine.Read.All", "Machine.Scan.All", delegated=delegated),
            Resource.GRAPH: token("ThreatHunting.Read.All", delegated=delegated),
        }
    )
    lines = check(probe, method=SignInMethod.CLI)
    assert lines["devices"].standing is Standing.WARNING
    assert "partial" in lines["devices"].message
    expected = Standing.PASSED if delegated else Standing.WARNING
    assert lines["roles Defender"].standing is expected, "what a person has, nobody chose for Earmark"


def test_a_hunt_that_is_refused_ends_with_unknown() -> None:
    world = World(mode=Mode.OBSERVE)
    world.engine.error = HuntError("Failed to resolve table or column expression named 'DeviceInfo'")
    lines = check(FakeProbe(), world=world)
    assert "named 'DeviceInfo'" in lines["hunt"].message
    assert "Plan 2" in lines["hunt"].hint
    assert exit_code(lines.values()) is ExitCode.UNKNOWN


def test_a_hunt_that_is_refused_for_another_reason_says_what_the_refusal_says() -> None:
    world = World(mode=Mode.OBSERVE)
    world.engine.error = HuntError("Not Found", hint="Check `hosts`.")
    line = check(FakeProbe(), world=world)["hunt"]
    assert (line.message, line.hint) == ("a hunt in DeviceInfo is refused: Not Found", "Check `hosts`.")


def test_a_role_that_a_needed_one_contains_is_not_too_much() -> None:
    probe = FakeProbe()
    probe.tokens[Resource.DEFENDER] = token("Machine.Read.All", "Machine.ReadWrite.All")
    assert check(probe, needs=TAGGING)["roles Defender"].standing is Standing.PASSED


def test_a_hunt_that_is_forbidden_ends_with_denied() -> None:
    world = World(mode=Mode.OBSERVE)
    world.engine.error = PermissionDenied("hunting was refused with 403.", hint="It needs ThreatHunting.Read.All.")
    assert exit_code(check(FakeProbe(), world=world).values()) is ExitCode.DENIED


def test_a_hunt_that_is_not_complete_is_a_warning() -> None:
    world = World(mode=Mode.OBSERVE)
    world.engine.why_not = "the tenant's CPU quota is used up."
    line = check(FakeProbe(), world=world)["hunt"]
    assert (line.standing, line.exit_code) == (Standing.WARNING, ExitCode.DONE)
    assert "CPU quota" in line.message


@pytest.mark.parametrize(
    ("left", "standing", "code"),
    [
        (timedelta(days=30), Standing.PASSED, ExitCode.DONE),
        (timedelta(days=29), Standing.WARNING, ExitCode.DONE),
        (timedelta(0), Standing.FAILED, ExitCode.DENIED),
        (-timedelta(days=2), Standing.FAILED, ExitCode.DENIED),
    ],
)
def test_the_end_of_what_signs_in(left: timedelta, standing: Standing, code: ExitCode) -> None:
    line = check(FakeProbe(proof=Proof(kind="secret", ends_at=NOON + left)))["expiry"]
    assert (line.standing, line.exit_code) == (standing, code)
    assert ("Renew the secret" in line.hint) == (standing is not Standing.PASSED)


def test_an_end_that_cannot_be_told_is_said_as_unknown() -> None:
    line = check(FakeProbe(proof=Proof(kind="secret", ends_at=None, why_unknown="it is not shown.")))["expiry"]
    assert (line.standing, line.message) == (Standing.UNKNOWN, "the secret: it is not shown.")
    assert line.exit_code is ExitCode.DONE


def test_what_does_not_expire_passes() -> None:
    line = check(FakeProbe(proof=Proof(kind="managed identity", ends_at=None)))["expiry"]
    assert (line.standing, line.message) == (Standing.PASSED, "the managed identity does not expire.")


def test_a_certificate_that_cannot_be_read_fails() -> None:
    probe = FakeProbe(proof=PermissionDenied("${file:x.pem} holds no certificate.", hint="Name one."))
    assert check(probe)["expiry"].exit_code is ExitCode.DENIED


def test_permissions_weigh_more_than_the_rest() -> None:
    probe = FakeProbe(lead=EstateError("no answer."), devices=PermissionDenied("refused."))
    world = World(mode=Mode.OBSERVE)
    world.engine.error = HuntError("refused.")
    assert exit_code(check(probe, world=world).values()) is ExitCode.DENIED


def test_as_json() -> None:
    workspace = tenant_of(World(mode=Mode.OBSERVE))
    lines = list(check_connection(workspace, FakeProbe(), TAGGING))
    document = connection_document(workspace, lines)
    assert document["works"] is False
    assert (document["estate"], document["mode"]) == ("fake:1", "observe")
    assert document["lines"][3]["standing"] == "failed"
    assert set(document["lines"][0]) == {"check", "standing", "message", "hint"}
