"""Old names lead to names of today, and are the facts that were collected."""

from __future__ import annotations

import json
from pathlib import Path

from earmark.kql.defender.renames import OLD_COLUMNS, OLD_TABLES, OLD_VALUES
from earmark.kql.defender.tables import TABLES, Standing, known_tables


def test_every_new_table_is_of_today() -> None:
    for rename in OLD_TABLES.values():
        for new in rename.new:
            assert known_tables()[new].standing is Standing.CURRENT, rename.old


def test_every_new_column_is_one_of_the_tables_it_is_of() -> None:
    for rename in OLD_COLUMNS.values():
        for table in rename.tables or TABLES:
            if rename.new[0] in dict(TABLES[table]):
                break
        else:
            raise AssertionError(f"no table has {rename.new[0]}")


def test_every_changed_value_is_of_a_known_column() -> None:
    for value in OLD_VALUES:
        for table in value.tables:
            assert value.column in dict(TABLES[table]), value.old


def test_the_names_are_those_collected(shared: Path) -> None:
    facts = json.loads((shared / "defender" / "renames.json").read_text(encoding="utf-8"))
    for fact in facts["tables"]:
        new = fact["new"] if isinstance(fact["new"], list) else [fact["new"]]
        # AlertEvents became DeviceAlertEvents, which was split in its turn: the way is told to its end.
        assert set(OLD_TABLES[fact["old"]].new) == set(new) or fact["old"] == "AlertEvents"
    assert {fact["old"]: (fact["new"],) for fact in facts["columns"]} == {r.old: r.new for r in OLD_COLUMNS.values()}
    collected = {(fact["column"], fact["old"], fact["new"]) for fact in facts["values"]}
    assert collected == {(value.column, value.old, value.new) for value in OLD_VALUES}


def test_the_reference_names_every_table_and_old_name() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
    assert [name for name in (*TABLES, *OLD_TABLES, *OLD_COLUMNS) if f"`{name}`" not in page] == []
