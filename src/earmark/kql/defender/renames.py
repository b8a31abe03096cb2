"""Names of the past in advanced hunting, and the names of today.

Facts only. Sources: microsoft/Microsoft-365-Defender-Hunting-Queries commit d3d9374 (5 January 2020: the new device
schema), MicrosoftDocs/windows-itpro-docs microsoft-defender-atp/advanced-hunting-reference.md (the columns before
2020), and MicrosoftDocs/defender-docs defender-xdr/advanced-hunting-schema-changes.md and
advanced-hunting-migrate-from-mde.md. Microsoft rewrote the queries saved in its portal; those kept elsewhere and sent
through the API still carry the old names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """One old name."""

    old: str
    new: tuple[str, ...]
    """The name of today; several when what it named was split."""
    since: str
    """When the new name came, as a person would write it; empty when the two differ in case alone."""
    tables: tuple[str, ...] = ()
    """The tables whose column it is; empty: of any table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedValue:
    """A value that a column no longer holds, so that comparing with it finds nothing."""

    tables: tuple[str, ...]
    column: str
    old: str
    new: str
    since: str


def _by_name(*renames: Rename) -> dict[str, Rename]:
    return {rename.old: rename for rename in renames}


def _renamed(since: str, pairs: str, tables: tuple[str, ...] = ()) -> list[Rename]:
    """Renames written as `Old New` a line."""
    rows = [line.split() for line in pairs.strip().splitlines()]
    return [Rename(old=old, new=tuple(new), since=since, tables=tables) for old, *new in rows]


OLD_TABLES = _by_name(
    *_renamed(
        "January 2020",
        """
        MachineInfo DeviceInfo
        MachineNetworkInfo DeviceNetworkInfo
        ProcessCreationEvents DeviceProcessEvents
        NetworkCommunicationEvents DeviceNetworkEvents
        FileCreationEvents DeviceFileEvents
        RegistryEvents DeviceRegistryEvents
        LogonEvents DeviceLogonEvents
        ImageLoadEvents DeviceImageLoadEvents
        MiscEvents DeviceEvents
        """,
    ),
    *_renamed("2020", "AlertEvents AlertInfo AlertEvidence\nDeviceAlertEvents AlertInfo AlertEvidence"),
    *_renamed(
        "March 2021",
        "DeviceTvmSoftwareInventoryVulnerabilities DeviceTvmSoftwareInventory DeviceTvmSoftwareVulnerabilities",
    ),
    *_renamed("May 2021", "AppFileEvents CloudAppEvents"),
    *_renamed("2026", "AADSignInEventsBeta EntraIdSignInEvents\nAADSpnSignInEventsBeta EntraIdSpnSignInEvents"),
    *_renamed("2026", "GraphApiAuditEvents GraphAPIAuditEvents"),
)
"""Old table → what holds its rows today."""

OLD_COLUMNS = _by_name(
    *_renamed(
        "January 2020",
        """
        EventTime Timestamp
        MachineId DeviceId
        ComputerName DeviceName
        RemoteComputerName RemoteDeviceName
        """,
    ),
    *_renamed("2018", "InitiatingProcessParentName InitiatingProcessParentFileName"),
    *_renamed("January 2020", "RegistryMachineTag RegistryDeviceTag", ("DeviceInfo",)),
    *_renamed("January 2020", "TunnelingType TunnelType", ("DeviceNetworkInfo",)),
    *_renamed("February 2021", "DeviceObjectId AadDeviceId", ("DeviceInfo",)),
    *_renamed(
        "December 2020",
        """
        FinalEmailAction EmailAction
        FinalEmailActionPolicy EmailActionPolicy
        FinalEmailActionPolicyGuid EmailActionPolicyGuid
        """,
        ("EmailEvents",),
    ),
    *_renamed(
        "February 2021",
        """
        MalwareDetectionMethod DetectionMethods
        PhishDetectionMethod DetectionMethods
        MalwareFilterVerdict ThreatTypes
        PhishFilterVerdict ThreatTypes
        """,
        ("EmailAttachmentInfo", "EmailEvents"),
    ),
    *_renamed(
        "",
        """
        InitiatingProcessMd5 InitiatingProcessMD5
        InitiatingProcessSha1 InitiatingProcessSHA1
        InitiatingProcessSha256 InitiatingProcessSHA256
        FileOriginIp FileOriginIP
        Ipv4Dhcp IPv4Dhcp
        Ipv6Dhcp IPv6Dhcp
        OsVersion OSVersion
        ProcessCommandline ProcessCommandLine
        """,
    ),
)
"""Old column → the column of today."""

MERGED_COLUMNS = frozenset({"DetectionMethods", "ThreatTypes"})
"""Columns that took the place of several, with values of their own: another name alone does not mend a query."""


def _changed(since: str, tables: tuple[str, ...], column: str, **pairs: str) -> list[ChangedValue]:
    return [
        ChangedValue(tables=tables, column=column, old=old.replace("_", " "), new=new, since=since)
        for old, new in pairs.items()
    ]


OLD_VALUES = (
    *_changed(
        "February 2021",
        ("DeviceEvents",),
        "ActionType",
        UsbDriveMount="UsbDriveMounted",
        UsbDriveUnmount="UsbDriveUnmounted",
        WriteProcessMemoryApiCall="WriteToLsassProcessMemory",
    ),
    *_changed(
        "January 2021",
        ("AlertInfo",),
        "DetectionSource",
        WindowsDefenderAtp="EDR",
        WindowsDefenderAv="Antivirus",
        WindowsDefenderSmartScreen="SmartScreen",
        CustomerTI="Custom TI",
        OfficeATP="Microsoft Defender for Office 365",
        MTP="Microsoft Defender XDR",
        AzureATP="Microsoft Defender for Identity",
        CustomDetection="Custom detection",
        AutomatedInvestigation="Automated investigation",
        ThreatExperts="Microsoft Threat Experts",
        Defender_for_Cloud_Apps="Microsoft Defender for Cloud Apps",
        **{"3rd_party_TI": "3rd Party sensors"},
    ),
    *_changed(
        "January 2021",
        ("AlertInfo", "AlertEvidence"),
        "ServiceSource",
        Microsoft_Defender_ATP="Microsoft Defender for Endpoint",
        Microsoft_Threat_Protection="Microsoft Defender XDR",
        Office_365_ATP="Microsoft Defender for Office 365",
        Azure_ATP="Microsoft Defender for Identity",
    ),
)
"""Values that changed their spelling."""

OLD_AGGREGATES = {
    "argmax": "arg_max",
    "argmin": "arg_min",
    "any": "take_any",
    "anyif": "take_anyif",
    "makeset": "make_set",
    "makelist": "make_list",
    "make_dictionary": "make_bag",
}
"""Old spellings of aggregates that Microsoft's service still accepts; most name their result columns otherwise."""

OLD_OPERATORS = {"mvexpand": "mv-expand", "mvapply": "mv-apply"}
"""Old spellings of operators that Microsoft's service still accepts; they mean the same."""

OLD_FUNCTIONS = {"parsejson": "parse_json", "parseurl": "parse_url", "parseurlquery": "parse_urlquery"}
"""Old spellings of functions that Microsoft's service still accepts; they mean the same."""
