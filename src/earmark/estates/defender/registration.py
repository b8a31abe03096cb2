"""What to register in Microsoft Entra so that Earmark can sign in: what is asked for, and the steps in the portal.

The same registration as a script is in `registration_az.py`, as Terraform in `registration_terraform.py`. Pages:
https://learn.microsoft.com/defender-endpoint/api/exposed-apis-create-app-webapp (an application for Defender),
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-assign-app-role-managed-identity,
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from earmark.model.permission import AlertUse, Hunting, Permission, Purpose, Resource, least_permissions
from earmark.project.settings import Cloud, SignInMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is to be registered."""

    purpose: Purpose = Purpose.OBSERVE
    alerts: AlertUse = AlertUse.NONE
    hunting: Hunting = Hunting.GRAPH
    method: SignInMethod = SignInMethod.SECRET
    cloud: Cloud = Cloud.PUBLIC
    tenant: str | None = None
    """Its id or domain; None where it is not known yet."""
    name: str = "Earmark"
    """What the application is called."""

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """The fewest that are enough."""
        return least_permissions(self.purpose, alerts=self.alerts, hunting=self.hunting)

    @property
    def is_government(self) -> bool:
        """Whether the tenant signs in at the government's Entra; GCC does so at the public one."""
        return self.cloud in (Cloud.GCC_HIGH, Cloud.DOD)

    @property
    def exchange(self) -> str:
        """The audience of outside tokens that are exchanged."""
        return "api://AzureADTokenExchangeUSGov" if self.is_government else "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step."""

    title: str
    lines: tuple[str, ...]
    code: str = ""
    """Something to copy; empty for none."""


def steps(registration: Registration) -> tuple[Step, ...]:
    """The registration as steps for a person."""
    method = registration.method
    if method is SignInMethod.CLI:
        return (*_cli(registration), _settings(registration), _prove())
    if method is SignInMethod.MANAGED_IDENTITY:
        return (*_managed_identity(registration), _settings(registration), _prove())
    proof = {
        SignInMethod.SECRET: _secret,
        SignInMethod.CERTIFICATE: _certificate,
        SignInMethod.WORKLOAD_IDENTITY: _federation,
    }[method]
    return (_register(registration), *_permit(registration), proof(registration), _settings(registration), _prove())


def steps_document(registration: Registration) -> dict[str, Any]:
    """The steps as JSON."""
    return {
        "purpose": registration.purpose.value,
        "method": registration.method.value,
        "cloud": registration.cloud.value,
        "permissions": [
            {"api": p.resource.value, "app_id": p.resource.app_id, "role": p.role, "why": p.why}
            for p in registration.permissions
        ],
        "steps": [{"title": step.title, "lines": list(step.lines), "code": step.code} for step in steps(registration)],
    }


def settings_text(registration: Registration, *, client_id: str = "CLIENT-ID", tenant: str = "TENANT-ID") -> str:
    """The part of earmark.yaml that goes with a registration."""
    method = registration.method
    sign_in = {
        SignInMethod.SECRET: f'{{method: secret, client_id: {client_id}, secret: "${{env:EARMARK_SECRET}}"}}',
        SignInMethod.CERTIFICATE: (
            f'{{method: certificate, client_id: {client_id}, certificate: "${{file:/run/secrets/earmark.pem}}"}}'
        ),
        SignInMethod.MANAGED_IDENTITY: "{method: managed_identity}",
        SignInMethod.WORKLOAD_IDENTITY: f"{{method: workload_identity, client_id: {client_id}}}",
        SignInMethod.CLI: "{method: cli}",
    }[method]
    lines = ["estate:", "  kind: defender", f"  tenant: {registration.tenant or tenant}"]
    if registration.cloud is not Cloud.PUBLIC:
        lines.append(f"  cloud: {registration.cloud}")
    lines.append(f"  sign_in: {sign_in}")
    if registration.hunting is Hunting.OLD:
        lines.append("  old_hunting: true")
    lines.append(f"hunting: {'local' if registration.hunting is Hunting.LOCAL else 'graph'}")
    lines.append(f"mode: {'apply' if registration.purpose is Purpose.TAG else 'observe'}")
    return "\n".join(lines) + "\n"


def _portal(registration: Registration) -> str:
    return "https://entra.microsoft.us" if registration.is_government else "https://entra.microsoft.com"


def _register(registration: Registration) -> Step:
    return Step(
        title="Register an application",
        lines=(
            f"In {_portal(registration)}: App registrations, New registration.",
            f"Name: {registration.name}. Accounts: this organizational directory only. No redirect URI.",
            "Keep two ids of its overview: the application (client) id and the directory (tenant) id.",
        ),
    )


def _by_api(registration: Registration, *, in_portal: bool = False) -> list[str]:
    """The permissions, each below its API; `in_portal` leads to where the portal lists it."""
    lines = []
    for resource in Resource:
        wanted = [p for p in registration.permissions if p.resource is resource]
        if wanted:
            tab = "APIs my organization uses" if resource is Resource.DEFENDER else "Microsoft APIs"
            lines.append(f"{tab}, {resource}, Application permissions:" if in_portal else f"{resource}:")
            lines += [f"  {p.role}  {p.why}" for p in wanted]
    return lines


def _permit(registration: Registration) -> tuple[Step, Step]:
    return (
        Step(
            title="Ask for the permissions, and for no more",
            lines=(
                "API permissions, Add a permission:",
                *_by_api(registration, in_portal=True),
                "Remove the delegated User.Read that the portal adds by itself: no person signs in.",
                "WindowsDefenderATP is listed only where Defender for Endpoint has been set up in the tenant.",
            ),
        ),
        Step(
            title="Consent",
            lines=(
                "API permissions, Grant admin consent.",
                "It takes a Privileged Role Administrator or a Global Administrator.",
            ),
        ),
    )


def _secret(registration: Registration) -> Step:
    return Step(
        title="Make a secret",
        lines=(
            "Certificates & secrets, New client secret; note the day on which it expires.",
            "Copy its Value (not the Secret ID); it is shown once. Keep it where settings can refer to it:",
            "a variable ${env:NAME}, a file ${file:PATH} that only Earmark's account may read,",
            "the keyring ${keyring:SERVICE/NAME}, or Azure Key Vault ${vault:VAULT/SECRET}.",
            "Never write it into a file of the project: `check` refuses it there.",
        ),
    )


def _certificate(registration: Registration) -> Step:
    return Step(
        title="Make a certificate",
        lines=(
            "The key stays on this machine, readable by Earmark's account alone; only the certificate is uploaded:",
            "Certificates & secrets, Certificates, Upload certificate: earmark.crt.",
        ),
        code=(
            "(umask 077 && openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days 365 -subj /CN=earmark \\\n"
            "    -keyout earmark.pem -out earmark.pem)\n"
            "openssl x509 -in earmark.pem -out earmark.crt\n"
        ),
    )


def _federation(registration: Registration) -> Step:
    return Step(
        title="Trust the issuer of outside tokens",
        lines=(
            "Certificates & secrets, Federated credentials, Add credential. For Kubernetes:",
            "  issuer   the cluster's OIDC issuer URL, to the letter, slash at the end included",
            "  subject  system:serviceaccount:NAMESPACE:SERVICE-ACCOUNT",
            f"  audience {registration.exchange}",
            "The workload finds its token in the file that AZURE_FEDERATED_TOKEN_FILE or `token_file` names.",
        ),
    )


def _managed_identity(registration: Registration) -> tuple[Step, ...]:
    return (
        Step(
            title="Give the machine an identity",
            lines=(
                "In the Azure portal, on the virtual machine, container app or function that runs Earmark: Identity.",
                "System assigned: On. Or user assigned: add one, and write its client id into the settings.",
                "Keep the identity's object (principal) id.",
            ),
        ),
        Step(
            title="Give the identity the permissions, and no more",
            lines=(
                *_by_api(registration),
                "The portal has no page for this. The script takes the object id as its argument:",
            ),
            code=(
                f"earmark connect --script az --method managed_identity --for {registration.purpose}"
                f"{_option('--alerts', registration.alerts, AlertUse.NONE)}"
                f"{_option('--cloud', registration.cloud, Cloud.PUBLIC)} > register.sh\n"
                "bash register.sh OBJECT-ID\n"
            ),
        ),
    )


def _option(name: str, value: str, default: str) -> str:
    return "" if value == default else f" {name} {value}"


def _cli(registration: Registration) -> tuple[Step, ...]:
    return (
        Step(
            title="Sign in to the Azure CLI",
            lines=(
                "For looking, not for tagging: whoever is signed in there may see only some of the devices, so the",
                "inventory is taken for partial and Earmark concludes nothing from it.",
                "As a person, tokens carry only what Microsoft lets the Azure CLI itself ask for. Hunting through",
                "Graph is not in it, so hunts are refused. As an application, tokens carry its permissions:",
            ),
            code=_login(registration),
        ),
        Step(
            title="What the application needs",
            lines=(*_by_api(registration), "`earmark connect --script az --method certificate` registers it."),
        ),
    )


def _login(registration: Registration) -> str:
    cloud = "az cloud set --name AzureUSGovernment\n" if registration.is_government else ""
    tenant = registration.tenant or "TENANT-ID"
    return (
        f"{cloud}az login --service-principal --username CLIENT-ID --certificate earmark.pem "
        f"--tenant {tenant} --allow-no-subscriptions\n"
    )


def _settings(registration: Registration) -> Step:
    return Step(title="Write it into earmark.yaml", lines=(), code=settings_text(registration))


def _prove() -> Step:
    return Step(
        title="Prove it",
        lines=("Each line says what works, or what to do. Consent can take some minutes to show.",),
        code="earmark connect --check\n",
    )
