from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from earmark.errors import ProjectError, UsageError
from earmark.kql.base import Tables
from earmark.model.flow import Action, Flow, TagRule
from earmark.model.guard import GuardLimits
from earmark.model.trigger import Cron, Frequency, OnDemand, Recurrence, Trigger
from earmark.project.load import check_project, load_project
from earmark.project.project import Project
from earmark.project.settings import Mode
from tests.unit.project.fakes import FakeKql
from tests.unit.project.projects import FLOW, QUERY, SETTINGS, make_project


def load(folder: Path, env: str | None = None, **environment: str) -> Project:
    return load_project(folder, env=env, analysts=FakeKql, environment=environment)


def flow_of(folder: Path, text: str, **files: str) -> Flow:
    make_project(folder, {"flows/executive.yaml": text, **files})
    project = load(folder)
    assert not project.broken
    return project.flow("executive")


def test_defaults(tmp_path: Path) -> None:
    project = load(make_project(tmp_path))
    flow = project.flow("executive")
    assert flow.trigger == OnDemand()
    assert flow.hunt.query == QUERY
    assert flow.hunt.window == timedelta(days=7)
    assert flow.tag == TagRule(value="Executive")
    assert flow.guard == GuardLimits()
    assert project.settings.state == f"sqlite:{(tmp_path / '.earmark/state.db').as_posix()}"
    assert project.settings.estate.path == tmp_path / "estate"
    assert project.settings.evidence.redact == ("AccountName", "AccountUpn")
    assert project.lists["Executives"].rows == (("ceo", "Chief"), ("cfo", "Money"))


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ('{cron: "0 6 * * 0", time_zone: Europe/London}', Cron(expression="0 6 * * 0", time_zone="Europe/London")),
        (
            '{recurrence: {frequency: week, interval: 1, days: [sunday], at: ["06:00"], time_zone: Europe/London, '
            "start: 2026-01-04}}",
            Recurrence(
                frequency=Frequency.WEEK,
                days=(6,),
                at=((6, 0),),
                time_zone="Europe/London",
                start=datetime(2026, 1, 4),
            ),
        ),
        (
            "{recurrence: {frequency: day, at: [18:30, 6:00]}}",
            Recurrence(frequency=Frequency.DAY, at=((6, 0), (18, 30))),
        ),
        (
            "{recurrence: {frequency: Week, interval: 2, timeZone: GMT Standard Time, startTime: 2026-01-04T06:15:00, "
            'schedule: {weekDays: [Sunday, Monday], hours: ["18", 6]}}}',
            Recurrence(
                frequency=Frequency.WEEK,
                interval=2,
                days=(0, 6),
                at=((6, 15), (18, 15)),
                time_zone="Europe/London",
                start=datetime(2026, 1, 4, 6, 15),
            ),
        ),
        (
            "{recurrence: {frequency: day, time_zone: Europe/Paris, start: 2026-07-01T06:00:00+01:00}}",
            Recurrence(frequency=Frequency.DAY, time_zone="Europe/Paris", start=datetime(2026, 7, 1, 7)),
        ),
        (
            "{recurrence: {frequency: Day, timeZone: W. Europe Standard Time, startTime: 2026-07-01T06:00:00Z}}",
            Recurrence(frequency=Frequency.DAY, time_zone="UTC", start=datetime(2026, 7, 1, 6)),
        ),
    ],
)
def test_triggers(text: str, trigger: Trigger, tmp_path: Path) -> None:
    assert flow_of(tmp_path, FLOW.replace("{on_demand: true}", text)).trigger == trigger


def test_a_template_takes_its_values_from_a_list(tmp_path: Path) -> None:
    tag = '"Account: {AccountName}"\n  values: {list: Executives, column: AccountName}\n  action: add'
    rule = flow_of(tmp_path, FLOW.replace("Executive\n", tag + "\n")).tag
    assert rule.values == ("ceo", "cfo")
    assert rule.action is Action.ADD


def test_expiry_is_an_instant_or_a_duration(tmp_path: Path) -> None:
    dated = flow_of(tmp_path / "a", FLOW + "  expires: 2026-12-31\n").tag
    assert (dated.expires_at, dated.expires_after) == (datetime(2026, 12, 31, tzinfo=UTC), None)
    timed = flow_of(tmp_path / "b", FLOW + "  expires: 90d\n").tag
    assert (timed.expires_at, timed.expires_after) == (None, timedelta(days=90))


def test_a_list_is_itself_a_query(tmp_path: Path) -> None:
    text = FLOW.replace(f"query: {QUERY}", "list: Laptops")
    flow = flow_of(tmp_path, text, **{"lists/Laptops.csv": "DeviceId\nd1\n"})
    assert flow.hunt.query == "Laptops"
    assert flow.hunt.window == timedelta(days=30)
    assert check_project(tmp_path, analysts=FakeKql, environment={}) == []


def test_guard_and_settings_complete_each_other(tmp_path: Path) -> None:
    settings = SETTINGS + "guard: {max_additions: 7, max_removal_share: 5%}\nmode: observe\n"
    make_project(tmp_path, {"earmark.yaml": settings, "flows/executive.yaml": FLOW + "guard: {max_additions: 9}\n"})
    project = load(tmp_path)
    assert project.settings.mode is Mode.OBSERVE
    assert project.flow("executive").guard == GuardLimits(max_additions=9, max_removal_share=0.05)


def test_an_environment_is_laid_over_key_by_key(tmp_path: Path) -> None:
    base = SETTINGS + "guard: {max_additions: 7, max_removals: 3}\nstate: sqlite:${env:MISSING}/state.db\n"
    over = "mode: observe\nguard: {max_removals: 1}\nstate: sqlite:${env:WHERE}/test.db\n"
    make_project(tmp_path, {"earmark.yaml": base, "earmark.test.yaml": over})
    settings = load(tmp_path, "test", WHERE="/srv").settings
    assert (settings.guard.max_additions, settings.guard.max_removals) == (7, 1)
    assert settings.state == "sqlite:/srv/test.db"
    assert settings.mode is Mode.OBSERVE


TENANT = "estate: {kind: defender, tenant: contoso.com, sign_in: {method: cli}}\nhunting: graph\nmode: observe\n"
EMBEDDED = "estate: {kind: embedded, path: estate}\nhunting: local\nmode: apply\n"


@pytest.mark.parametrize(("below", "over"), [(TENANT, EMBEDDED), (EMBEDDED, TENANT)])
def test_an_environment_may_have_another_kind_of_estate(tmp_path: Path, below: str, over: str) -> None:
    state = "state: sqlite:.earmark/state.db\n"
    make_project(tmp_path, {"earmark.yaml": below + state, "earmark.test.yaml": over + state})
    settings = load(tmp_path, "test").settings
    assert settings.estate.kind == ("embedded" if over is EMBEDDED else "defender")
    assert (settings.estate.defender is None) == (over is EMBEDDED)


def test_findings_point_into_the_environment_s_file(tmp_path: Path) -> None:
    make_project(tmp_path, {"earmark.test.yaml": "# test\nlimits:\n  rows: many\n"})
    (finding,) = check_project(tmp_path, env="test", analysts=FakeKql, environment={})
    assert (finding.file, finding.line, finding.column, finding.code) == ("earmark.test.yaml", 3, 9, "EM203")


@pytest.mark.parametrize("env", ["absent", "../x", "", "a/b"])
def test_an_environment_that_is_not_there(env: str, tmp_path: Path) -> None:
    make_project(tmp_path)
    (finding,) = check_project(tmp_path, env=env, analysts=FakeKql, environment={})
    assert finding.code in ("EM001", "EM008")
    with pytest.raises(ProjectError):
        load(tmp_path, env)


def test_references_are_resolved_and_never_shown(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "mode").write_text("sesame\n")
    make_project(tmp_path, {"earmark.yaml": SETTINGS + "mode: ${file:secrets/mode}\nstate: ${env:STATE}\n"})
    findings = check_project(tmp_path, analysts=FakeKql, environment={"STATE": "open-sesame"})
    assert sorted(finding.code for finding in findings) == ["EM204", "EM305"]
    assert "sesame" not in repr(findings)
    with pytest.raises(ProjectError) as caught:
        load(tmp_path, STATE="open-sesame")
    assert "sesame" not in str(caught.value)


def test_a_broken_flow_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = FLOW.replace("flow: executive", "flow: bad").replace("value: Executive", "valu: Bad")
    project = load(make_project(tmp_path, {"flows/bad.yaml": bad, "flows/worse.yaml": "{"}))
    assert set(project.flows) == {"executive"}
    assert set(project.broken) == {"flows/bad.yaml", "flows/worse.yaml"}
    with pytest.raises(ProjectError, match=r"flow `bad` cannot be used:\nflows/bad\.yaml:5:1 EM202") as caught:
        project.flow("bad")
    assert "earmark check" in caught.value.hint
    with pytest.raises(UsageError, match=r"no flow `executiv`\. Did you mean `executive`"):
        project.flow("executiv")


def test_what_all_flows_share_stops_everything(tmp_path: Path) -> None:
    make_project(tmp_path, {"tags.yaml": "tags: 3\n", "earmark.yaml": "estate: {}\n", "lists/A.csv": "A,A\n1,2\n"})
    with pytest.raises(ProjectError) as caught:
        load(tmp_path)
    assert [line.split()[1] for line in str(caught.value).splitlines()[1:]] == ["EM202", "EM602", "EM203"]


def test_two_owners_of_one_tag_are_both_set_aside(tmp_path: Path) -> None:
    project = load(make_project(tmp_path, {"flows/second.yaml": FLOW.replace("flow: executive", "flow: second")}))
    assert not project.flows
    assert set(project.broken) == {"flows/executive.yaml", "flows/second.yaml"}


def test_check_of_some_flows_asks_only_for_their_queries(tmp_path: Path) -> None:
    second = FLOW.replace("flow: executive", "flow: second").replace("Executive", "Second").replace("7d", "8d")
    make_project(tmp_path, {"flows/second.yaml": second.replace("project", "where WRONG | project")})
    fakes: list[FakeKql] = []

    def analysts(tables: object) -> FakeKql:
        fakes.append(FakeKql({}))
        return fakes[-1]

    assert check_project(tmp_path, flows=["executive"], analysts=analysts, environment={}) == []
    assert fakes[0].asked == [QUERY]
    with pytest.raises(UsageError, match="Did you mean `second`"):
        check_project(tmp_path, flows=["secnd"], analysts=analysts, environment={})


def test_a_query_in_both_places_has_the_same_digest(tmp_path: Path) -> None:
    block = FLOW.replace(f"query: {QUERY}", f"query: |\n    {QUERY}\n\n")
    file = FLOW.replace(f"query: {QUERY}", "file: executive.kql")
    flows = [
        flow_of(tmp_path / "a", FLOW),
        flow_of(tmp_path / "b", "# comment\n" + block),
        flow_of(tmp_path / "c", file, **{"flows/executive.kql": QUERY + "\r\n"}),
        flow_of(tmp_path / "d", FLOW + "description: x\nowner: y\nguard: {max_additions: 500}\nsilent: keep\n"),
    ]
    assert len({flow.query_digest for flow in flows}) == 1
    assert len({flow.flow_digest for flow in flows}) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ago(7d)", "ago(8d)"),
        ("on_demand: true", 'cron: "0 6 * * 0"'),
        ("tag:\n", "tag:\n  keep_for: 1d\n"),
        ("tag:\n", "tag:\n  adopt: all\n"),
        ("tag:\n", "tag:\n  expires: 90d\n"),
        ("hunt:\n", "hunt:\n  window: 8d\n"),
        ("hunt:\n", "hunt:\n  evidence: [AccountName]\n"),
        ("tag:\n", "silent: remove\ntag:\n"),
        ("tag:\n", "approval: always\ntag:\n"),
        ("tag:\n", "guard: {max_removals: 1}\ntag:\n"),
    ],
)
def test_what_decides_moves_the_digest(old: str, new: str, tmp_path: Path) -> None:
    before, after = flow_of(tmp_path / "a", FLOW), flow_of(tmp_path / "b", FLOW.replace(old, new))
    assert before.flow_digest != after.flow_digest
    assert (before.query_digest == after.query_digest) is (old != "ago(7d)")


def test_a_list_that_the_query_reads_moves_its_digest(tmp_path: Path) -> None:
    text = FLOW.replace("| project", "| where AccountName in (Executives) | project")
    first = flow_of(tmp_path / "a", text)
    other = flow_of(tmp_path / "b", text, **{"lists/Executives.csv": "AccountName,Name\nceo,Chief\ncto,Money\n"})
    unread = flow_of(tmp_path / "c", text, **{"lists/Other.csv": "A\n1\n"})
    assert first.query_digest != other.query_digest
    assert first.query_digest == unread.query_digest


def test_the_guard_of_the_settings_moves_the_digest(tmp_path: Path) -> None:
    before = flow_of(tmp_path / "a", FLOW)
    after = flow_of(tmp_path / "b", FLOW, **{"earmark.yaml": SETTINGS + "guard: {max_additions: 1}\n"})
    assert before.flow_digest != after.flow_digest


def test_queries_are_analysed_when_a_flow_is_asked_for_and_then_once(tmp_path: Path) -> None:
    asked: list[FakeKql] = []

    def analyst(tables: Tables) -> FakeKql:
        asked.append(FakeKql(tables))
        return asked[-1]

    broken = FLOW.replace("flow: executive", "flow: other").replace("Executive", "Other").replace("project", "WRONG")
    project = load_project(make_project(tmp_path, {"flows/other.yaml": broken}), analysts=analyst, environment={})
    assert {name: rule.value for name, rule in project.tag_rules.items()} == {
        "executive": "Executive",
        "other": "Other",
    }
    assert not asked
    assert set(project.flows) == {"executive"}
    assert set(project.broken) == {"flows/other.yaml"}
    assert project.flow("executive").tag == project.tag_rules["executive"]
    assert len(asked) == 1
