#!/usr/bin/env bash
# An Azure CLI for tests of scripts: answers what the scripts ask, keeps what they make, a file each, in the folder FAKE_AZ.
# In bash without other programs, since a script calls it dozens of times.
set -u
cd "$FAKE_AZ" || exit 70
{ printf '%s\0' "$@"; printf '\n\0'; } >>calls
spoken="$*"
case " $spoken" in *" $FAKE_AZ_FAILS"*) echo "ERROR: it does not work." >&2; exit 1 ;; esac

given() { # OPTION: its value, in $value
    local at
    value=
    for ((at = 1; at <= ${#words[@]}; at++)); do
        if [ "${words[at - 1]}" = "$1" ]; then value=${words[at]:-}; fi
    done
}
words=("$@")
given --query; query=$value
given --output; output=$value
say() { if [ "$output" != none ]; then printf '%s\n' "$1"; fi; }
lines() { local count=0; if [ -e "$1" ]; then while read -r _; do count=$((count + 1)); done <"$1"; fi; say "$count"; }

case $spoken in
"cloud show"*) if [ "$query" = name ]; then say AzureCloud; else say https://graph.microsoft.com/; fi ;;
"account show"*) say 11111111-1111-1111-1111-111111111111 ;;
"rest "*/organization*) say 11111111-1111-1111-1111-111111111111; say contoso.com ;;
"rest "*"--method post"*)
    given --body
    role=${value##*appRoleId\": \"}
    if grep -qsxF "${role%%\"*}" granted; then exit 1; fi
    printf '%s\n' "${role%%\"*}" >>granted
    ;;
"rest "*)
    role=${query##*appRoleId==\'}
    count=0
    if [ -e granted ]; then while read -r one; do if [ "$one" = "${role%%\'*}" ]; then count=1; fi; done <granted; fi
    say "$count"
    ;;
"keyvault secret set"*) given --file; printf '%s' "$(<"$value")" >vault ;;
"ad app list"*) if [ -e app ]; then say client-id; fi ;;
"ad app create"*) given --display-name; printf '%s' "$value" >app; say client-id ;;
"ad app update"*) given --required-resource-accesses; printf '%s' "$value" >requests ;;
"ad sp list"*) if [ -e principal ]; then say principal-id; else say None; fi ;;
"ad sp create"*) : >principal ;;
"ad sp show"*appRoles*) role=${query##*value==\'}; say "id-of-${role%%\'*}" ;;
"ad sp show"*servicePrincipalType*) say ManagedIdentity ;;
"ad sp show"*) given --id; say "object-of-$value" ;;
"ad app credential list"*keyId*) say newest-key ;;
"ad app credential delete"*) given --key-id; printf '%s' "$value" >deleted; rm secrets ;;
"ad app credential list"*--cert*) lines certificates ;;
"ad app credential list"*) if [ -e secrets ]; then say 2999-01-01T00:00:00Z; else say None; fi ;;
"ad app credential reset"*--cert*) given --cert; printf '%s\n' "$(<"${value#@}")" >uploaded.crt; echo one >>certificates ;;
"ad app credential reset"*) echo one >>secrets; say 's3cret~value' ;;
"ad app federated-credential list"*) lines federated ;;
"ad app federated-credential create"*) given --parameters; printf '%s\n' "$value" >>federated ;;
*) echo "ERROR: az cannot: $spoken" >&2; exit 1 ;;
esac
exit 0
