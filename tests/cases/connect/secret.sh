#!/usr/bin/env bash
# Registers Earmark to sign in to Microsoft Defender, with the fewest permissions for the purpose `tag`:
#   WindowsDefenderATP: Machine.ReadWrite.All, to list devices with their tags, and to add and remove tags
#   Microsoft Graph: ThreatHunting.Read.All, to hunt
#   Microsoft Graph: SecurityAlert.Read.All, to read alerts
# Usage: bash register.sh [VAULT [ENTRY]]
# VAULT is an Azure Key Vault that takes the secret under the name ENTRY (earmark-secret);
# without it the secret is shown once, on the terminal.
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

name=Earmark
known=$(az ad app list --filter 'displayName eq '"'"'Earmark'"'"'' --query '[].appId' --only-show-errors --output tsv)
case $(grep -c . <<<"$known" || true) in
0)
    client=$(ask ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId)
    printf 'Registered the application %s.\n' "$name"
    ;;
1)
    client=$known
    printf 'The application %s is registered already.\n' "$name"
    ;;
*) stop "several applications are called $name; rename all but one, or choose another name with --name" ;;
esac
principal=$(ask ad sp list --filter "appId eq '$client'" --query '[0].id')
if [ -z "$principal" ]; then
    patiently az ad sp create --id "$client"
    principal=$(ask ad sp list --filter "appId eq '$client'" --query '[0].id')
    [ -n "$principal" ] || stop "the application's service principal is not to be seen yet; run this again in a minute"
fi

role_of() { # API ROLE: the id of an application permission in this tenant
    local id query
    query="appRoles[?value=='$2' && contains(allowedMemberTypes, 'Application')].id | [0]"
    id=$(ask ad sp show --id "$1" --query "$query") ||
        stop "the API $1 cannot be read in this tenant: has Defender for Endpoint been set up there?"
    [ -n "$id" ] || stop "the API $1 has no application permission $2 in this tenant"
    printf '%s' "$id"
}
role1=$(role_of fc780465-2017-40d4-a0c5-307022471b92 Machine.ReadWrite.All)
role2=$(role_of 00000003-0000-0000-c000-000000000000 ThreatHunting.Read.All)
role3=$(role_of 00000003-0000-0000-c000-000000000000 SecurityAlert.Read.All)
requests='[{"resourceAppId": "fc780465-2017-40d4-a0c5-307022471b92", "resourceAccess": [{"id": "'"$role1"'", "type": "Role"}]}, {"resourceAppId": "00000003-0000-0000-c000-000000000000", "resourceAccess": [{"id": "'"$role2"'", "type": "Role"}, {"id": "'"$role3"'", "type": "Role"}]}]'
patiently az ad app update --id "$client" --required-resource-accesses "$requests"

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

vault=${1:-}
entry=${2:-earmark-secret}
ends=$(ask ad app credential list --id "$client" --query "[?displayName=='earmark'].endDateTime | max(@)")
if [[ -n $ends && $ends > $(date -u +%Y-%m-%dT%H:%M:%SZ) ]]; then
    printf 'A secret named earmark is valid until %s; no other is made. To renew it, delete that one first.\n' "$ends"
else
    [ -n "$vault" ] || [ -t 1 ] || stop "the secret would land in a file; run this on a terminal, or name a Key Vault"
    secret=$(ask ad app credential reset --id "$client" --append --display-name earmark --years 1 --query password)
    if [ -n "$vault" ]; then
        if ! az keyvault secret set --vault-name "$vault" --name "$entry" --encoding utf-8 \
            --file <(printf '%s' "$secret") --only-show-errors --output none; then
            newest="sort_by([?displayName=='earmark'], &endDateTime)[-1].keyId"
            key=$(ask ad app credential list --id "$client" --query "$newest")
            az ad app credential delete --id "$client" --key-id "$key" --only-show-errors --output none
            stop "the vault $vault did not take the secret, which was deleted again; it needs Key Vault Secrets Officer"
        fi
        printf 'The secret is in the vault: secret: "${vault:%s/%s}"\n' "$vault" "$entry"
    else
        printf 'The secret, shown this once and valid for a year: %s\n' "$secret"
    fi
    unset secret
fi

printf '\nIn earmark.yaml:\n\n'
sed -e "s/CLIENT-ID/$client/" <<'SETTINGS'
estate:
  kind: defender
  tenant: contoso.com
  sign_in: {method: secret, client_id: CLIENT-ID, secret: "${env:EARMARK_SECRET}"}
hunting: graph
mode: apply
SETTINGS
printf '\nThen: earmark connect --check\n'
