"""The same data give the same rows every time, also where KQL leaves the choice free."""

from __future__ import annotations

import pytest

from earmark.kql.service import Kql
from tests.unit.kql.compiler.operators.answering import answer

# 200,000 rows in a few groups, most of them tied; the multiplication scatters them over all threads.
ROWS = "range i from 0 to 199999 step 1 | extend k = i % 7, n = (i * 7919) % 3, s = tostring((i * 104729) % 5000)"


@pytest.mark.parametrize(
    "step",
    [
        "summarize arg_max(n, s, i) by k",
        "summarize arg_min(n, *) by k",
        "summarize count(), arg_max(n, s), take_any(s, i) by k",
        "summarize take_any(s), any(i) by k",
        "summarize n = count() by s | take 10",
        "summarize n = count() by s | top 5 by n",
        "join (range k from 0 to 3 step 1) on k | project k, n, s, i",
        "sort by n desc | take 5",
        "top 5 by n",
        "take 5",
        "sort by n asc | extend r = row_number() | where r <= 3",
        "project k, x = toscalar(range x from 1 to 1000 step 1 | summarize by x) | take 10",
    ],
)
def test_the_same_rows_every_time(step: str, kql: Kql) -> None:
    answers = {repr(sorted(answer(kql, f"{ROWS} | {step}", threads=threads)[1])) for threads in (1, 4, 4, 4)}

    assert len(answers) == 1
