"""Microsoft's service in the JavaScript engine: what it answers, and what stops it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from earmark.kql.base import Tables
from earmark.kql.compiler.tree import Tree, render_tree
from earmark.kql.language.service import LanguageService, ServiceLimits, ServiceStopped, service_text, with_deep_stack

TABLES: Tables = {"Events": (("When", "datetime"), ("Device", "string"), ("Count", "long"), ("Bag", "dynamic"))}


@pytest.fixture(scope="module")
def service() -> Iterator[LanguageService]:
    loaded = LanguageService()
    yield loaded
    loaded.close()


def test_a_bound_query_has_columns_and_a_tree(service: LanguageService) -> None:
    answer = service.analyze("Events | summarize n = count(), max(When) by Device", TABLES)

    assert answer.diagnostics == ()
    assert answer.columns == (("Device", "string"), ("n", "long"), ("max_When", "datetime"))
    assert answer.tree is not None
    root = Tree(answer.tree).root
    kinds = [node.kind for node in root.walk()]
    assert kinds[0] == "QueryBlock"
    assert "SummarizeOperator" in kinds
    assert "result_name='max_When'" in render_tree(root)


def test_a_fault_has_code_and_place_and_no_tree(service: LanguageService) -> None:
    answer = service.analyze("Events | where Device = 1", TABLES)

    assert [(d.code, d.severity, d.start) for d in answer.diagnostics] == [("KS141", "Error", 15)]
    assert answer.tree is None


def test_tables_may_change_between_questions(service: LanguageService) -> None:
    assert service.analyze("Other", {"Other": (("a", "string"),)}).columns == (("a", "string"),)
    assert service.analyze("Other", TABLES).diagnostics[0].code == "KS142"
    assert service.analyze("Events | count", TABLES).columns == (("Count", "long"),)


def test_literals_have_their_escapes_resolved(service: LanguageService) -> None:
    answer = service.analyze(r"""print a = 'x\x41\u00e9', b = @'\d', c = h'secret'""", TABLES)

    assert answer.tree is not None
    literals = [n.token().value for n in Tree(answer.tree).root.walk() if n.kind == "StringLiteralExpression"]
    assert literals == ["xAé", r"\d", "secret"]


def test_a_called_function_has_its_body_for_these_arguments(service: LanguageService) -> None:
    answer = service.analyze("let f = (T:(Count:long), least:long) { T | where Count > least }; f(Events, 3)", TABLES)

    assert answer.tree is not None
    call = next(n for n in Tree(answer.tree).root.walk() if n.kind == "FunctionCallExpression")
    assert call.parameters == ("T", "least")
    assert call.body is not None
    assert call.body["Expression"].columns == TABLES["Events"]


def test_functions_that_double_share_their_bodies(service: LanguageService) -> None:
    doubling = "".join(f"let f{at} = (a:long) {{ f{at - 1}(a) + f{at - 1}(a) }}; " for at in range(1, 11))
    answer = service.analyze(f"let f0 = (a:long) {{ a }}; {doubling}print f10(1)", TABLES)

    assert answer.tree is not None
    assert len(answer.tree["bodies"]) < 25


def test_a_tree_beyond_the_limits_is_left_out() -> None:
    small = LanguageService(ServiceLimits(nodes=10))
    answer = small.analyze("Events | where Count > 1 and Count > 2 and Count > 3", TABLES)
    small.close()

    assert answer.too_big == "nodes"
    assert answer.tree is None
    assert answer.columns == TABLES["Events"]


def test_after_a_stop_the_service_answers_again() -> None:
    hasty = LanguageService(ServiceLimits(timeout=timedelta(seconds=2)))
    with pytest.raises(ServiceStopped, match="interrupted") as stopped:
        hasty.analyze("[" * 3_000, TABLES)
    assert stopped.value.reason == "time"

    assert hasty.analyze("Events | count", TABLES).columns == (("Count", "long"),)
    hasty.close()


def test_text_that_is_not_text_reaches_the_service_whole(service: LanguageService) -> None:
    answer = service.analyze("print a = '\ud800', b = 'x\0y'", TABLES)

    assert answer.columns == (("a", "string"), ("b", "string"))


def test_the_start_up_change_fits_the_installed_file() -> None:
    assert "Startup.operatorParameter" in service_text()


def test_deep_recursion_has_room() -> None:
    def depth(levels: int) -> int:
        return 0 if levels == 0 else 1 + depth(levels - 1)

    assert with_deep_stack(lambda: depth(10_000)) == 10_000
