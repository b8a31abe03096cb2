"""Alerts and incidents as Defender, Defender XDR and Graph write them.

https://learn.microsoft.com/defender-endpoint/api/alerts, https://learn.microsoft.com/defender-xdr/api-list-incidents,
https://learn.microsoft.com/graph/api/resources/security-alert
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from earmark.sandbox import alert_words as words
from earmark.sandbox.alert_record import Alert, Incident

Machine = Mapping[str, Any]
"""A machine as the Defender API writes it; empty when there is none."""


def defender_alert(alert: Alert, machine: Machine, tenant: str, *, evidence: bool) -> dict[str, Any]:
    """As `/api/alerts` answers; without `evidence` the list of evidence is empty."""
    care = alert.care
    user = next((entity for entity in alert.entities if entity["AccountName"]), None)
    return {
        "id": alert.id,
        "incidentId": alert.incident,
        "investigationId": None,
        "assignedTo": care.assigned,
        "severity": alert.severity,
        "status": alert.status,
        "classification": care.classification,
        "determination": care.determination,
        "investigationState": "UnsupportedAlertType",
        "detectionSource": words.detection_sources(alert.source)[0],
        "detectorId": None,
        "category": alert.category,
        "threatFamilyName": None,
        "title": alert.title,
        "description": alert.description,
        "alertCreationTime": alert.created,
        "firstEventTime": alert.created,
        "lastEventTime": alert.last_event,
        "lastUpdateTime": alert.updated,
        "resolvedTime": care.resolved,
        "machineId": alert.machine or None,
        "computerDnsName": alert.machine_name or None,
        "rbacGroupName": machine.get("rbacGroupName"),
        "aadTenantId": tenant,
        "threatName": None,
        "mitreTechniques": list(alert.techniques),
        "relatedUser": user and {"userName": user["AccountName"], "domainName": user["AccountDomain"]},
        "comments": [dict(comment) for comment in care.comments],
        "evidence": [_entity(entity, alert.created) for entity in alert.entities if not _is_machine(entity)]
        if evidence
        else [],
    }


def _is_machine(entity: Mapping[str, Any]) -> bool:
    return bool(entity["EntityType"] == "Machine")


def _entity(entity: Mapping[str, Any], at: str) -> dict[str, Any]:
    """An entity as Defender writes it."""
    return {
        "entityType": entity["EntityType"],
        "evidenceCreationTime": at,
        "sha1": entity["SHA1"] or None,
        "sha256": entity["SHA256"] or None,
        "fileName": entity["FileName"] or None,
        "filePath": entity["FolderPath"] or None,
        "processId": None,
        "processCommandLine": entity["ProcessCommandLine"] or None,
        "processCreationTime": None,
        "parentProcessId": None,
        "parentProcessCreationTime": None,
        "parentProcessFileName": None,
        "parentProcessFilePath": None,
        "ipAddress": entity["RemoteIP"] or None,
        "url": entity["RemoteUrl"] or None,
        "registryKey": entity["RegistryKey"] or None,
        "registryHive": None,
        "registryValueType": None,
        "registryValue": entity["RegistryValueData"] or None,
        "accountName": entity["AccountName"] or None,
        "domainName": entity["AccountDomain"] or None,
        "userSid": entity["AccountSid"] or None,
        "aadUserId": entity["AccountObjectId"] or None,
        "userPrincipalName": entity["AccountUpn"] or None,
        "detectionStatus": None,
    }


def graph_alert(alert: Alert, machine: Machine, tenant: str) -> dict[str, Any]:
    """As Graph's `alerts_v2` answers."""
    care = alert.care
    return {
        "@odata.type": "#microsoft.graph.security.alert",
        "id": alert.id,
        "providerAlertId": alert.id,
        "incidentId": str(alert.incident),
        "status": words.lowered(alert.status),
        "severity": words.graph_severity(alert.severity),
        "classification": words.lowered(care.classification or "unknown"),
        "determination": words.graph_determination(care.determination),
        "serviceSource": words.graph_service(alert.service),
        "detectionSource": words.detection_sources(alert.source)[1],
        "productName": alert.service,
        "detectorId": None,
        "tenantId": tenant,
        "title": alert.title,
        "description": alert.description,
        "recommendedActions": alert.recommended,
        "category": alert.category,
        "assignedTo": care.assigned,
        "alertWebUrl": f"https://security.microsoft.com/alerts/{alert.id}?tid={tenant}",
        "incidentWebUrl": f"https://security.microsoft.com/incidents/{alert.incident}?tid={tenant}",
        "actorDisplayName": None,
        "threatDisplayName": None,
        "threatFamilyName": None,
        "mitreTechniques": list(alert.techniques),
        "createdDateTime": alert.created,
        "lastUpdateDateTime": alert.updated,
        "resolvedDateTime": care.resolved,
        "firstActivityDateTime": alert.created,
        "lastActivityDateTime": alert.last_event,
        "comments": _graph_comments(care.comments),
        "evidence": [_graph_evidence(entity, alert, machine) for entity in alert.entities],
        "systemTags": [],
    }


def _graph_comments(comments: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [
        {
            "comment": comment["comment"],
            "createdByDisplayName": comment["createdBy"],
            "createdDateTime": comment["createdTime"],
        }
        for comment in comments
    ]


def _graph_evidence(entity: Mapping[str, Any], alert: Alert, machine: Machine) -> dict[str, Any]:
    common: dict[str, Any] = {
        "createdDateTime": alert.created,
        "verdict": "unknown",
        "remediationStatus": "none",
        "remediationStatusDetails": None,
        "roles": [],
        "detailedRoles": [],
        "tags": [],
    }
    name, fields = _FORMS.get(entity["EntityType"], _unknown)(entity, machine)
    return {"@odata.type": f"#microsoft.graph.security.{name}", **common, **fields}


def _device(entity: Mapping[str, Any], machine: Machine) -> tuple[str, dict[str, Any]]:
    addresses = [entry["ipAddress"] for entry in machine.get("ipAddresses", ())] or [entity["LocalIP"]]
    return "deviceEvidence", {
        "firstSeenDateTime": machine.get("firstSeen"),
        "mdeDeviceId": entity["DeviceId"],
        "azureAdDeviceId": machine.get("aadDeviceId"),
        "deviceDnsName": entity["DeviceName"] or None,
        "hostName": (entity["DeviceName"] or "").partition(".")[0] or None,
        "osPlatform": machine.get("osPlatform"),
        "osBuild": machine.get("osBuild"),
        "version": machine.get("version"),
        "healthStatus": words.lowered(machine.get("healthStatus") or "unknown"),
        "riskScore": words.lowered(machine.get("riskScore") or "none"),
        "rbacGroupId": machine.get("rbacGroupId"),
        "rbacGroupName": machine.get("rbacGroupName"),
        "onboardingStatus": words.lowered((machine.get("onboardingStatus") or "onboarded").title().replace(" ", "")),
        "defenderAvStatus": "unknown",
        "ipInterfaces": [address for address in addresses if address],
        "loggedOnUsers": [],
        "vmMetadata": None,
    }


def _user(entity: Mapping[str, Any], _machine: Machine) -> tuple[str, dict[str, Any]]:
    account = {
        "accountName": entity["AccountName"],
        "domainName": entity["AccountDomain"] or None,
        "userSid": entity["AccountSid"] or None,
        "azureAdUserId": entity["AccountObjectId"] or None,
        "userPrincipalName": entity["AccountUpn"] or None,
        "displayName": None,
    }
    return "userEvidence", {"userAccount": account}


def _details(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sha1": entity["SHA1"] or None,
        "sha256": entity["SHA256"] or None,
        "fileName": entity["FileName"] or None,
        "filePath": entity["FolderPath"] or None,
    }


def _file(entity: Mapping[str, Any], _machine: Machine) -> tuple[str, dict[str, Any]]:
    return "fileEvidence", {"fileDetails": _details(entity), "mdeDeviceId": entity["DeviceId"] or None}


def _process(entity: Mapping[str, Any], _machine: Machine) -> tuple[str, dict[str, Any]]:
    return "processEvidence", {
        "processCommandLine": entity["ProcessCommandLine"] or None,
        "imageFile": _details(entity),
        "mdeDeviceId": entity["DeviceId"] or None,
    }


def _address(entity: Mapping[str, Any], _machine: Machine) -> tuple[str, dict[str, Any]]:
    return "ipEvidence", {"ipAddress": entity["RemoteIP"] or entity["LocalIP"] or None}


def _url(entity: Mapping[str, Any], _machine: Machine) -> tuple[str, dict[str, Any]]:
    return "urlEvidence", {"url": entity["RemoteUrl"] or None}


def _registry(entity: Mapping[str, Any], _machine: Machine) -> tuple[str, dict[str, Any]]:
    return "registryKeyEvidence", {"registryKey": entity["RegistryKey"] or None}


def _unknown(_entity: Mapping[str, Any], _machine: Machine) -> tuple[str, dict[str, Any]]:
    return "alertEvidence", {}


_FORMS = {
    "Machine": _device,
    "User": _user,
    "File": _file,
    "Process": _process,
    "Ip": _address,
    "Url": _url,
    "RegistryKey": _registry,
}
"""Hunting's EntityType → the form of Graph's evidence."""


def graph_incident(incident: Incident, tenant: str, alerts: list[dict[str, Any]] | None) -> dict[str, Any]:
    """As Graph's `incidents` answers; `alerts` when they are asked for."""
    care = incident.care
    found = {
        "@odata.type": "#microsoft.graph.security.incident",
        "id": str(incident.id),
        "incidentWebUrl": f"https://security.microsoft.com/incidents/{incident.id}?tid={tenant}",
        "redirectIncidentId": None,
        "tenantId": tenant,
        "displayName": incident.name,
        "description": incident.alerts[0].description,
        "createdDateTime": incident.created,
        "lastUpdateDateTime": incident.updated,
        "assignedTo": care.assigned,
        "classification": words.lowered(care.classification or "unknown"),
        "determination": words.graph_determination(care.determination),
        "status": incident.status,
        "severity": words.graph_severity(incident.severity),
        "customTags": list(care.tags),
        "systemTags": [],
        "comments": _graph_comments(care.comments),
    }
    return found if alerts is None else {**found, "alerts": alerts}


def xdr_incident(incident: Incident, machines: Mapping[str, Machine]) -> dict[str, Any]:
    """As Defender XDR's own `/api/incidents` answers."""
    care = incident.care
    return {
        "incidentId": incident.id,
        "redirectIncidentId": None,
        "incidentName": incident.name,
        "createdTime": incident.created,
        "lastUpdateTime": incident.updated,
        "assignedTo": care.assigned,
        "classification": care.classification or "Unknown",
        "determination": care.determination or "NotAvailable",
        "status": incident.status[:1].upper() + incident.status[1:],
        "severity": incident.severity,
        "tags": list(care.tags),
        "comments": [dict(comment) for comment in care.comments],
        "alerts": [_xdr_alert(alert, machines.get(alert.machine, {})) for alert in incident.alerts],
    }


def _xdr_alert(alert: Alert, machine: Machine) -> dict[str, Any]:
    care = alert.care
    device: dict[str, Any] = {
        "mdatpDeviceId": alert.machine,
        "aadDeviceId": machine.get("aadDeviceId"),
        "deviceDnsName": alert.machine_name,
        "osPlatform": machine.get("osPlatform"),
        "version": machine.get("version"),
        "osProcessor": machine.get("osProcessor"),
        "osBuild": machine.get("osBuild"),
        "healthStatus": machine.get("healthStatus"),
        "riskScore": machine.get("riskScore"),
        "rbacGroupName": machine.get("rbacGroupName"),
        "rbacGroupId": machine.get("rbacGroupId"),
        "firstSeen": machine.get("firstSeen"),
        "tags": [],
    }
    entities = [_entity(entity, alert.created) for entity in alert.entities if not _is_machine(entity)]
    return {
        "alertId": alert.id,
        "incidentId": alert.incident,
        "serviceSource": alert.service.replace(" for ", "For").replace(" ", ""),
        "creationTime": alert.created,
        "lastUpdatedTime": alert.updated,
        "resolvedTime": care.resolved,
        "firstActivity": alert.created,
        "lastActivity": alert.last_event,
        "title": alert.title,
        "description": alert.description,
        "category": alert.category,
        "status": alert.status,
        "severity": alert.severity,
        "investigationId": None,
        "investigationState": "UnsupportedAlertType",
        "classification": care.classification,
        "determination": care.determination,
        "detectionSource": words.detection_sources(alert.source)[0],
        "assignedTo": care.assigned,
        "actorName": None,
        "threatFamilyName": None,
        "mitreTechniques": list(alert.techniques),
        "devices": [device] if alert.machine else [],
        "entities": entities,
    }
