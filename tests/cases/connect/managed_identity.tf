# Lets Earmark sign in to Microsoft Defender, with the fewest permissions for the purpose `tag`:
#   WindowsDefenderATP: Machine.ReadWrite.All, to list devices with their tags, and to add and remove tags
#   Microsoft Graph: ThreatHunting.Read.All, to hunt
#   Microsoft Graph: SecurityAlert.Read.All, to read alerts
# Whoever applies this must be a Privileged Role Administrator or a Global Administrator. In earmark.yaml:
#   estate:
#     kind: defender
#     tenant: contoso.com
#     sign_in: {method: managed_identity}
#   hunting: graph
#   mode: apply

terraform {
  required_version = ">= 1.3"

  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "~> 3.0"
    }
  }
}

provider "azuread" {
  environment = "public"
  tenant_id   = "contoso.com"
}

data "azuread_service_principal" "defender" {
  client_id = "fc780465-2017-40d4-a0c5-307022471b92" # WindowsDefenderATP
}

data "azuread_service_principal" "graph" {
  client_id = "00000003-0000-0000-c000-000000000000" # Microsoft Graph
}

variable "object_id" {
  description = "Object (principal) id of the managed identity that Earmark runs under."
  type        = string
}

resource "azuread_app_role_assignment" "machine_readwrite_all" {
  app_role_id         = data.azuread_service_principal.defender.app_role_ids["Machine.ReadWrite.All"]
  principal_object_id = var.object_id
  resource_object_id  = data.azuread_service_principal.defender.object_id
}

resource "azuread_app_role_assignment" "threathunting_read_all" {
  app_role_id         = data.azuread_service_principal.graph.app_role_ids["ThreatHunting.Read.All"]
  principal_object_id = var.object_id
  resource_object_id  = data.azuread_service_principal.graph.object_id
}

resource "azuread_app_role_assignment" "securityalert_read_all" {
  app_role_id         = data.azuread_service_principal.graph.app_role_ids["SecurityAlert.Read.All"]
  principal_object_id = var.object_id
  resource_object_id  = data.azuread_service_principal.graph.object_id
}
