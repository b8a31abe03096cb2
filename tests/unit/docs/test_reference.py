"""The pages of reference say what the code says: no more, no less."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from earmark.cli.main import COMMANDS, earmark
from earmark.errors import ExitCode
from earmark.estates.defender.quota import LIMITS
from earmark.kql.compiler.aggregates import AGGREGATES
from earmark.kql.compiler.functions import FUNCTIONS
from earmark.kql.compiler.functions.rows import WINDOWS
from earmark.kql.compiler.operators import OPERATORS, SOURCES
from earmark.kql.compiler.refusals import INSTEAD, spoken
from earmark.model.ledger import What
from earmark.model.plan import ApprovalState, ChangeAction, Reason
from earmark.model.run import FlowState
from earmark.project.load import load_project
from earmark.project.settings import EngineKind, Mode
from earmark.store.schema import metadata
from tests.unit.docs.console import ROOT, read_blocks

ARG_AGGREGATES = {"arg_max", "arg_min", "argmax", "argmin"}
"""They take whole rows, so they are compiled in `operators/summarize.py` and not by a mapping."""
REFERENCE = ROOT / "docs" / "reference"


def _page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def _section(page: str, title: str) -> str:
    """The part of a page under a heading, up to the next heading of that level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {title!r}"
    return found[2]


def _first_cells(text: str) -> list[str]:
    """What stands in backticks in the first cells of a section's tables."""
    return [name for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)]


def _named(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def _same(kind: str, page: Iterable[str], code: Iterable[str]) -> None:
    documented, real = set(page), set(code)
    assert documented == real, f"{kind}: to add {sorted(real - documented)}, to take out {sorted(documented - real)}"


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        if name == "earmark":
            yield name, command
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _commands(found, f"{name} {child}")
    else:
        yield name, command


ALL = dict(_commands(earmark, "earmark"))


def test_every_command_has_a_heading() -> None:
    assert len(ALL) > len(COMMANDS)
    _same("cli.md", re.findall(r"^## (earmark.*)$", _page("cli.md"), re.MULTILINE), ALL)


@pytest.mark.parametrize("name", ALL)
def test_options_and_arguments_of_a_command(name: str) -> None:
    section, command = _section(_page("cli.md"), name), ALL[name]
    options = {p.opts[0]: p for p in command.params if isinstance(p, click.Option)}
    _same(name, [cell.split()[0] for cell in _first_cells(section)], options)
    for option in options.values():
        assert option.help is not None
        assert option.help.rstrip(".") in section
    context = click.Context(command)
    arguments = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *arguments])
    assert name == "earmark" or f"`{usage}`" in section


def test_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", _page("exit-codes.md"), re.MULTILINE)
    _same("exit-codes.md", [f"{number} {name}" for number, name in rows], [f"{c.value} {c.name}" for c in ExitCode])


def test_every_reason() -> None:
    _same("plan-file.md", _first_cells(_section(_page("plan-file.md"), "Reasons")), Reason)


@pytest.mark.parametrize("words", [ApprovalState, ChangeAction, FlowState])
def test_words_of_a_plan(words: type[ApprovalState | ChangeAction | FlowState]) -> None:
    assert {word.value for word in words} <= set(_named(_page("plan-file.md")))


def test_operators_of_kql() -> None:
    names = {"getschema" if (word := spoken(kind)) == "get-schema" else word for kind in OPERATORS}
    before, at_head = _section(_page("kql.md"), "Operators").split("At the head")
    _same("operators", _named(before), names | {"order", "limit", "filter"})
    heads = {"datatable" if (word := spoken(kind)) == "data-table" else word for kind in SOURCES}
    assert heads <= set(_named(at_head))


def test_functions_of_kql() -> None:
    listed = _section(_page("kql.md"), "Functions").split("Among the operators")[0]
    _same("functions", _named(listed), {*FUNCTIONS, *WINDOWS})


def test_aggregates_of_kql() -> None:
    _same("aggregates", _named(_section(_page("kql.md"), "Aggregates of summarize")), {*AGGREGATES, *ARG_AGGREGATES})


def test_what_to_write_instead() -> None:
    _same("kql.md", _first_cells(_section(_page("kql.md"), "Not known yet, and what to write instead")), INSTEAD)


def test_every_quota() -> None:
    rows = re.findall(r"^\| (`.*?`) \|[^|]*\| ([\d,]*) \| ([\d,]*) ?\|", _page("quotas.md"), re.MULTILINE)
    said = {
        name: [int(number.replace(",", "")) for number in limits if number]
        for names, *limits in rows
        for name in _named(names)
    }
    assert said == {name: [limit.calls for limit in limits] for name, limits in LIMITS.items()}


def test_tables_of_the_state() -> None:
    before_entries = _page("state.md").split("## What an entry says")[0]
    _same("state.md", _first_cells(before_entries), {*metadata.tables, "alembic_version"})


def test_entries_of_the_ledger() -> None:
    _same("state.md", _first_cells(_section(_page("state.md"), "What an entry says")), What)


def test_readme_shows_the_shipped_flow_and_settings_that_are_taken(tmp_path: Path) -> None:
    blocks = read_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    flow, settings = (b.text for b in blocks if b.language == "yaml")
    shipped = Path(ROOT / "src/earmark/project/templates/flows/executive.yaml").read_text(encoding="utf-8")
    assert YAML(typ="safe").load(flow) == YAML(typ="safe").load(shipped)
    (tmp_path / "earmark.yaml").write_text(settings, encoding="utf-8")
    read = load_project(tmp_path, environment={}).settings
    assert (read.engine, read.mode) == (EngineKind.GRAPH, Mode.OBSERVE)
