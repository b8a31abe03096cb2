"""Facts about how people and machines behave in the written files."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

from tests.unit.simulate.conftest import Simulated
from tests.unit.simulate.plain import instant, most_frequent, read_security_events


def test_the_shut_laptop_sends_nothing_for_three_working_weeks(simulated: Simulated) -> None:
    name = simulated.truth["story"]["shut"]["name"]
    instants = sorted(
        instant(row["Timestamp"]) for _, row in simulated.rows if row.get("DeviceName") == name and "ReportId" in row
    )
    longest = max(after - before for before, after in pairwise(instants))
    assert longest > timedelta(days=21)


def test_the_changed_laptop_has_one_user_before_and_another_after(simulated: Simulated) -> None:
    changed = simulated.truth["story"]["changed"]
    handover = instant(simulated.truth["story"]["days"]["laptop_handed_over"] + "T00:00:00Z")
    users = Counter(
        (x["account"], x["at"] >= handover) for x in simulated.logons if x["device"] == changed["name"] and x["ok"]
    )
    assert users[changed["from"], False] > 10
    assert users[changed["to"], True] > 10
    assert not users[changed["from"], True]
    assert not users[changed["to"], False]


def test_people_work_on_weekdays_and_in_daylight_of_their_own_site(simulated: Simulated) -> None:
    staff = {
        d["name"] for d in simulated.truth["devices"] if d["role"] == "staff laptop" and d["name"].startswith("sin-")
    }
    assert staff
    local = [x["at"] + timedelta(hours=8) for x in simulated.logons if x["device"] in staff and x["kind"] == "Unlock"]
    assert local
    assert all(at.weekday() < 5 and 6 <= at.hour < 20 for at in local)


def test_desks_and_kiosks_are_shared_and_laptops_are_not(simulated: Simulated) -> None:
    roles = {d["name"]: d["role"] for d in simulated.truth["devices"]}
    people: dict[str, set[str]] = {}
    for logon in simulated.logons:
        if logon["ok"] and logon["kind"] == "Interactive" and "." in logon["account"]:
            people.setdefault(logon["device"], set()).add(logon["account"])
    assert all(len(found) >= 5 for name, found in people.items() if roles[name] in ("kiosk", "reception desk"))
    assert all(
        len(found) <= 2 for name, found in people.items() if roles[name] == "executive laptop" and "l02" not in name
    )


def test_assistants_log_on_to_their_executives_laptops_but_seldom(simulated: Simulated) -> None:
    first = simulated.truth["devices"][0]["name"]
    accounts = Counter(
        x["account"] for x in simulated.logons if x["device"] == first and x["kind"] == "Interactive" and x["ok"]
    )
    people = [n for account, n in accounts.most_common() if "." in account]
    assert len(people) == 2
    assert people[0] > 2 * people[1] > 0


def test_domain_controllers_see_kerberos_logons_of_nearly_everybody(simulated: Simulated) -> None:
    controllers = {d["name"] for d in simulated.truth["devices"] if d["role"] == "domain controller"}
    accounts = {
        fields["TargetUserName"]
        for _, machine, event_id, fields in read_security_events(simulated.folder)
        if machine in controllers and event_id == 4624 and fields["LogonProcessName"] == "Kerberos"
    }
    assert sum(a.endswith("$") for a in accounts) > 40
    assert sum(not a.endswith("$") for a in accounts) > 40


def test_window_managers_and_linked_tokens_are_there(simulated: Simulated) -> None:
    rows = [row for table, row in simulated.rows if table == "DeviceLogonEvents"]
    names = {row["AccountName"] for row in rows if row["LogonType"] == "Interactive"}
    assert {"DWM-1", "UMFD-0", "UMFD-1"} <= names
    moments = Counter(
        (row["DeviceId"], row["Timestamp"], row["AccountName"]) for row in rows if "." in row["AccountName"]
    )
    assert max(moments.values()) == 2
    linked = [
        f
        for *_, event_id, f in read_security_events(simulated.folder)
        if event_id == 4624 and f["TargetLinkedLogonId"] != "0x0"
    ]
    assert linked


def test_some_moment_is_never_a_day_away_from_the_newest_logon(simulated: Simulated) -> None:
    """So that no hunt of the demo is incomplete for want of fresh data."""
    instants = sorted(instant(row["Timestamp"]) for table, row in simulated.rows if table == "DeviceLogonEvents")
    assert max(after - before for before, after in pairwise(instants)) < timedelta(hours=6)


def test_failures_come_in_a_burst_at_night(simulated: Simulated) -> None:
    burst = simulated.truth["story"]["failed_logons"]
    instants = [
        x["at"]
        for x in simulated.logons
        if not x["ok"] and x["device"] == burst["name"] and x["account"] == burst["account"]
    ]
    assert len(instants) == 60
    assert max(instants) - min(instants) < timedelta(minutes=10)
    assert {at.hour for at in instants} == {2}


def test_no_executive_is_ever_first_on_the_loan_laptop(simulated: Simulated) -> None:
    loan = simulated.truth["story"]["tagged_by_hand"]["name"]
    for moment in simulated.truth["moments"]:
        _, accounts = most_frequent(simulated.logons, instant(moment["now"])).get(loan, (0, set()))
        assert all(account.startswith("adm-") for account in accounts)
