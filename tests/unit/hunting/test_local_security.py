from __future__ import annotations

import json
from pathlib import Path

import pytest

from earmark.errors import HuntError
from earmark.hunting.local_session import Session, open_session
from earmark.model.hunt import Column, ListTable
from tests.unit.hunting.conftest import Hunt, logon

HOSTILE = ("'; DROP TABLE v1; --", '"', "\\", "%_", "$$", "\u2028", "{0}", "NULL", "x' OR '1'='1", "\x7f")


@pytest.mark.parametrize(
    "query",
    [
        "['/etc/passwd'] | take 1",
        "['/etc/passwd.csv'] | take 1",
        "['events/**/*.parquet'] | count",
        "['v1'] | take 1",
        "['information_schema.tables'] | take 1",
        "duckdb_settings | take 1",
        "externaldata(a:string)['/etc/passwd']",
        "externaldata(a:string)[h@'https://example.com/x.csv'] with (format='csv')",
        "print read_text('/etc/passwd')",
        "read_csv('/etc/passwd') | take 1",
        "cluster('x').database('y').DeviceInfo | take 1",
        "evaluate http_request('https://example.com')",
        "print getvariable('x')",
        "DeviceInfo | project ['DeviceId\"; DROP TABLE v1; --']",
        "let f = () { externaldata(a:string)['/etc/passwd'] }; f() | take 1",
    ],
)
def test_a_query_reads_nothing_but_the_estate(hunt: Hunt, query: str) -> None:
    with pytest.raises(HuntError, match=r"^\d+:\d+ (KS|EK)\d+ "):
        hunt(query, DeviceInfo=[logon(1)])


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "expression",
    [
        "r = {0}",
        "r = strcat({0}, '')",
        "r = tostring(dynamic([{0}])[0])",
        "r = tostring(pack_array({0})[0])",
        "r = tostring(bag_pack('k', {0}).k)",
        "r = tostring(parse_json(tostring(pack_array({0})))[0])",
        "r = iff({0} in ({0}), {0}, 'no')",
        "r = iff({0} has {0} and {0} contains {0} and {0} startswith {0} and {0} =~ {0}, {0}, 'no')",
        "r = replace_string('a', 'a', {0})",
        "r = coalesce('', {0})",
    ],
)
def test_a_literal_is_never_more_than_text(hunt: Hunt, expression: str, text: str) -> None:
    result = hunt("print " + expression.replace("{0}", json.dumps(text, ensure_ascii=False)))

    assert result.rows == ((text,),)


@pytest.mark.parametrize(
    "query",
    [
        "print r = datetime(2020-01-01'); DROP TABLE v1; --)",
        "print r = guid(x' OR 1=1)",
        "print r = timespan(1d'; --)",
        "print r = long(1; DROP)",
        "print r = real(1e'--)",
        "print r = bool(true' OR)",
        'print r = format_datetime(now(), "yyyy\'; DROP TABLE v1; --")',
        'print r = datetime_add("day\'; --", 1, now())',
    ],
)
def test_a_literal_that_is_none_is_refused(hunt: Hunt, query: str) -> None:
    with pytest.raises(HuntError):
        hunt(query)


def test_names_of_columns_and_keys_are_never_more_than_names(hunt: Hunt) -> None:
    result = hunt(
        'print d = dynamic({"a\'; DROP TABLE v1; --": 1, "b\\"": 2}) '
        "| extend ['x\"; DROP TABLE v1; --'] = d[\"a'; DROP TABLE v1; --\"], y = d['b\"'], z = d[\"q' OR '1'='1\"] "
        "| project-away d"
    )

    assert result.columns[0].name == 'x"; DROP TABLE v1; --'
    assert result.rows == ((1, 2, None),)


def test_a_lists_names_and_cells_are_never_more_than_text(hunt: Hunt) -> None:
    name, column = "My \"list'; --", "A\"b'; DROP TABLE v1; --"
    hostile = ListTable(columns=(Column(name=column, type="string"),), rows=tuple((cell,) for cell in HOSTILE))
    quoted = "['My \"list\\'; --']"
    result = hunt(f"{quoted} | count", lists={name: hostile})
    cells = hunt(quoted, lists={name: hostile})

    assert result.rows == ((len(HOSTILE),),)
    assert cells.columns[0].name == column
    assert sorted(row[0] for row in cells.rows) == sorted(HOSTILE)


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    for folder in ("events", "events-2", "secret"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file.csv").write_text("a\n1\n")
    (tmp_path / "events" / "link").symlink_to(tmp_path / "secret")
    return tmp_path


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT content FROM read_text('{root}/secret/file.csv')",
        "SELECT content FROM read_text('{root}/events-2/file.csv')",
        "SELECT content FROM read_text('{root}/events/../secret/file.csv')",
        "SELECT content FROM read_text('{root}/events/link/file.csv')",
        "SELECT * FROM glob('{root}/secret/*')",
        "COPY (SELECT 1) TO '{root}/secret/out.csv'",
        "ATTACH '{root}/secret/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM 'https://example.com/x.parquet'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
    ],
)
def test_the_engine_itself_is_locked(locked: Path, sql: str) -> None:
    with open_session(events_folder=locked / "events", temp=None, memory=10**9) as session:
        session.lock([])
        fetched = session.fetch(sql.replace("{root}", str(locked)), rows=1, seconds=30)

    assert fetched.rows == []
    assert fetched.why_not is not None
    assert not (locked / "secret" / "out.csv").exists()


def test_the_events_folder_can_be_read(locked: Path) -> None:
    def rows(session: Session) -> list[tuple[object, ...]]:
        return session.fetch(f"SELECT a FROM read_csv('{locked}/events/file.csv')", rows=5, seconds=30).rows

    with open_session(events_folder=locked / "events", temp=None, memory=10**9) as session:
        session.lock([])
        assert rows(session) == [(1,)]
