#!/usr/bin/env bash
# Lets a managed identity sign in to Microsoft Defender, with the fewest permissions for the purpose `tag`:
#   WindowsDefenderATP: Machine.ReadWrite.All, to list devices with their tags, and to add and remove tags
#   Microsoft Graph: ThreatHunting.Read.All, to hunt
#   Microsoft Graph: SecurityAlert.Read.All, to read alerts
# Usage: bash register.sh OBJECT-ID
# OBJECT-ID is the managed identity's object (principal) id.
# Needs the Azure CLI, signed in as a Privileged Role Administrator or a Global Administrator. Run again, it leaves
# alone what stands already.
set -euo pipefail

stop() { printf 'register: %s\n' "$1" >&2; exit 1; }

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

cloud=$(ask cloud show --query name)
[ "$cloud" = AzureCloud ] || stop "the Azure CLI is set to $cloud; run: az cloud set --name AzureCloud"
graph=$(ask cloud show --query endpoints.microsoftGraphResourceId)
graph=${graph%/}
tenant=contoso.com
names=$(az rest --method get --url "$graph/v1.0/organization" --query 'value[0].[[id], verifiedDomains[].name][]' --only-show-errors --output tsv)
grep -qixF -- "$tenant" <<<"$names" || stop "the Azure CLI is signed in to another tenant; run: az login --tenant $tenant --allow-no-subscriptions"

principal=$(ask ad sp show --id "${1:?usage: bash register.sh OBJECT-ID}" --query id)
kind=$(ask ad sp show --id "$principal" --query servicePrincipalType)
[ "$kind" = ManagedIdentity ] || stop "$1 is of the kind $kind, not a managed identity"

role_of() { # API ROLE: the id of an application permission in this tenant
    local id query
    query="appRoles[?value=='$2' && contains(allowedMemberTypes, 'Application')].id | [0]"
    id=$(ask ad sp show --id "$1" --query "$query") ||
        stop "the API $1 cannot be read in this tenant: has Defender for Endpoint been set up there?"
    [ -n "$id" ] || stop "the API $1 has no application permission $2 in this tenant"
    printf '%s' "$id"
}

grant() { # API ROLE: consent, for this principal and this role alone
    local api role held
    role=$(role_of "$1" "$2")
    api=$(ask ad sp show --id "$1" --query id)
    held=$(ask rest --method get --url "$graph/v1.0/servicePrincipals/$principal/appRoleAssignments" \
        --query "length(value[?resourceId=='$api' && appRoleId=='$role'])")
    if [ "$held" != 0 ]; then
        printf '%s is granted already.\n' "$2"
        return
    fi
    patiently az rest --method post --url "$graph/v1.0/servicePrincipals/$principal/appRoleAssignments" \
        --headers Content-Type=application/json \
        --body "{\"principalId\": \"$principal\", \"resourceId\": \"$api\", \"appRoleId\": \"$role\"}"
    printf 'Granted %s.\n' "$2"
}

grant fc780465-2017-40d4-a0c5-307022471b92 Machine.ReadWrite.All
grant 00000003-0000-0000-c000-000000000000 ThreatHunting.Read.All
grant 00000003-0000-0000-c000-000000000000 SecurityAlert.Read.All

printf '\nIn earmark.yaml:\n\n'
cat <<'SETTINGS'
estate:
  kind: defender
  tenant: contoso.com
  sign_in: {method: managed_identity}
hunting: graph
mode: apply
SETTINGS
printf '\nThen: earmark connect --check\n'
