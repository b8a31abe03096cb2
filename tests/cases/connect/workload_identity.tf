# Lets Earmark sign in to Microsoft Defender, with the fewest permissions for the purpose `tag`:
#   WindowsDefenderATP: Machine.ReadWrite.All, to list devices with their tags, and to add and remove tags
#   Microsoft Graph: ThreatHunting.Read.All, to hunt
#   Microsoft Graph: SecurityAlert.Read.All, to read alerts
# Whoever applies this must be a Privileged Role Administrator or a Global Administrator. In earmark.yaml:
#   estate:
#     kind: defender
#     tenant: contoso.com
#     sign_in: {method: workload_identity, client_id: CLIENT-ID}
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

resource "azuread_application" "earmark" {
  display_name            = "Earmark"
  sign_in_audience        = "AzureADMyOrg"
  prevent_duplicate_names = true

  required_resource_access {
    resource_app_id = data.azuread_service_principal.defender.client_id

    resource_access {
      id   = data.azuread_service_principal.defender.app_role_ids["Machine.ReadWrite.All"]
      type = "Role"
    }
  }

  required_resource_access {
    resource_app_id = data.azuread_service_principal.graph.client_id

    resource_access {
      id   = data.azuread_service_principal.graph.app_role_ids["ThreatHunting.Read.All"]
      type = "Role"
    }

    resource_access {
      id   = data.azuread_service_principal.graph.app_role_ids["SecurityAlert.Read.All"]
      type = "Role"
    }
  }
}

resource "azuread_service_principal" "earmark" {
  client_id = azuread_application.earmark.client_id
}

resource "azuread_app_role_assignment" "machine_readwrite_all" {
  app_role_id         = data.azuread_service_principal.defender.app_role_ids["Machine.ReadWrite.All"]
  principal_object_id = azuread_service_principal.earmark.object_id
  resource_object_id  = data.azuread_service_principal.defender.object_id
}

resource "azuread_app_role_assignment" "threathunting_read_all" {
  app_role_id         = data.azuread_service_principal.graph.app_role_ids["ThreatHunting.Read.All"]
  principal_object_id = azuread_service_principal.earmark.object_id
  resource_object_id  = data.azuread_service_principal.graph.object_id
}

resource "azuread_app_role_assignment" "securityalert_read_all" {
  app_role_id         = data.azuread_service_principal.graph.app_role_ids["SecurityAlert.Read.All"]
  principal_object_id = azuread_service_principal.earmark.object_id
  resource_object_id  = data.azuread_service_principal.graph.object_id
}

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
  audiences      = ["api://AzureADTokenExchange"]
  issuer         = var.issuer
  subject        = var.subject
}

output "client_id" {
  value = azuread_application.earmark.client_id
}
