"""Windows Security events about logons, as JSON lines of NXLog (flat fields) and of Winlogbeat 6 and 7 (fields under
`event_data` or `winlog.event_data`); one reader, because a value is simply looked for in each place.

4624 and 4625 become rows of DeviceLogonEvents. 4634, 4647, 4648 and 4672 are no logons and become rows of
DeviceEvents under names of our own. `docs/reference/import.md` has the mapping and its sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from earmark.estates.embedded.physical import quoted
from earmark.estates.embedded.readers.base import Lines, Taken
from earmark.estates.embedded.staging import Source, Stage

LOGON_TYPES = MappingProxyType(
    {
        "0": "System",
        "2": "Interactive",
        "3": "Network",
        "4": "Batch",
        "5": "Service",
        "7": "Unlock",
        "8": "NetworkCleartext",
        "9": "NewCredentials",
        "10": "RemoteInteractive",
        "11": "CachedInteractive",
        "12": "CachedRemoteInteractive",
        "13": "CachedUnlock",
    }
)
"""Windows' numbers and Defender's names for them; another number stays a number."""

ACTIONS = MappingProxyType(
    {
        "4624": ("DeviceLogonEvents", "LogonSuccess"),
        "4625": ("DeviceLogonEvents", "LogonFailed"),
        "4634": ("DeviceEvents", "LogonSessionEnded"),
        "4647": ("DeviceEvents", "UserInitiatedLogoff"),
        "4648": ("DeviceEvents", "ExplicitCredentialsUsed"),
        "4672": ("DeviceEvents", "SpecialPrivilegesAssigned"),
    }
)
"""Event id → table and ActionType."""

_WRONG_PASSWORD = ("0xc000006a", "0xc0000064", "0xc000006d")
"""STATUS_WRONG_PASSWORD, STATUS_NO_SUCH_USER, STATUS_LOGON_FAILURE."""
_HEAD = {
    "event": ("EventID", "event_id", "winlog.event_id"),
    "computer": ("Hostname", "Computer", "computer_name", "winlog.computer_name"),
    "time": ("@timestamp", "TimeCreated"),
    "channel": ("Channel", "log_name", "winlog.channel"),
    "record": ("RecordNumber", "record_number", "winlog.record_id"),
}
_DATA = """
  TargetUserName TargetDomainName TargetUserSid TargetLogonId TargetServerName TargetLinkedLogonId
  SubjectUserName SubjectDomainName SubjectUserSid SubjectLogonId LogonType LogonProcessName LogonGuid
  AuthenticationPackageName LmPackageName WorkstationName IpAddress IpPort ProcessId ProcessName Status SubStatus
  ElevatedToken PrivilegeList
""".strip()
_DATA_NAMES = tuple(re.split(r"\s+", _DATA))
_SUBJECT = "event = '4672'"

_MACROS = """
CREATE OR REPLACE MACRO said(x) AS nullif(nullif(trim(x), '-'), '');
CREATE OR REPLACE MACRO hex(x) AS CAST(TRY_CAST(x AS UBIGINT) AS VARCHAR);
CREATE OR REPLACE MACRO address(x) AS CASE WHEN lower(x) LIKE '::ffff:%.%' THEN x[8:] ELSE x END;
CREATE OR REPLACE MACRO address_type(x) AS CASE
  WHEN x IS NULL THEN NULL
  WHEN x = '::1' OR x LIKE '127.%' THEN 'Loopback'
  WHEN regexp_matches(x, '^(10\\.|192\\.168\\.|172\\.(1[6-9]|2\\d|3[01])\\.)') THEN 'Private'
  WHEN regexp_matches(lower(x), '^f[cd][0-9a-f]{2}:') THEN 'Private'
  WHEN regexp_matches(x, '^(169\\.254\\.|0\\.|22[4-9]\\.|2[34]\\d\\.|25[0-5]\\.)') THEN 'Reserved'
  WHEN regexp_matches(lower(x), '^(fe[89ab]|ff)') OR x = '::' THEN 'Reserved'
  WHEN lower(x) LIKE '2001:0:%' THEN 'Teredo'
  ELSE 'Public' END;
"""


class WindowsReader:
    """Reads files, some lines of one at a time."""

    def kind_of(self, beginning: bytes) -> str:
        """Nothing depends on it."""
        return ""

    def at_once(self, kind: str) -> int:
        """One, always."""
        return 1

    def __call__(
        self, lines: Lines, stage: Stage, resolve: Callable[[Iterable[str]], Mapping[str, str]]
    ) -> Sequence[Taken]:
        """Stage the rows of some lines."""
        return [_staged(lines, stage, resolve)]


def _staged(lines: Lines, stage: Stage, resolve: Callable[[Iterable[str]], Mapping[str, str]]) -> Taken:
    stage.connection.execute(_MACROS)
    stage.connection.execute(f"CREATE OR REPLACE TEMP TABLE windows AS {_events_sql(lines.relation)}")
    taken = Taken(rows=stage.rows("SELECT count(*) FROM windows")[0][0])
    taken.rejects = stage.rows("SELECT n, fault FROM windows WHERE fault IS NOT NULL ORDER BY n")
    taken.skipped = stage.rows("SELECT count(*) FROM windows WHERE fault IS NULL AND skip")[0][0]
    names = [
        name
        for (name,) in stage.rows(
            "SELECT DISTINCT computer FROM windows WHERE fault IS NULL AND NOT skip ORDER BY computer"
        )
    ]
    stage.connection.execute("CREATE OR REPLACE TEMP TABLE named(computer VARCHAR, device VARCHAR)")
    if names:
        stage.connection.executemany("INSERT INTO named VALUES (?, ?)", list(resolve(names).items()))
    late = stage.rows('SELECT count(*) FROM windows WHERE fault IS NULL AND NOT skip AND j."@timestamp" IS NULL')[0][0]
    if late:
        taken.warnings["Some events have no @timestamp; their TimeCreated was read as UTC, as Windows records it"] += (
            late
        )
    for table in sorted({table for table, _ in ACTIONS.values()}):
        events = ", ".join(quoted(event) for event, (goal, _) in ACTIONS.items() if goal == table)
        taken_rows = f"fault IS NULL AND NOT skip AND event IN ({events})"
        rows = f"(SELECT * FROM windows JOIN named USING (computer) WHERE {taken_rows})"
        source = Source(relation=rows, texts=_LOGON_COLUMNS if table == "DeviceLogonEvents" else _EVENT_COLUMNS)
        (added,) = stage.add(table, source, files=lines.files)
        taken.staged += added.good
        taken.rejects.extend(added.bad)
    return taken


def _events_sql(relation: str) -> str:
    """The lines as columns: the head of an event and its data, wherever the collector put them."""
    shape: dict[str, object] = {
        "event_data": dict.fromkeys(_DATA_NAMES, "VARCHAR"),
        **dict.fromkeys(_DATA_NAMES, "VARCHAR"),
    }
    inner: dict[str, object] = {"event_data": dict.fromkeys(_DATA_NAMES, "VARCHAR")}
    for places in _HEAD.values():
        for place in places:
            (inner if place.startswith("winlog.") else shape)[place.removeprefix("winlog.")] = "VARCHAR"
    shape["winlog"] = inner
    head = [
        f"coalesce({', '.join('said(j.' + _path(place) + ')' for place in places)}) AS {name}"
        for name, places in _HEAD.items()
    ]
    found = [
        f'coalesce(said(j."{name}"), said(j.event_data."{name}"), said(j.winlog.event_data."{name}")) AS "{name}"'
        for name in _DATA_NAMES
    ]
    known = ", ".join(quoted(event) for event in ACTIONS)
    return f"""
      SELECT *, CASE WHEN j IS NULL THEN 'It is not JSON, or no object.'
          WHEN event IS NULL THEN 'It has no event id (EventID, event_id or winlog.event_id).'
          WHEN skip THEN NULL
          WHEN computer IS NULL THEN 'It has no computer (Hostname, computer_name or winlog.computer_name).'
          WHEN ticks(time) IS NULL
            THEN 'It has no readable @timestamp; EventTime is not used: collectors write it in local time.'
        END AS fault
      FROM (SELECT *, event IS NOT NULL
          AND (event NOT IN ({known}) OR lower(coalesce(channel, 'security')) != 'security') AS skip
        FROM (SELECT n, j, {", ".join(head)}, {", ".join(found)}
          FROM (SELECT n, CASE WHEN TRY(json_type(line)) = 'OBJECT'
              THEN TRY(json_transform(line, {quoted(json.dumps(shape))})) END AS j
            FROM {relation} WHERE line IS NOT NULL AND trim(line) != '')))"""


def _path(place: str) -> str:
    return ".".join(f'"{part}"' for part in place.split("."))


def _choice(of: str, otherwise: str = "NULL") -> str:
    return f"CASE WHEN {_SUBJECT} THEN {otherwise} ELSE {of} END"


def _action_sql() -> str:
    return "CASE event " + " ".join(f"WHEN {quoted(e)} THEN {quoted(a)}" for e, (_, a) in ACTIONS.items()) + " END"


_LOGON_TYPE_SQL = (
    'CASE "LogonType" '
    + " ".join(f"WHEN {quoted(k)} THEN {quoted(v)}" for k, v in LOGON_TYPES.items())
    + ' ELSE "LogonType" END'
)


def _extra_sql(*names: str) -> str:
    """AdditionalFields: JSON text of what the table has no column for; absent values are left out."""
    pairs = ", ".join(
        f"{quoted(name)}, {sql}"
        for name, sql in [("EventID", "CAST(event AS INTEGER)"), *((n, _EXTRA.get(n, f'"{n}"')) for n in names)]
    )
    return f"CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR)"


_EXTRA = {
    "ElevatedToken": "CASE \"ElevatedToken\" WHEN '%%1842' THEN TRUE WHEN '%%1843' THEN FALSE END",
    "PrivilegeList": r"""CASE WHEN "PrivilegeList" != '' THEN regexp_split_to_array("PrivilegeList", '\s+') END""",
    "LogonType": _LOGON_TYPE_SQL,
}
_PROCESS = {
    "InitiatingProcessAccountDomain": '"SubjectDomainName"',
    "InitiatingProcessAccountName": '"SubjectUserName"',
    "InitiatingProcessAccountSid": '"SubjectUserSid"',
    "InitiatingProcessId": 'hex("ProcessId")',
    "InitiatingProcessFileName": r"""regexp_extract("ProcessName", '[^\\/]*$')""",
    "InitiatingProcessFolderPath": '"ProcessName"',
}
_COMMON = {
    "Timestamp": "time",
    "DeviceId": "device",
    "DeviceName": "computer",
    "ActionType": _action_sql(),
    "ReportId": "record",
    "RemoteIP": 'address("IpAddress")',
    "RemotePort": '"IpPort"',
}
_LOGON_COLUMNS = {
    **_COMMON,
    **_PROCESS,
    "LogonType": _LOGON_TYPE_SQL,
    "AccountDomain": '"TargetDomainName"',
    "AccountName": '"TargetUserName"',
    "AccountSid": '"TargetUserSid"',
    "LogonId": 'hex("TargetLogonId")',
    "Protocol": '"AuthenticationPackageName"',
    "RemoteDeviceName": '"WorkstationName"',
    "RemoteIPType": 'address_type(address("IpAddress"))',
    "FailureReason": f"""CASE WHEN event = '4625' THEN CASE
        WHEN lower(coalesce(nullif("SubStatus", '0x0'), "Status"))
          IN ({", ".join(quoted(code) for code in _WRONG_PASSWORD)})
        THEN 'InvalidUserNameOrPassword' ELSE lower(coalesce(nullif("SubStatus", '0x0'), "Status")) END END""",
    "AdditionalFields": _extra_sql(
        "ElevatedToken", "LogonProcessName", "LmPackageName", "LogonGuid", "TargetLinkedLogonId", "Status", "SubStatus"
    ),
}
_EVENT_COLUMNS = {
    **_COMMON,
    **{column: f"CASE WHEN event = '4648' THEN {sql} END" for column, sql in _PROCESS.items()},
    "AccountDomain": _choice('"TargetDomainName"', '"SubjectDomainName"'),
    "AccountName": _choice('"TargetUserName"', '"SubjectUserName"'),
    "AccountSid": _choice('"TargetUserSid"', '"SubjectUserSid"'),
    "LogonId": _choice('hex("TargetLogonId")', 'hex("SubjectLogonId")'),
    "InitiatingProcessLogonId": "CASE WHEN event = '4648' THEN hex(\"SubjectLogonId\") END",
    "RemoteDeviceName": '"TargetServerName"',
    "AdditionalFields": _extra_sql("LogonType", "PrivilegeList", "LogonGuid"),
}
