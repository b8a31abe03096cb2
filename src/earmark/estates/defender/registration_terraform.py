"""The registration as Terraform, for the provider azuread
(https://github.com/hashicorp/terraform-provider-azuread/tree/main/docs).

Roles are looked up by name in the tenant. A client secret is not made here: Terraform would keep it in its state, in
clear.
"""

from __future__ import annotations

import json

from earmark.errors import UsageError
from earmark.estates.defender.registration import Registration, settings_text
from earmark.model.permission import Resource
from earmark.project.settings import Cloud, SignInMethod

_ENVIRONMENTS = {
    Cloud.PUBLIC: "public",
    Cloud.GCC: "public",
    Cloud.GCC_HIGH: "usgovernmentl4",
    Cloud.DOD: "usgovernmentl5",
}
_LABELS = {Resource.DEFENDER: "defender", Resource.GRAPH: "graph"}


def terraform_text(registration: Registration) -> str:
    """One file, whole."""
    method = registration.method
    if method is SignInMethod.CLI:
        raise UsageError(
            "the sign-in method cli registers nothing, so there is no Terraform for it.",
            hint="`earmark connect --steps --method cli` says what it takes.",
        )
    parts = [_head(registration), _apis(registration)]
    if method is SignInMethod.MANAGED_IDENTITY:
        parts += [_IDENTITY, _grants(registration, principal="var.object_id")]
    else:
        parts += [
            _application(registration),
            _grants(registration, principal="azuread_service_principal.earmark.object_id"),
            {SignInMethod.SECRET: _SECRET, SignInMethod.CERTIFICATE: _CERTIFICATE}.get(method)
            or _FEDERATION.replace("EXCHANGE", registration.exchange),
            _CLIENT,
        ]
    return "\n".join(parts)


def _literal(text: str) -> str:
    """A text as a string of HCL, in which templates begin with ${ and %{."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _head(registration: Registration) -> str:
    asks = "\n".join(f"#   {p.resource}: {p.role}, {p.why}" for p in registration.permissions)
    settings = "".join(f"#   {line}\n" for line in settings_text(registration).splitlines())
    tenant = f"\n  tenant_id   = {_literal(registration.tenant)}" if registration.tenant else ""
    return f"""\
# Lets Earmark sign in to Microsoft Defender, with the fewest permissions for the purpose `{registration.purpose}`:
{asks}
# Whoever applies this must be a Privileged Role Administrator or a Global Administrator. In earmark.yaml:
{settings}
terraform {{
  required_version = ">= 1.3"

  required_providers {{
    azuread = {{
      source  = "hashicorp/azuread"
      version = "~> 3.0"
    }}
  }}
}}

provider "azuread" {{
  environment = {_literal(_ENVIRONMENTS[registration.cloud])}{tenant}
}}
"""


def _apis(registration: Registration) -> str:
    used = [r for r in Resource if any(p.resource is r for p in registration.permissions)]
    blocks = [
        f'data "azuread_service_principal" "{_LABELS[r]}" {{\n  client_id = "{r.app_id}" # {r}\n}}\n' for r in used
    ]
    return "\n".join(blocks)


def _role(label: str, role: str) -> str:
    return f'data.azuread_service_principal.{label}.app_role_ids["{role}"]'


def _application(registration: Registration) -> str:
    blocks = []
    for resource, label in _LABELS.items():
        wanted = [p for p in registration.permissions if p.resource is resource]
        if not wanted:
            continue
        accesses = "\n".join(
            f'    resource_access {{\n      id   = {_role(label, p.role)}\n      type = "Role"\n    }}\n'
            for p in wanted
        )
        blocks.append(
            f"  required_resource_access {{\n"
            f"    resource_app_id = data.azuread_service_principal.{label}.client_id\n\n{accesses}  }}\n"
        )
    return (
        'resource "azuread_application" "earmark" {\n'
        f"  display_name            = {_literal(registration.name)}\n"
        '  sign_in_audience        = "AzureADMyOrg"\n'
        "  prevent_duplicate_names = true\n\n" + "\n".join(blocks) + "}\n\n"
        'resource "azuread_service_principal" "earmark" {\n'
        "  client_id = azuread_application.earmark.client_id\n"
        "}\n"
    )


def _grants(registration: Registration, *, principal: str) -> str:
    """The administrator's consent, one role at a time."""
    return "\n".join(
        f'resource "azuread_app_role_assignment" "{p.role.replace(".", "_").lower()}" {{\n'
        f"  app_role_id         = {_role(_LABELS[p.resource], p.role)}\n"
        f"  principal_object_id = {principal}\n"
        f"  resource_object_id  = data.azuread_service_principal.{_LABELS[p.resource]}.object_id\n"
        "}\n"
        for p in registration.permissions
    )


_IDENTITY = """\
variable "object_id" {
  description = "Object (principal) id of the managed identity that Earmark runs under."
  type        = string
}
"""

_SECRET = """\
# The secret is not made here, since Terraform's state would hold it in clear. Once this is applied, on a terminal:
#   az ad app credential reset --append --display-name earmark --id "$(terraform output -raw client_id)"
"""

_CERTIFICATE = """\
variable "certificate" {
  description = "File of the certificate, PEM, without its key."
  type        = string
  default     = "earmark.crt"
}

variable "certificate_ends" {
  description = "When the certificate ends, as 2027-11-24T18:00:00Z: openssl x509 -in earmark.crt -noout -enddate"
  type        = string
}

resource "azuread_application_certificate" "earmark" {
  application_id = azuread_application.earmark.id
  type           = "AsymmetricX509Cert"
  encoding       = "pem"
  value          = file(var.certificate)
  end_date       = var.certificate_ends
}
"""

_FEDERATION = """\
variable "issuer" {
  description = "Issuer of the outside tokens, to the letter; for Kubernetes the cluster's OIDC issuer URL."
  type        = string
}

variable "subject" {
  description = "Their subject; for Kubernetes system:serviceaccount:NAMESPACE:SERVICE-ACCOUNT."
  type        = string
}

resource "azuread_application_federated_identity_credential" "earmark" {
  application_id = azuread_application.earmark.id
  display_name   = "earmark"
  audiences      = ["EXCHANGE"]
  issuer         = var.issuer
  subject        = var.subject
}
"""

_CLIENT = """\
output "client_id" {
  value = azuread_application.earmark.client_id
}
"""
