"""The words of alerts and incidents: one vocabulary in the tenant, Defender's; and what Graph calls the same.

https://learn.microsoft.com/defender-endpoint/api/update-alert, https://learn.microsoft.com/graph/api/security-alert-update;
the names that Graph answers are those of its own metadata, and both spellings of the pages are taken.
"""

from __future__ import annotations

from collections.abc import Mapping

SEVERITIES = ("UnSpecified", "Informational", "Low", "Medium", "High")
"""From least to most."""
STATUSES = ("Unknown", "New", "InProgress", "Resolved")
SETTABLE_STATUSES = STATUSES[1:]
CLASSIFICATIONS = ("TruePositive", "InformationalExpectedActivity", "FalsePositive")
DETERMINATIONS: Mapping[str, str] = {
    "Apt": "apt",
    "Malware": "malware",
    "SecurityPersonnel": "securityPersonnel",
    "SecurityTesting": "securityTesting",
    "UnwantedSoftware": "unwantedSoftware",
    "Other": "other",
    "MultiStagedAttack": "multiStagedAttack",
    "CompromisedUser": "compromisedAccount",
    "Phishing": "phishing",
    "MaliciousUserActivity": "maliciousUserActivity",
    "NotMalicious": "notMalicious",
    "Clean": "notMalicious",
    "InsufficientData": "notEnoughDataToValidate",
    "ConfirmedActivity": "confirmedActivity",
    "ConfirmedUserActivity": "confirmedActivity",
    "LineOfBusinessApplication": "lineOfBusinessApplication",
}
"""Defender's word → Graph's."""
_FROM_GRAPH = {
    **{graph.lower(): ours for ours, graph in reversed(list(DETERMINATIONS.items()))},
    **{ours.lower(): ours for ours in DETERMINATIONS},
    "notenoughdatatovalidate": "InsufficientData",
}
GRAPH_DETERMINATIONS = ("unknown", *dict.fromkeys(DETERMINATIONS.values()))
GRAPH_CLASSIFICATIONS = ("unknown", "falsePositive", "truePositive", "informationalExpectedActivity")
GRAPH_STATUSES = ("unknown", "new", "inProgress", "resolved")
GRAPH_SEVERITIES = ("unknown", "informational", "low", "medium", "high")
INCIDENT_STATUSES = ("active", "resolved", "inProgress", "redirected")
CATEGORIES = (
    *("General", "CommandAndControl", "Collection", "CredentialAccess", "DefenseEvasion", "Discovery", "Exfiltration"),
    *("Exploit", "Execution", "InitialAccess", "LateralMovement", "Malware", "Persistence", "PrivilegeEscalation"),
    *("Ransomware", "SuspiciousActivity"),
)
"""Those that an alert may be created with."""
_SERVICES = {
    "Microsoft Defender for Endpoint": "microsoftDefenderForEndpoint",
    "Microsoft Defender for Identity": "microsoftDefenderForIdentity",
    "Microsoft Defender for Cloud Apps": "microsoftDefenderForCloudApps",
    "Microsoft Defender for Office 365": "microsoftDefenderForOffice365",
    "Microsoft Defender for Cloud": "microsoftDefenderForCloud",
    "Microsoft 365 Defender": "microsoft365Defender",
    "Microsoft Defender XDR": "microsoft365Defender",
    "Microsoft Sentinel": "microsoftSentinel",
}
"""Hunting's ServiceSource → Graph's."""
GRAPH_SERVICES = ("unknown", *dict.fromkeys(_SERVICES.values()))
_SOURCES = {
    "EDR": ("WindowsDefenderAtp", "microsoftDefenderForEndpoint"),
    "Antivirus": ("WindowsDefenderAv", "antivirus"),
    "SmartScreen": ("WindowsDefenderSmartScreen", "smartScreen"),
    "Custom detection": ("CustomDetection", "customDetection"),
    "Custom TI": ("CustomerTI", "customTi"),
    "Automated investigation": ("AutomatedInvestigation", "automatedInvestigation"),
}
"""Hunting's DetectionSource → Defender's and Graph's."""


def lowered(word: str) -> str:
    """A word of Defender as Graph writes it: its first letter small."""
    return word[:1].lower() + word[1:]


def severity_of(text: str) -> str:
    """A severity of Defender by its name in any letter case."""
    return {word.lower(): word for word in SEVERITIES}.get(text.lower(), SEVERITIES[0])


def graph_severity(word: str) -> str:
    """A severity as Graph calls it."""
    return "unknown" if word == SEVERITIES[0] else word.lower()


def graph_service(text: str) -> str:
    """A service as Graph calls it."""
    return _SERVICES.get(text, "unknown")


def detection_sources(text: str) -> tuple[str, str]:
    """A source of detection as Defender and as Graph call it."""
    return _SOURCES.get(text, (text.replace(" ", "") or "Unknown", "unknown"))


def graph_determination(word: str | None) -> str:
    """A determination as Graph calls it."""
    return DETERMINATIONS.get(word or "", "unknown")


def determination_from_graph(word: str) -> str | None:
    """Defender's word for one of Graph's, in any spelling of the pages; None where there is none."""
    return _FROM_GRAPH.get(word.lower())
