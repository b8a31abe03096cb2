"""The moments a story is best watched at, in microseconds since the first day.

The default company starts on Monday 2026-01-05; `--now` values for its demo, and the two laptops at each:

    --now                      the changed laptop                        the shut laptop
    2026-01-11T06:00:00Z       matches: plan adds Executive              matches: last used on Friday the 9th
    2026-01-18T06:00:00Z       no match: kept, grace of 14 days begins   silent for 8 days: unknown, kept
    2026-02-02T06:00:00Z       grace is over: plan removes it            silent for 23 days: unknown, kept
    2026-02-03T18:00:00Z       no match, no tag                          open again since the 2nd: matches, kept

The executive's new laptop matches from the second moment on. Grace ends on 2026-02-01 if the flow ran on 2026-01-18.
"""

from __future__ import annotations

from earmark.simulate.company import HANDOVER_DAY, REOPENED_DAY, Company
from earmark.simulate.diary import DAY, HOUR, SECOND
from earmark.simulate.spec import CompanySpec

_SIX = 6 * HOUR * SECOND


def demo_moments(spec: CompanySpec, company: Company) -> dict[str, int]:
    """When to look, by what is seen; moments after the last day are left out."""
    monday = company.monday * DAY
    moments = {
        "first_run": monday + (HANDOVER_DAY - 1) * DAY + _SIX,
        "changed_no_longer_matches": monday + (HANDOVER_DAY + 6) * DAY + _SIX,
        "grace_over": monday + REOPENED_DAY * DAY + _SIX,
        "laptop_reopened": monday + (REOPENED_DAY + 1) * DAY + 3 * _SIX,
    }
    return {name: at for name, at in moments.items() if at <= spec.days * DAY}


def truth_moments(spec: CompanySpec, company: Company) -> list[int]:
    """Six in the morning of every day, the moments of the demo, and the end."""
    mornings = [day * DAY + _SIX for day in range(spec.days)]
    return sorted({*mornings, *demo_moments(spec, company).values(), spec.days * DAY})


def inventory_moment(spec: CompanySpec, company: Company) -> int:
    """When the inventory was exported: an hour before the first run."""
    return min(demo_moments(spec, company).get("first_run", spec.days * DAY), spec.days * DAY) - HOUR * SECOND
