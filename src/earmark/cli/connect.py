"""`earmark connect`: what to register in a tenant, and whether it works."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import Options, pass_options
from earmark.errors import ProjectError, UsageError

if TYPE_CHECKING:
    from earmark.app import Opened
    from earmark.estates.defender.registration import Registration


METHODS = ("secret", "certificate", "managed_identity", "workload_identity", "cli")
CLOUDS = ("public", "gcc", "gcc-high", "dod")


@click.command("connect")
@click.option("--steps", is_flag=True, help="Say what to register, as steps for a person.")
@click.option("--script", type=click.Choice(["az", "terraform"]), help="Say it as a script.")
@click.option("--check", is_flag=True, help="Prove that it works, line by line.")
@click.option("--for", "purpose", type=click.Choice(["observe", "tag"]), help="What Earmark is for there.")
@click.option(
    "--alerts",
    type=click.Choice(["none", "read", "update"]),
    default="none",
    show_default=True,
    help="What it does with alerts.",
)
@click.option("--method", type=click.Choice(METHODS), help="How it signs in.")
@click.option("--tenant", metavar="TENANT", help="The tenant's id or domain.")
@click.option("--cloud", type=click.Choice(CLOUDS), help="The tenant's cloud.")
@click.option("--name", default="Earmark", show_default=True, help="What the application is called.")
@pass_options
def command(
    options: Options,
    steps: bool,
    script: str | None,
    check: bool,
    purpose: str | None,
    alerts: str,
    method: str | None,
    tenant: str | None,
    cloud: str | None,
    name: str,
) -> int:
    """Say what to register in a tenant, and prove that it works.

    In a project whose estate is a tenant it proves, elsewhere it says what to register, unless told otherwise. What is
    not given is as the project says.
    """
    if steps + check + (script is not None) > 1:
        raise UsageError("--steps, --script and --check exclude each other.", hint="Give one of them.")
    opened = _open(options, needed=check)
    is_tenant = opened is not None and opened.project.settings.estate.defender is not None
    if check and not is_tenant:
        raise UsageError(
            "the project's estate is not a Defender tenant, so there is nothing to prove.",
            hint="`earmark connect --steps` says what to register and what to write into earmark.yaml.",
        )
    wanted = _registration(opened, purpose=purpose, alerts=alerts, method=method, tenant=tenant, cloud=cloud, name=name)
    if check or (is_tenant and not steps and script is None):
        assert opened is not None
        return _check(options, opened, wanted)
    return _say(options, script, wanted)


def _open(options: Options, *, needed: bool) -> Opened | None:
    """The project; None where there is none, or where it is not finished and need not be."""
    if not needed and not (options.project / "earmark.yaml").exists():
        return None
    try:
        return options.open()
    except ProjectError as wrong:
        if needed:
            raise
        click.echo(f"warning: the project cannot be used yet, so its settings are left out. {wrong.hint}", err=True)
        return None


def _registration(
    opened: Opened | None,
    *,
    purpose: str | None,
    alerts: str,
    method: str | None,
    tenant: str | None,
    cloud: str | None,
    name: str,
) -> Registration:
    from earmark.estates.defender.registration import Registration
    from earmark.model.permission import AlertUse, Hunting, Purpose
    from earmark.project.settings import Cloud, EngineKind, Mode, SignInMethod

    settings = opened.project.settings if opened else None
    defender = settings.estate.defender if settings else None
    if not name.strip() or not name.isprintable():
        raise UsageError("--name is empty, or has characters that do not print.", hint="Give a name such as Earmark.")
    if tenant is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", tenant):
        raise UsageError("--tenant is neither an id nor a domain.", hint="Give one such as contoso.com.")
    given = Purpose(purpose) if purpose else None
    if settings is None or defender is None:
        return Registration(
            purpose=given or Purpose.OBSERVE,
            alerts=AlertUse(alerts),
            method=SignInMethod(method or "secret"),
            cloud=Cloud(cloud or "public"),
            tenant=tenant,
            name=name,
        )
    hunting = Hunting.OLD if defender.old_hunting else Hunting.GRAPH
    return Registration(
        purpose=given or (Purpose.TAG if settings.mode is Mode.APPLY else Purpose.OBSERVE),
        alerts=AlertUse(alerts),
        hunting=Hunting.LOCAL if settings.engine is EngineKind.LOCAL else hunting,
        method=SignInMethod(method) if method else defender.sign_in.method,
        cloud=Cloud(cloud) if cloud else defender.cloud,
        tenant=tenant or defender.tenant,
        name=name,
    )


def _say(options: Options, script: str | None, wanted: Registration) -> int:
    if script == "az":
        from earmark.estates.defender.registration_az import az_script

        click.echo(az_script(wanted), nl=False)
    elif script == "terraform":
        from earmark.estates.defender.registration_terraform import terraform_text

        click.echo(terraform_text(wanted), nl=False)
    else:
        _print_steps(options, wanted)
    return 0


def _print_steps(options: Options, wanted: Registration) -> None:
    from earmark.cli.render.output import emit
    from earmark.estates.defender.registration import steps, steps_document

    found = steps(wanted)

    def draw() -> None:
        what = "observe (hunt, read and plan)" if wanted.purpose == "observe" else "observe and tag"
        click.secho(f"To {what}, signing in by {wanted.method.replace('_', ' ')}:", bold=True)
        for number, step in enumerate(found, start=1):
            click.echo(f"\n{number}. {step.title}")
            for line in step.lines:
                click.echo(f"   {line}")
            for line in step.code.splitlines():
                click.echo(f"       {line}".rstrip())

    rows = [[number, step.title, "\n".join((*step.lines, step.code))] for number, step in enumerate(found, start=1)]
    emit(options.format, steps_document(wanted), ("step", "title", "text"), rows, table=draw)


def _check(options: Options, opened: Opened, wanted: Registration) -> int:
    from earmark.app import open_probe
    from earmark.cli.render.lines import COLUMNS, print_line, rows
    from earmark.cli.render.output import emit
    from earmark.services.connect import check_connection, connection_document
    from earmark.services.standing import exit_code

    workspace = opened.workspace()
    lines = []
    for line in check_connection(workspace, open_probe(opened, workspace), wanted.permissions):
        lines.append(line)
        if options.format == "table":
            print_line(line)
    if options.format != "table":
        emit(options.format, connection_document(workspace, lines), COLUMNS, rows(lines))
    return exit_code(lines)
