"""Connect: whether a tenant can be used, proven line by line, each with what to do where it cannot.

Nothing is written to the tenant, and nothing here sees a secret or a token: the probe tells what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from earmark.errors import EarmarkError, ExitCode, HuntError
from earmark.model.instant import minute_text
from earmark.model.permission import HUNTS, SEES_APPLICATIONS, Permission, Proof, Resource, Token
from earmark.project.settings import EngineKind, Mode, SignInMethod
from earmark.services.standing import Line, exit_code, failed, passed, skipped, stopped, unknown, warning
from earmark.services.tables import is_about_names
from earmark.services.workspace import Workspace

CLOCK_WARNING, CLOCK_FAILURE = timedelta(seconds=60), timedelta(minutes=5)
"""How far this machine's clock may be from the tenant's; five minutes off, tokens are refused."""
SOON = timedelta(days=30)
"""How long before its end a secret or a certificate is warned of."""
TRIAL = "DeviceInfo | summarize Devices = dcount(DeviceId)"
"""The hunt that is tried."""


class Probe(Protocol):
    """What is tried at a tenant beside hunting; implemented where HTTP is spoken."""

    def fetch_clock_lead(self) -> timedelta:
        """How far the clock of the sign-in's host is ahead of this machine's; without signing in."""

    def fetch_token(self, resource: Resource) -> Token:
        """Sign in for an API."""

    def fetch_devices(self) -> int:
        """Ask for the smallest page of devices; how many it holds."""

    def fetch_proof(self, *, may_ask: bool) -> Proof:
        """What Earmark signs in with; `may_ask`: the tenant may be asked when it ends."""


def check_connection(workspace: Workspace, probe: Probe, needs: Sequence[Permission]) -> Iterator[Line]:
    """Every line, in order, as it is known. `needs` are the permissions that the purpose takes."""
    yield _mode(workspace)
    yield _clock(probe)
    tokens: dict[Resource, Token] = {}
    for resource in Resource:
        wanted = [p for p in needs if p.resource is resource]
        yield from _access(probe, resource, wanted, tokens)
    yield _devices(workspace, probe, tokens)
    yield _hunt(workspace, needs, tokens)
    yield _proof(probe, tokens, workspace.clock.wall())


def connection_document(workspace: Workspace, lines: Sequence[Line]) -> dict[str, Any]:
    """The check as JSON."""
    return {
        "estate": workspace.estate.id,
        "mode": workspace.project.settings.mode.value,
        "works": exit_code(lines) is ExitCode.DONE,
        "lines": [line.document() for line in lines],
    }


def _mode(workspace: Workspace) -> Line:
    if workspace.project.settings.mode is Mode.OBSERVE:
        return passed("mode", "observe: nothing that would write is sent to the tenant.")
    return passed("mode", "apply: plans can be applied to the tenant.")


def _clock(probe: Probe) -> Line:
    try:
        lead = probe.fetch_clock_lead()
    except EarmarkError as error:
        return stopped("clock", error)
    off = abs(lead)
    way = "behind" if lead > timedelta() else "ahead of"
    said = f"this machine's clock is {off.total_seconds():.0f} s {way} the tenant's"
    most = f"{CLOCK_FAILURE // timedelta(minutes=1)} minutes"
    if off > CLOCK_FAILURE:
        message = f"{said}; signing in bears {most} at most."
        return failed("clock", message, "Set the clock, and keep it by NTP.", ExitCode.DENIED)
    if off > CLOCK_WARNING:
        return warning("clock", f"{said}.", f"Set the clock, and keep it by NTP: from {most} on, signing in fails.")
    return passed("clock", f"within {CLOCK_WARNING.total_seconds():.0f} s of the tenant's.")


def _access(
    probe: Probe, resource: Resource, wanted: Sequence[Permission], tokens: dict[Resource, Token]
) -> Iterator[Line]:
    """Signing in for an API, and what it grants."""
    sign_in, roles = f"sign-in {_SHORT[resource]}", f"roles {_SHORT[resource]}"
    if not wanted:
        yield skipped(sign_in, f"nothing that is used needs {resource}.")
        return
    try:
        token = tokens[resource] = probe.fetch_token(resource)
    except EarmarkError as error:
        yield stopped(sign_in, error)
        yield skipped(roles, "not known without a token.")
        return
    until = f", good until {minute_text(token.ends_at)} UTC" if token.ends_at else ""
    who = "a person" if token.delegated else "an application"
    yield passed(sign_in, f"a token for {resource} as {who}{until}.")
    if token.roles is None:
        yield unknown(roles, "the token does not tell what it grants; the lines below do.")
    else:
        yield from _roles(roles, resource, wanted, token.roles, delegated=token.delegated)


_SHORT = {Resource.DEFENDER: "Defender", Resource.GRAPH: "Graph"}


def _roles(
    check: str, resource: Resource, wanted: Sequence[Permission], granted: frozenset[str], *, delegated: bool
) -> Iterator[Line]:
    """What is granted: missing fails; more than needed is a warning, unless it is a person's, which nobody chose."""
    held = ", ".join(sorted(granted)) or "none"
    missing = [p for p in wanted if not p.held_by(granted)]
    spare = {role for role in granted if not any(p.contains(role) for p in wanted)}
    spare -= SEES_APPLICATIONS if resource is Resource.GRAPH else set()
    if missing:
        lacks = ", ".join(f"{p.role} ({p.why})" for p in missing)
        yield failed(
            check,
            f"missing at {resource}: {lacks}. Granted: {held}.",
            "Grant it and consent as an administrator (`earmark connect --steps`). It can take minutes to show.",
            ExitCode.DENIED,
        )
    if spare and not delegated:
        yield warning(
            check,
            f"more than needed at {resource}: {', '.join(sorted(spare))}. Needed: {', '.join(p.role for p in wanted)}.",
            "Take back what nothing else needs; `--for tag` and `--alerts` say what else Earmark is for.",
        )
    elif not missing:
        yield passed(check, f"{held}." if delegated else f"{held}: what is needed, and no more.")


def _devices(workspace: Workspace, probe: Probe, tokens: dict[Resource, Token]) -> Line:
    if Resource.DEFENDER not in tokens:
        return skipped("devices", "not tried without a token.")
    try:
        count = probe.fetch_devices()
    except EarmarkError as error:
        return stopped("devices", error)
    settings = workspace.project.settings.estate.defender
    if tokens[Resource.DEFENDER].delegated or (settings and settings.sign_in.method is SignInMethod.CLI):
        return warning(
            "devices",
            "the list of devices answers, and is taken for partial with the method cli.",
            "Nothing is concluded from such an inventory: it is for looking. Sign in as an application to tag.",
        )
    if not count:
        message = "the list of devices answers, and holds none."
        return warning("devices", message, "Is it the right tenant? Are devices onboarded in it?")
    return passed("devices", "the list of devices answers.")


_PLAN_2 = "Device tables need Defender for Endpoint Plan 2; `earmark doctor` lists the tables of the tenant."


def _hunt(workspace: Workspace, needs: Sequence[Permission], tokens: dict[Resource, Token]) -> Line:
    if workspace.project.settings.engine is EngineKind.LOCAL:
        return skipped("hunt", "hunting: local hunts in imported events, not in the tenant.")
    at = next((p.resource for p in needs if p.role in HUNTS), None)
    if at not in tokens:
        return skipped("hunt", "not tried without a token.")
    try:
        result = workspace.hunt(TRIAL)
    except HuntError as error:
        message = f"a hunt in DeviceInfo is refused: {error.message}"
        return failed("hunt", message, _PLAN_2 if is_about_names(error.message) else error.hint, ExitCode.UNKNOWN)
    except EarmarkError as error:
        return stopped("hunt", error)
    if not result.complete:
        return warning(
            "hunt",
            f"a hunt in DeviceInfo answers, but is not complete: {result.why_not}",
            "Nothing is concluded from such a hunt. Try again later; see `limits` in earmark.yaml.",
        )
    found = f" It knows of {result.rows[0][0]} devices." if result.rows else ""
    said = f"a hunt in DeviceInfo is answered in {result.seconds:.1f} s.{found}"
    if at is Resource.DEFENDER:
        hint = "Take `old_hunting` out of earmark.yaml, and grant ThreatHunting.Read.All of Microsoft Graph."
        return warning("hunt", f"{said} The endpoint stops answering on 1 February 2027.", hint)
    return passed("hunt", said)


def _proof(probe: Probe, tokens: dict[Resource, Token], now: datetime) -> Line:
    graph = tokens.get(Resource.GRAPH)
    may_ask = graph is not None and not graph.delegated and bool((graph.roles or frozenset()) & SEES_APPLICATIONS)
    try:
        proof = probe.fetch_proof(may_ask=may_ask)
    except EarmarkError as error:
        return stopped("expiry", error)
    if proof.ends_at is None:
        if proof.why_unknown:
            return unknown("expiry", f"the {proof.kind}: {proof.why_unknown}")
        return passed("expiry", f"the {proof.kind} does not expire.")
    left, ends = proof.ends_at - now, minute_text(proof.ends_at)
    renew = f"Renew the {proof.kind}: `earmark connect --steps` says how."
    if left <= timedelta():
        return failed("expiry", f"the {proof.kind} expired at {ends} UTC.", renew, ExitCode.DENIED)
    message = f"the {proof.kind} is good until {ends} UTC, {left.days} days from now."
    return warning("expiry", message, renew) if left < SOON else passed("expiry", message)
