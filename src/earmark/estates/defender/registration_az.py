"""The registration as a script for bash and the Azure CLI.

Roles are looked up by name in the tenant. What stands already is left alone, so the script may be run again. A secret
is shown on a terminal or handed to Azure Key Vault, and lands in no file. `az ad app permission admin-consent` is not
used: it consents to everything an application asks for, while an assignment grants one role
(https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments).
"""

from __future__ import annotations

import shlex

from earmark.errors import UsageError
from earmark.estates.defender.registration import Registration, settings_text
from earmark.project.settings import SignInMethod


def az_script(registration: Registration) -> str:
    """The script, whole."""
    if registration.method is SignInMethod.CLI:
        raise UsageError(
            "the sign-in method cli registers nothing, so there is no script for it.",
            hint="`earmark connect --steps --method cli` says what it takes.",
        )
    parts = [_head(registration), _HELPERS, _place(registration)]
    if registration.method is SignInMethod.MANAGED_IDENTITY:
        parts += [_IDENTITY, _grants(registration)]
    else:
        proof = {
            SignInMethod.SECRET: _SECRET,
            SignInMethod.CERTIFICATE: _CERTIFICATE,
            SignInMethod.WORKLOAD_IDENTITY: _FEDERATION.replace("EXCHANGE", registration.exchange),
        }[registration.method]
        parts += [_application(registration), _requests(registration), _grants(registration), proof]
    return "\n".join([*parts, _tail(registration)])


_ARGUMENTS = {
    SignInMethod.SECRET: (
        "[VAULT [ENTRY]]",
        "VAULT is an Azure Key Vault that takes the secret under the name ENTRY (earmark-secret);\n"
        "# without it the secret is shown once, on the terminal.",
    ),
    SignInMethod.CERTIFICATE: (
        "[FILE.pem]",
        "FILE.pem (earmark.pem) holds certificate and key; it is made where it is missing. The key stays here.",
    ),
    SignInMethod.MANAGED_IDENTITY: ("OBJECT-ID", "OBJECT-ID is the managed identity's object (principal) id."),
    SignInMethod.WORKLOAD_IDENTITY: (
        "ISSUER SUBJECT",
        "ISSUER and SUBJECT are those of the outside tokens, to the letter; for Kubernetes the cluster's OIDC issuer\n"
        "# URL and system:serviceaccount:NAMESPACE:SERVICE-ACCOUNT.",
    ),
}


def _head(registration: Registration) -> str:
    arguments, meaning = _ARGUMENTS[registration.method]
    asks = "\n".join(f"#   {p.resource}: {p.role}, {p.why}" for p in registration.permissions)
    what = "Lets a managed identity" if registration.method is SignInMethod.MANAGED_IDENTITY else "Registers Earmark to"
    return f"""#!/usr/bin/env bash
# {what} sign in to Microsoft Defender, with the fewest permissions for the purpose `{registration.purpose}`:
{asks}
# Usage: bash register.sh {arguments}
# {meaning}
# Needs the Azure CLI, signed in as a Privileged Role Administrator or a Global Administrator. Run again, it leaves
# alone what stands already.
set -euo pipefail
"""


_HELPERS = """\
stop() { printf 'register: %s\\n' "$1" >&2; exit 1; }

ask() { # one value from az; nothing where there is none, which some versions of az print as None
    local answer
    answer=$(az "$@" --only-show-errors --output tsv) || return
    if [ "$answer" != None ]; then printf '%s' "$answer"; fi
}

patiently() { # what was made a moment ago is not known everywhere yet
    local pause
    for pause in 2 4 8 16 0; do
        if "$@" --only-show-errors --output none; then return 0; fi
        sleep "$pause"
    done
    stop "this failed five times: $*"
}
"""


def _place(registration: Registration) -> str:
    cloud = "AzureUSGovernment" if registration.is_government else "AzureCloud"
    text = f"""\
cloud=$(ask cloud show --query name)
[ "$cloud" = {cloud} ] || stop "the Azure CLI is set to $cloud; run: az cloud set --name {cloud}"
graph=$(ask cloud show --query endpoints.microsoftGraphResourceId)
graph=${{graph%/}}
"""
    if registration.tenant is None:
        return text + "tenant=$(ask account show --query tenantId)\n"
    return text + (
        f"tenant={shlex.quote(registration.tenant)}\n"
        'names=$(az rest --method get --url "$graph/v1.0/organization" '
        "--query 'value[0].[[id], verifiedDomains[].name][]' --only-show-errors --output tsv)\n"
        'grep -qixF -- "$tenant" <<<"$names" || '
        'stop "the Azure CLI is signed in to another tenant; run: az login --tenant $tenant --allow-no-subscriptions"\n'
    )


def _application(registration: Registration) -> str:
    filtered = shlex.quote("displayName eq '" + registration.name.replace("'", "''") + "'")
    return f"""\
name={shlex.quote(registration.name)}
known=$(az ad app list --filter {filtered} --query '[].appId' --only-show-errors --output tsv)
case $(grep -c . <<<"$known" || true) in
0)
    client=$(ask ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId)
    printf 'Registered the application %s.\\n' "$name"
    ;;
1)
    client=$known
    printf 'The application %s is registered already.\\n' "$name"
    ;;
*) stop "several applications are called $name; rename all but one, or choose another name with --name" ;;
esac
principal=$(ask ad sp list --filter "appId eq '$client'" --query '[0].id')
if [ -z "$principal" ]; then
    patiently az ad sp create --id "$client"
    principal=$(ask ad sp list --filter "appId eq '$client'" --query '[0].id')
    [ -n "$principal" ] || stop "the application's service principal is not to be seen yet; run this again in a minute"
fi
"""


_IDENTITY = """\
principal=$(ask ad sp show --id "${1:?usage: bash register.sh OBJECT-ID}" --query id)
kind=$(ask ad sp show --id "$principal" --query servicePrincipalType)
[ "$kind" = ManagedIdentity ] || stop "$1 is of the kind $kind, not a managed identity"
"""

_LOOK_UP = """\
role_of() { # API ROLE: the id of an application permission in this tenant
    local id query
    query="appRoles[?value=='$2' && contains(allowedMemberTypes, 'Application')].id | [0]"
    id=$(ask ad sp show --id "$1" --query "$query") ||
        stop "the API $1 cannot be read in this tenant: has Defender for Endpoint been set up there?"
    [ -n "$id" ] || stop "the API $1 has no application permission $2 in this tenant"
    printf '%s' "$id"
}
"""


def _requests(registration: Registration) -> str:
    """What the application says it needs, so that the portal shows it; this alone permits nothing."""
    lines = [_LOOK_UP]
    entries: dict[str, list[str]] = {}
    for number, permission in enumerate(registration.permissions, start=1):
        lines.append(f"role{number}=$(role_of {permission.resource.app_id} {permission.role})\n")
        entries.setdefault(permission.resource.app_id, []).append(f'{{"id": "\'"$role{number}"\'", "type": "Role"}}')
    apis = ", ".join(
        f'{{"resourceAppId": "{api}", "resourceAccess": [{", ".join(roles)}]}}' for api, roles in entries.items()
    )
    lines.append(f"requests='[{apis}]'\n")
    lines.append('patiently az ad app update --id "$client" --required-resource-accesses "$requests"\n')
    return "".join(lines)


_GRANT = """\
grant() { # API ROLE: consent, for this principal and this role alone
    local api role held
    role=$(role_of "$1" "$2")
    api=$(ask ad sp show --id "$1" --query id)
    held=$(ask rest --method get --url "$graph/v1.0/servicePrincipals/$principal/appRoleAssignments" \\
        --query "length(value[?resourceId=='$api' && appRoleId=='$role'])")
    if [ "$held" != 0 ]; then
        printf '%s is granted already.\\n' "$2"
        return
    fi
    patiently az rest --method post --url "$graph/v1.0/servicePrincipals/$principal/appRoleAssignments" \\
        --headers Content-Type=application/json \\
        --body "{\\"principalId\\": \\"$principal\\", \\"resourceId\\": \\"$api\\", \\"appRoleId\\": \\"$role\\"}"
    printf 'Granted %s.\\n' "$2"
}
"""


def _grants(registration: Registration) -> str:
    look_up = _LOOK_UP + "\n" if registration.method is SignInMethod.MANAGED_IDENTITY else ""
    calls = "".join(f"grant {p.resource.app_id} {p.role}\n" for p in registration.permissions)
    return look_up + _GRANT + "\n" + calls


_SECRET = """\
vault=${1:-}
entry=${2:-earmark-secret}
ends=$(ask ad app credential list --id "$client" --query "[?displayName=='earmark'].endDateTime | max(@)")
if [[ -n $ends && $ends > $(date -u +%Y-%m-%dT%H:%M:%SZ) ]]; then
    printf 'A secret named earmark is valid until %s; no other is made. To renew it, delete that one first.\\n' "$ends"
else
    [ -n "$vault" ] || [ -t 1 ] || stop "the secret would land in a file; run this on a terminal, or name a Key Vault"
    secret=$(ask ad app credential reset --id "$client" --append --display-name earmark --years 1 --query password)
    if [ -n "$vault" ]; then
        if ! az keyvault secret set --vault-name "$vault" --name "$entry" --encoding utf-8 \\
            --file <(printf '%s' "$secret") --only-show-errors --output none; then
            newest="sort_by([?displayName=='earmark'], &endDateTime)[-1].keyId"
            key=$(ask ad app credential list --id "$client" --query "$newest")
            az ad app credential delete --id "$client" --key-id "$key" --only-show-errors --output none
            stop "the vault $vault did not take the secret, which was deleted again; it needs Key Vault Secrets Officer"
        fi
        printf 'The secret is in the vault: secret: "${vault:%s/%s}"\\n' "$vault" "$entry"
    else
        printf 'The secret, shown this once and valid for a year: %s\\n' "$secret"
    fi
    unset secret
fi
"""

_CERTIFICATE = """\
pem=${1:-earmark.pem}
if [ ! -e "$pem" ]; then
    (umask 077 && openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days 365 -subj /CN=earmark \\
        -keyout "$pem" -out "$pem" 2>/dev/null)
    printf 'Made %s, which holds the key: only Earmark may read it.\\n' "$pem"
fi
public=${pem%.pem}.crt
openssl x509 -in "$pem" -out "$public"
print=$(openssl x509 -in "$pem" -noout -fingerprint -sha256)
print=${print#*=}
label=earmark-${print//:/}
held=$(ask ad app credential list --id "$client" --cert --query "length([?displayName=='$label'])")
if [ "$held" = 0 ]; then
    patiently az ad app credential reset --id "$client" --append --display-name "$label" --cert "@$public"
    printf 'Uploaded the certificate %s.\\n' "$public"
else
    printf 'The certificate %s is uploaded already.\\n' "$public"
fi
"""

_FEDERATION = """\
issuer=${1:?usage: bash register.sh ISSUER SUBJECT}
subject=${2:?usage: bash register.sh ISSUER SUBJECT}
case $issuer$subject in *[\\"\\\\\\'\\`]*) stop "issuer and subject hold no quotes and no backslashes" ;; esac
held=$(ask ad app federated-credential list --id "$client" \\
    --query "length([?issuer=='$issuer' && subject=='$subject'])")
if [ "$held" = 0 ]; then
    trust="{\\"name\\": \\"earmark-$(date -u +%Y%m%d%H%M%S)\\", \\"audiences\\": [\\"EXCHANGE\\"],"
    trust+=" \\"issuer\\": \\"$issuer\\", \\"subject\\": \\"$subject\\"}"
    patiently az ad app federated-credential create --id "$client" --parameters "$trust"
    printf 'Tokens of %s are trusted for %s.\\n' "$issuer" "$subject"
else
    printf 'Tokens of %s are trusted for %s already.\\n' "$issuer" "$subject"
fi
"""


def _tail(registration: Registration) -> str:
    settings = settings_text(registration, client_id="CLIENT-ID", tenant="TENANT-ID")
    own = registration.method is not SignInMethod.MANAGED_IDENTITY
    fill = [("CLIENT-ID", "$client")] if own else []
    if registration.tenant is None:
        fill.append(("TENANT-ID", "$tenant"))
    sed = " ".join(f'-e "s/{mark}/{value}/"' for mark, value in fill)
    show = f"sed {sed}" if sed else "cat"
    return (
        "printf '\\nIn earmark.yaml:\\n\\n'\n"
        f"{show} <<'SETTINGS'\n{settings}SETTINGS\n"
        "printf '\\nThen: earmark connect --check\\n'\n"
    )
