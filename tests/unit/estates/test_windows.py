"""Windows Security events: the shapes of three collectors, and what becomes of each event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earmark.estates.embedded.identity import derived_id
from earmark.estates.embedded.readers.windows import LOGON_TYPES
from tests.unit.estates.conftest import Trial, record

NAME = "PC1.corp.example"
DATA = {
    "TargetUserName": "ann",
    "TargetDomainName": "CORP",
    "TargetUserSid": "S-1-5-21-1-2-3-4",
    "TargetLogonId": "0x3e7a",
    "SubjectUserName": "PC1$",
    "SubjectDomainName": "CORP",
    "SubjectUserSid": "S-1-5-18",
    "SubjectLogonId": "0x3e7",
    "LogonType": "2",
    "AuthenticationPackageName": "Negotiate",
    "WorkstationName": "-",
    "IpAddress": "-",
    "IpPort": "-",
    "ProcessId": "0x1a4",
    "ProcessName": "C:\\Windows\\System32\\winlogon.exe",
}


def nxlog(event: int | str = 4624, /, *, number: int = 1, **changed: Any) -> dict[str, Any]:
    head = {"@timestamp": "2026-01-04T06:00:00.123Z", "EventTime": "2026-01-04 01:00:00", "Hostname": NAME}
    return {**head, "EventID": event, "Channel": "Security", "RecordNumber": number, **DATA, **changed}


def winlogbeat6(event: int = 4624, /, *, number: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "@timestamp": "2026-01-04T06:00:00.123Z",
        "host": {"name": "collector"},
        "beat": {"hostname": "collector"},
        "computer_name": NAME,
        "event_id": event,
        "log_name": "Security",
        "record_number": str(number),
        "event_data": {**DATA, **changed},
    }


def winlogbeat7(event: int = 4624, /, *, number: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "@timestamp": "2026-01-04T06:00:00.123Z",
        "host": {"name": "collector"},
        "event": {"code": event},
        "winlog": {
            "computer_name": NAME,
            "event_id": str(event),
            "channel": "Security",
            "record_id": number,
            "event_data": {**DATA, **changed},
        },
    }


@pytest.mark.parametrize("shape", [nxlog, winlogbeat6, winlogbeat7])
def test_a_logon_in_every_shape(trial: Trial, shape: Any) -> None:
    report = trial.take_one("events.json", [shape(4624, number=7)])
    assert (report.rows, report.stored, report.warnings) == (1, 1, [])
    who = ("DeviceId", "DeviceName", "ActionType", "LogonType", "AccountName", "AccountDomain", "LogonId", "ReportId")
    assert trial.rows("DeviceLogonEvents", *who) == [
        (derived_id(NAME), NAME, "LogonSuccess", "Interactive", "ann", "CORP", 0x3E7A, 7)
    ]
    whence = ("RemoteIP", "RemotePort", "RemoteDeviceName", "Protocol", "InitiatingProcessId")
    assert trial.rows("DeviceLogonEvents", *whence) == [("", None, "", "Negotiate", 0x1A4)]
    assert trial.rows("DeviceLogonEvents", "InitiatingProcessFileName") == ["winlogon.exe"]


def test_the_time_is_the_event_s_in_utc(trial: Trial) -> None:
    trial.take_one("events.json", [nxlog()])
    assert trial.rows("DeviceLogonEvents", "Timestamp") == [639_031_032_001_230_000]


def test_time_created_stands_in_and_event_time_never_does(trial: Trial) -> None:
    created, local = nxlog(number=1, TimeCreated="2026-01-04 06:00:00.5"), nxlog(number=2)
    del created["@timestamp"], local["@timestamp"]
    report = trial.take_one("events.json", [created, local])
    assert (report.stored, report.rejected, len(report.warnings)) == (1, 1, 1)
    assert trial.rows("DeviceLogonEvents", "Timestamp") == [639_031_032_005_000_000]
    assert "@timestamp" in trial.rejects()[0][1]


@pytest.mark.parametrize(("number", "name"), [*LOGON_TYPES.items(), ("99", "99")])
def test_logon_types(trial: Trial, number: str, name: str) -> None:
    trial.take_one("events.json", [nxlog(number=1, LogonType=number), nxlog(number=2, LogonType=int(number))])
    assert trial.rows("DeviceLogonEvents", "LogonType") == [name, name]


@pytest.mark.parametrize(
    ("address", "shown", "kind"),
    [
        ("::ffff:10.1.2.3", "10.1.2.3", "Private"),
        ("::FFFF:8.8.8.8", "8.8.8.8", "Public"),
        ("fe80::1", "fe80::1", "Reserved"),
        ("127.0.0.1", "127.0.0.1", "Loopback"),
        ("::1", "::1", "Loopback"),
        ("172.16.0.1", "172.16.0.1", "Private"),
        ("172.32.0.1", "172.32.0.1", "Public"),
        ("2001:db8::1", "2001:db8::1", "Public"),
        ("-", "", ""),
    ],
)
def test_addresses(trial: Trial, address: str, shown: str, kind: str) -> None:
    trial.take_one("events.json", [nxlog(IpAddress=address, IpPort="0")])
    assert trial.rows("DeviceLogonEvents", "RemoteIP", "RemoteIPType", "RemotePort") == [(shown, kind, 0)]


@pytest.mark.parametrize(
    ("status", "sub_status", "reason"),
    [
        ("0xC000006D", "0xC000006A", "InvalidUserNameOrPassword"),
        ("0xc000006d", "0xc0000064", "InvalidUserNameOrPassword"),
        ("0xc000006d", "0x0", "InvalidUserNameOrPassword"),
        ("0xC0000234", "0x0", "0xc0000234"),
        ("0xc000006e", "0xC0000072", "0xc0000072"),
    ],
)
def test_failed_logons(trial: Trial, status: str, sub_status: str, reason: str) -> None:
    trial.take_one("events.json", [nxlog(4625, Status=status, SubStatus=sub_status)])
    assert trial.rows("DeviceLogonEvents", "ActionType", "FailureReason") == [("LogonFailed", reason)]


def test_what_is_no_logon_never_becomes_one(trial: Trial) -> None:
    events = [nxlog(event, number=event) for event in (4634, 4647, 4648, 4672)]
    report = trial.take_one("events.json", events)
    assert report.tables == {"DeviceEvents": 4}
    assert trial.rows("DeviceLogonEvents", "ActionType") == []
    found = trial.rows("DeviceEvents", "ActionType", "AccountName", "LogonId", "InitiatingProcessAccountName")
    assert found == [
        ("ExplicitCredentialsUsed", "ann", 0x3E7A, "PC1$"),
        ("LogonSessionEnded", "ann", 0x3E7A, ""),
        ("SpecialPrivilegesAssigned", "PC1$", 0x3E7, ""),
        ("UserInitiatedLogoff", "ann", 0x3E7A, ""),
    ]


def test_privileges_are_a_list(trial: Trial) -> None:
    trial.take_one("events.json", [nxlog(4672, PrivilegeList="SeDebugPrivilege\r\n\t\t\tSeBackupPrivilege")])
    (extra,) = trial.rows("DeviceEvents", "AdditionalFields")
    assert json.loads(extra) == {
        "EventID": 4672,
        "LogonType": "Interactive",
        "PrivilegeList": ["SeDebugPrivilege", "SeBackupPrivilege"],
    }


def test_other_events_and_other_logs_are_skipped(trial: Trial) -> None:
    events = [nxlog(4688), nxlog("4688", number=2), nxlog(number=3, Channel="Application"), nxlog(number=4)]
    report = trial.take_one("events.json", events)
    assert (report.rows, report.stored, report.skipped, report.rejected) == (4, 1, 3, 0)


def test_bad_lines(trial: Trial) -> None:
    nameless, idless = nxlog(Hostname="-"), nxlog()
    del idless["EventID"]
    report = trial.take_one(
        "events.json", [nxlog(), "broken", "[]", nameless, "", idless, nxlog(number=2, **{"@timestamp": "x"})]
    )
    assert (report.rows, report.stored, report.rejected) == (6, 1, 5)
    assert [line for line, _ in trial.rejects()] == [2, 3, 4, 6, 7]


def test_the_same_events_twice_change_nothing(trial: Trial) -> None:
    file = trial.write("events.json", [nxlog(number=n) for n in range(3)] + [nxlog(4672, number=9)])
    trial.take(file)
    before, devices = trial.stored_files(), trial.devices()
    assert trial.take(file).total("duplicates") == 4
    assert (trial.stored_files(), trial.devices()) == (before, devices)


def test_events_without_a_record_number_are_compared_whole(trial: Trial) -> None:
    first, other = nxlog(), nxlog(TargetUserName="ben")
    del first["RecordNumber"], other["RecordNumber"]
    report = trial.take_one("events.json", [first, first, other])
    assert (report.stored, report.duplicates) == (2, 1)


def test_names_are_compared_without_case_and_whole(trial: Trial) -> None:
    events = [nxlog(number=n, Hostname=name) for n, name in enumerate(["pc1", "PC1", "PC1.corp.example"])]
    trial.take_one("events.json", events)
    assert set(trial.devices()) == {derived_id("pc1"), derived_id("pc1.corp.example")}


class TestIdentity:
    """Which device a name in a log stands for."""

    def test_a_known_device_of_that_name(self, trial: Trial) -> None:
        trial.take_one("blob.json", [record(DeviceName=NAME.upper())])
        trial.take_one("events.json", [nxlog()])
        assert set(trial.rows("DeviceLogonEvents", "DeviceId")) == {"a" * 40}
        assert list(trial.devices()) == ["a" * 40]

    def test_within_one_import_whatever_the_order_of_files(self, trial: Trial) -> None:
        events, blob = trial.write("a-events.json", [nxlog()]), trial.write("b-blob.json", [record(DeviceName=NAME)])
        trial.take(events, blob)
        assert list(trial.devices()) == ["a" * 40]

    def test_two_devices_of_that_name_are_neither(self, trial: Trial) -> None:
        trial.take_one("blob.json", [record(DeviceName=NAME), record(DeviceName=NAME, DeviceId="b" * 40)])
        trial.take_one("events.json", [nxlog()])
        assert set(trial.devices()) == {"a" * 40, "b" * 40, derived_id(NAME)}

    def test_what_was_decided_once_stays(self, trial: Trial) -> None:
        file = trial.write("events.json", [nxlog()])
        trial.take(file)
        trial.take_one("blob.json", [record(DeviceName=NAME)])
        assert trial.take(file).total("duplicates") == 1
        assert set(trial.devices()) == {"a" * 40, derived_id(NAME)}
