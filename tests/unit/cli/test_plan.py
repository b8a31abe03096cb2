"""What a plan ends with on the terminal."""

from __future__ import annotations

import pytest

from earmark.cli.render.plan import print_plan
from earmark.services.plan import make_plan
from tests.unit.services.world import World


@pytest.mark.parametrize(
    ("why_not", "said"),
    [(None, "Nothing to do, as of 2026-03-01 12:00 UTC."), ("cut", "Nothing to do, but 1 of 1 flow unknown, as of")],
)
def test_nothing_to_do_is_not_said_of_the_unknown(
    capsys: pytest.CaptureFixture[str], why_not: str | None, said: str
) -> None:
    world = World()
    world.engine.why_not = why_not
    print_plan("table", make_plan(world.workspace), redact=(), every=False)
    assert said in capsys.readouterr().out
