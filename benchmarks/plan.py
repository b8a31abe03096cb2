"""A whole warm `earmark plan`, from the start of its process to its end, against the hunt alone; time and memory."""

from __future__ import annotations

from benchmarks.big_project import FLOW, HELD, Size, big_project
from benchmarks.hunt import hunt_of
from benchmarks.measure import EARMARK, Spent, in_turn, say, spent_by, spent_by_process


def run(size: Size) -> None:
    project = big_project(size)
    hunt = hunt_of(project)

    def plan() -> Spent:
        command = (EARMARK, "--now", project.now, "plan", FLOW)
        return spent_by_process(*command, folder=project.folder, ok=(0, HELD))

    spent = in_turn({"plan": plan, "hunt": lambda: spent_by(hunt)}, rounds=size.rounds)
    over = spent["plan"].seconds - spent["hunt"].seconds
    say("events, devices", f"{size.events:,}, {size.devices:,}")
    say("the hunt alone", spent["hunt"])
    say("earmark plan", spent["plan"])
    say("plan over the hunt", f"{over:.3f} s ({spent['plan'].processor - spent['hunt'].processor:.3f})", "at most 1 s")
    say("plan / the hunt", f"{spent['plan'].seconds / spent['hunt'].seconds:.2f}")
    say("most memory", f"{spent['plan'].peak / 1e6:,.0f} MB", "under 2,000 MB")
