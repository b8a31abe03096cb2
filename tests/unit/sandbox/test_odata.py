from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.sandbox.odata import Collection, Kind, ODataFault, Property
from earmark.sandbox.odata_filter import compile_filter
from earmark.sandbox.odata_tokens import instant_key

PROPERTIES = {
    "id": Property(kind=Kind.TEXT),
    "computerDnsName": Property(kind=Kind.TEXT),
    "healthStatus": Property(kind=Kind.CHOICE, choices=("Active", "Inactive")),
    "osBuild": Property(kind=Kind.NUMBER),
    "rbacGroupId": Property(kind=Kind.LOOSE_NUMBER),
    "lastSeen": Property(kind=Kind.INSTANT),
    "isAadJoined": Property(kind=Kind.BOOLEAN),
    "aadDeviceId": Property(kind=Kind.GUID),
    "machineTags": Property(kind=Kind.TEXTS),
    "relatedUser/userName": Property(kind=Kind.TEXT),
    "evidence": Property(kind=Kind.OBJECTS, fields={"entityType": Property(kind=Kind.TEXT)}),
}
ROW: dict[str, Any] = {
    "id": "a1",
    "computerDnsName": "lon-lt05.corp.example",
    "healthStatus": "Active",
    "osBuild": 26100,
    "rbacGroupId": 140,
    "lastSeen": "2026-01-05T08:00:00.1234567Z",
    "isAadJoined": True,
    "aadDeviceId": "80fe8ff8-2624-418e-9591-41f0491218f9",
    "machineTags": ["Executive", "O'Neil", "a, (b)"],
    "relatedUser": {"userName": "kim"},
    "evidence": [{"entityType": "User"}, {"entityType": "File"}],
}
EMPTY: dict[str, Any] = {"id": "b2", "machineTags": [], "lastSeen": None}


@pytest.mark.parametrize(
    "text",
    [
        "healthStatus eq 'Active'",
        "HEALTHSTATUS eq 'active'",
        "healthStatus ne 'Inactive'",
        "lastSeen gt 2018-08-01Z",
        "lastSeen gt 2026-01-05",
        "lastSeen ge 2026-01-05T08:00:00.1234567Z",
        "lastSeen lt 2026-01-05T08:00:00.1234568Z",
        "lastSeen eq 2026-01-05T09:00:00.1234567+01:00",
        "osBuild ge 26100 and osBuild lt 2.7e4",
        "rbacGroupId eq 140 and rbacGroupId eq '140'",
        "isAadJoined and isAadJoined eq true",
        "not (isAadJoined eq false)",
        "not startswith(computerDnsName,'x')",
        "startswith(computerDnsName, 'lon-') and endswith(computerDnsName,'.example')",
        "contains(tolower(computerDnsName),'lt05')",
        "machineTags/any(t: t eq 'Executive')",
        "machineTags/any(tag:tag eq 'O''Neil')",
        "machineTags/any(t: startswith(t,'a, ('))",
        "machineTags/any() and machineTags/all(t: t ne 'x')",
        "contains(machineTags,'Executive')",
        "id in ('b2','a1')",
        "osBuild in (1,26100)",
        "aadDeviceId eq 80FE8FF8-2624-418E-9591-41F0491218F9",
        "aadDeviceId eq '80fe8ff8-2624-418e-9591-41f0491218f9' and aadDeviceId ne null",
        "relatedUser/userName eq 'kim'",
        "evidence/any(e: e/entityType eq 'File')",
        "id eq 'x' or id eq 'a1' and osBuild eq 26100",
        "(id eq 'x' or id eq 'a1') and osBuild eq 26100",
        "null ne osBuild",
        "'a1' eq id",
    ],
)
def test_a_filter_that_the_row_passes(text: str) -> None:
    assert compile_filter(text, PROPERTIES)(ROW)
    assert not compile_filter(f"not ({text})", PROPERTIES)(ROW)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("osBuild eq null", True),
        ("osBuild gt 1", False),
        ("not (osBuild gt 1)", True),
        ("lastSeen lt 2026-01-05", False),
        ("contains(computerDnsName,'a')", False),
        ("machineTags/any()", False),
        ("machineTags/all(t: t eq 'x')", True),
        ("relatedUser/userName eq null", True),
        ("evidence/any(e: e/entityType eq 'File')", False),
        ("isAadJoined", False),
    ],
)
def test_what_is_not_there_is_null(text: str, passes: bool) -> None:
    assert compile_filter(text, PROPERTIES)(EMPTY) is passes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("healthStatus", "a choice alone is none"),
        ("healthStatus eq 'Actve'", "its values are Active, Inactive"),
        ("healthStatus eq", "expected a property"),
        ("healthStatus = 'Active'", "neither a value nor a name"),
        ("healthStatus eq 'Active", "no closing quote"),
        ("healthStatus eq Active", "cannot be filtered on"),
        ("helthStatus eq 'Active'", "Did you mean `healthStatus`?"),
        ("lastSeen gt '2026-01-05'", "without quotes"),
        ("lastSeen gt 2026-02-30", "exists"),
        ("lastSeen gt 0001-01-01T00:00:00+01:00", "out of the range"),
        ("osBuild eq '26100'", "cannot be compared with"),
        ("id eq 1", "in single quotes"),
        ("healthStatus gt 'Active'", "have an order"),
        ("id eq 'a1' id eq 'a1'", "expected 'and', 'or' or the end"),
        ("id eq 'a1' AND id eq 'a1'", "expected 'and', 'or' or the end"),
        ("substringof('a', id)", "function 'substringof'"),
        ("id/any(x: x eq 'a')", "looks into a list"),
        ("machineTags/any(x: machineTags/any(y: y eq 'a'))", "inside each other"),
        ("machineTags/any(x: x/y eq 'a')", "no property"),
        ("startswith(machineTags,'a')", "use any"),
        ("startswith(osBuild,'a')", "takes a property that is text"),
        ("id in ()", "expected a value"),
        ("osBuild eq " + "9" * 5_000, "too many digits"),
        ("(" * 5_000 + "id eq 'a'" + ")" * 5_000, "levels deep"),
        ("not " * 4_000 + "isAadJoined", "levels deep"),
        ("id eq '" + "a" * 30_000 + "'", "at most 20,000"),
    ],
)
def test_a_fault_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ODataFault, match=said.replace("(", r"\(")):
        compile_filter(text, PROPERTIES)


def test_a_long_chain_is_not_deep() -> None:
    text = " or ".join(f"id eq 'x{n}'" for n in range(900)) + " or id eq 'a1'"
    assert compile_filter(text, PROPERTIES)(ROW)


_PIECES = """( ) , / : and or not eq ne gt in any all x id osBuild lastSeen machineTags machineTags/any( evidence null
 true 'a' '' ' 5 -1.5 2026-01-05 2026-13-45T99:99Z contains( startswith( tolower( x:x isAadJoined"""


@given(
    st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_PIECES.split()), max_size=14).map(" ".join)),
)
def test_nothing_but_a_fault_is_raised(text: str) -> None:
    try:
        keeps = compile_filter(text, PROPERTIES)
    except ODataFault:
        return
    assert keeps(ROW) in (True, False)
    assert keeps(EMPTY) in (True, False)


_WORDS = {"eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_NAMES = st.sampled_from(["a", "b"])
_TEXTS = st.text(alphabet="aA'b ()", max_size=3)
_LEAVES = st.one_of(
    st.tuples(st.just("compare"), st.sampled_from(["n", "m"]), st.sampled_from(list(_WORDS)), st.integers(-3, 3)),
    st.tuples(st.just("compare"), _NAMES, st.sampled_from(["eq", "ne"]), st.one_of(_TEXTS, st.none())),
    st.tuples(st.just("call"), st.sampled_from(["contains", "startswith", "endswith"]), _NAMES, _TEXTS),
    st.tuples(st.just("in"), _NAMES, st.lists(_TEXTS, min_size=1, max_size=3)),
    st.tuples(st.just("any"), _TEXTS),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.tuples(st.sampled_from(["and", "or"]), inner, inner), st.tuples(st.just("not"), inner)),
    max_leaves=12,
)
_ROWS = st.fixed_dictionaries(
    {
        "a": st.one_of(st.none(), _TEXTS),
        "b": st.one_of(st.none(), _TEXTS),
        "n": st.one_of(st.none(), st.integers(-3, 3)),
        "m": st.integers(-3, 3),
        "l": st.lists(_TEXTS, max_size=3),
    }
)
_TREE_PROPERTIES = {
    "a": Property(kind=Kind.TEXT),
    "b": Property(kind=Kind.TEXT),
    "n": Property(kind=Kind.NUMBER),
    "m": Property(kind=Kind.NUMBER),
    "l": Property(kind=Kind.TEXTS),
}


def _quoted(value: Any) -> str:
    if value is None:
        return "null"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def _text_of(tree: Any) -> str:
    match tree:
        case ("compare", name, word, value):
            return f"{name} {word} {_quoted(value)}"
        case ("call", function, name, value):
            return f"{function}({name},{_quoted(value)})"
        case ("in", name, values):
            return f"{name} in ({', '.join(map(_quoted, values))})"
        case ("any", value):
            return f"l/any(x: x eq {_quoted(value)})"
        case ("not", inner):
            return f"not ({_text_of(inner)})"
        case (word, left, right):
            return f"({_text_of(left)}) {word} ({_text_of(right)})"
    raise AssertionError(tree)


def _truth_of(tree: Any, row: dict[str, Any]) -> bool:
    match tree:
        case ("compare", name, "eq", value):
            return bool(row[name] == value)
        case ("compare", name, "ne", value):
            return bool(row[name] != value)
        case ("compare", name, word, value):
            return row[name] is not None and bool(eval(f"{row[name]} {_WORDS[word]} {value}"))
        case ("call", function, name, value):
            found = row[name]
            if found is None:
                return False
            tests = {
                "contains": value in found,
                "startswith": found.startswith(value),
                "endswith": found.endswith(value),
            }
            return bool(tests[function])
        case ("in", name, values):
            return row[name] in values
        case ("any", value):
            return value in row["l"]
        case ("not", inner):
            return not _truth_of(inner, row)
        case ("and", left, right):
            return _truth_of(left, row) and _truth_of(right, row)
        case ("or", left, right):
            return _truth_of(left, row) or _truth_of(right, row)
    raise AssertionError(tree)


@given(_TREES, _ROWS)
def test_a_filter_means_what_python_says(tree: Any, row: dict[str, Any]) -> None:
    assert compile_filter(_text_of(tree), _TREE_PROPERTIES)(row) is _truth_of(tree, row)


@given(st.datetimes(min_value=datetime(1900, 1, 1)), st.datetimes())
def test_keys_of_instants_have_the_order_of_time(a: Any, b: Any) -> None:
    x, y = instant_key(a.isoformat() + "Z"), instant_key(b.isoformat() + "Z")
    assert (x < y) is (a < b)
    assert (x == y) is (a == b)


NUMBERS = Collection(
    properties={"n": Property(kind=Kind.NUMBER)}, options=frozenset({"$filter", "$top", "$skip", "$count"})
)
ROWS = [{"n": n} for n in range(25)]


def _page(collection: Collection, query: str) -> tuple[list[int], int | None, str | None]:
    page = collection.read(parse_qsl(query, keep_blank_values=True)).page(ROWS)
    return [row["n"] for row in page.rows], page.count, page.following


def test_top_ends_a_list_and_skip_begins_it_later() -> None:
    assert _page(NUMBERS, "$top=3&$skip=4&$count=true") == ([4, 5, 6], 25, None)
    assert _page(NUMBERS, "$filter=n+gt+20") == ([21, 22, 23, 24], None, None)
    assert _page(NUMBERS, "$top=0") == ([], None, None)
    assert _page(NUMBERS, "$skip=99") == ([], None, None)
    assert _page(NUMBERS, "api-version=1")[0] == list(range(25))


@pytest.mark.parametrize("by_top", [False, True])
@pytest.mark.parametrize("query", ["", "$top=15", "$filter=n+ne+3&$top=7", "$skip=2", "$top=10&$skip=10"])
def test_links_lead_through_every_row_once(by_top: bool, query: str) -> None:
    small = Collection(properties=NUMBERS.properties, options=NUMBERS.options, page_size=10, pages_by_top=by_top)
    options = NUMBERS.read(parse_qsl(query))
    expected = [
        row["n"]
        for row in (
            options.page(ROWS)
            if not by_top
            else NUMBERS.read([(n, v) for n, v in parse_qsl(query) if n != "$top"]).page(ROWS)
        ).rows
    ]
    seen: list[int] = []
    following: str | None = query
    while following is not None:
        rows, _, following = _page(small, following)
        assert len(rows) <= 10
        seen += rows
    assert seen == expected


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("$top=10001", "limit of '10000'"),
        ("$top=-1", "whole number"),
        ("$top=", "whole number"),
        ("$skip=١", "whole number"),
        ("$skip=99999999999999", "whole number"),
        ("$top=1&$top=2", "more than once"),
        ("$select=n", "'\\$select' is not supported"),
        ("$count=yes", "true or false"),
    ],
)
def test_a_wrong_option_is_a_fault(query: str, said: str) -> None:
    with pytest.raises(ODataFault, match=said):
        NUMBERS.read(parse_qsl(query, keep_blank_values=True))


def test_expand_and_order_take_what_is_listed() -> None:
    collection = Collection(
        properties={},
        options=frozenset({"$expand", "$orderby"}),
        expandable=frozenset({"evidence"}),
        order={"n": Kind.NUMBER},
    )
    assert collection.read([("$expand", "evidence")]).expand == {"evidence"}
    assert [row["n"] for row in collection.read([("$orderby", "N desc")]).page(ROWS).rows[:2]] == [24, 23]
    for fault in ([("$expand", "alerts")], [("$orderby", "m")], [("$orderby", "n down")], [("$orderby", "")]):
        with pytest.raises(ODataFault):
            collection.read(fault)
