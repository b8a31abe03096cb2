"""Limits and what passes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.model.guard import Breach, GuardLimits, Verdict, judge

LIMITS = GuardLimits(max_additions=10, max_removals=5, max_removal_share=0.2, max_shrink=0.5)


def breached(limits: GuardLimits = LIMITS, **numbers: Any) -> dict[str, tuple[float, float]]:
    """The limits passed: what each allows and what was found."""
    plain: dict[str, Any] = {"additions": 0, "removals": 0, "standing": 100, "matched": 100, "matched_before": None}
    result = judge(limits, **(plain | numbers))
    assert (result.verdict is Verdict.HELD) == bool(result.breaches)
    return {b.limit: (b.allowed, b.found) for b in result.breaches}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({}, {}),
        ({"additions": 10}, {}),
        ({"additions": 11}, {"max_additions": (10, 11)}),
        ({"removals": 5}, {}),
        ({"removals": 6}, {"max_removals": (5, 6)}),
        ({"removals": 2, "standing": 10}, {}),
        ({"removals": 3, "standing": 10}, {"max_removal_share": (0.2, 0.3)}),
        ({"removals": 1, "standing": 1}, {"max_removal_share": (0.2, 1.0)}),
        ({"removals": 1, "standing": 0}, {"max_removal_share": (0.2, 1.0)}),
        ({"removals": 4, "standing": 2}, {"max_removal_share": (0.2, 1.0)}),
        ({"matched": 50, "matched_before": 100}, {}),
        ({"matched": 49, "matched_before": 100}, {"max_shrink": (0.5, 0.51)}),
        ({"matched": 0, "matched_before": 1}, {"max_shrink": (0.5, 1.0)}),
        ({"matched": 0, "matched_before": 0}, {}),
        ({"matched": 0, "matched_before": None}, {}),
        ({"matched": 200, "matched_before": 100}, {}),
    ],
)
def test_each_limit_may_be_met_and_not_passed(
    numbers: dict[str, Any], expected: dict[str, tuple[float, float]]
) -> None:
    assert breached(**numbers) == expected


def test_every_limit_passed_is_named() -> None:
    assert list(breached(additions=11, removals=6, standing=6, matched=1, matched_before=9)) == [
        "max_additions",
        "max_removals",
        "max_removal_share",
        "max_shrink",
    ]


@given(st.integers(1, 10_000), st.integers(1, 100))
def test_a_share_of_exactly_the_limit_passes_in_any_estate(standing: int, percent: int) -> None:
    limits = GuardLimits(max_removals=10**9, max_removal_share=percent / 100)
    removals = standing * percent
    assert breached(limits, removals=removals, standing=standing * 100) == {}


def test_a_breach_is_a_plain_value() -> None:
    result = judge(LIMITS, additions=11, removals=0, standing=0, matched=0, matched_before=None)
    assert result.breaches == (Breach(limit="max_additions", allowed=10, found=11),)
