"""Writing one tag to many machines, so that one bad id never loses a batch.

Up to 500 machines a call (https://learn.microsoft.com/defender-endpoint/api/add-or-remove-multiple-machine-tags). A
call that is refused with the ids that it does not like is repeated without them, and these are tried one by one; a
refusal that names none is halved, down to calls for a single machine. Where the bulk call is forbidden, single calls do
all the work. The list of a machine's tags is never written as a whole: that would lose what others wrote in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.base import Outcome, OutcomeState, TagAction
from earmark.estates.defender.client import Client, is_forbidden
from earmark.estates.defender.faults import CallRefused
from earmark.estates.defender.operations import TAG_MANY, TAG_ONE

MOST = 500
"""Machines of one bulk call."""
GIVEN_UP_AFTER = 2
"""Calls in a row without an answer after which the rest of a batch is not tried."""
FORBIDDEN_FOR = timedelta(hours=1)
"""How long a tenant's 403 to a bulk call is taken to hold: rights may be given meanwhile."""
ASKED_SINGLY = 10
"""Machines named by a refusal up to which each is tried by itself once more."""
_ACTIONS = {TagAction.ADD: "Add", TagAction.REMOVE: "Remove"}
_WORD = re.compile(r"[0-9A-Za-z_.-]+")


@dataclass(slots=True)
class TagWriter:
    """Writes tags to one tenant, and remembers whether it takes bulk calls."""

    client: Client
    forbidden_until: datetime | None = None
    """Until when the bulk call is not tried, since the tenant forbade it."""
    single_worked: bool = False

    @property
    def bulk(self) -> bool:
        """Whether bulk calls are made."""
        return self.forbidden_until is None or self.client.pace.now() >= self.forbidden_until

    def forbid_bulk(self) -> None:
        """Make single calls for a while."""
        self.forbidden_until = self.client.pace.now() + FORBIDDEN_FOR

    def write(self, action: TagAction, tag: str, devices: Sequence[str]) -> Iterator[tuple[Outcome, ...]]:
        """Add or remove one tag; one outcome for each machine, given as soon as a call tells it.

        Raises when not even the first call got an answer or was allowed; later on machines without an answer are
        unknown, and those that the tenant stopped taking are rejected: what is known of the others is not lost.
        """
        work = _Work(self, action, tag)
        ids = list(dict.fromkeys(devices))
        work.groups = [ids[at : at + MOST] for at in range(0, len(ids), MOST)][::-1]
        return work.run()


@dataclass(slots=True)
class _Work:
    """One tag on its way to its machines."""

    writer: TagWriter
    action: TagAction
    tag: str
    groups: list[list[str]] = field(default_factory=list)
    """Machines still to be written, a call each; the last group is next."""
    answered: bool = False
    """Whether something is known of a machine already."""
    ended: list[Outcome] = field(default_factory=list)
    """What the last call told, until it is passed on."""
    doubtful: set[str] = field(default_factory=set)
    """Machines of a call that was refused only after an attempt that got no answer, and may have taken effect."""

    def run(self) -> Iterator[tuple[Outcome, ...]]:
        silent = 0
        while self.groups:
            group = self.groups.pop()
            try:
                self._write(group)
            except PermissionDenied as error:
                if not self.answered:
                    raise
                self._deny([*group, *self._left()], error.message)
            except EstateError as error:
                if not self.answered:
                    raise
                silent += 1
                if silent >= GIVEN_UP_AFTER:  # the tenant is not there: what is left need not be tried
                    group += self._left()
                self._end(group, OutcomeState.UNKNOWN, error.message)
            else:
                silent = 0
            if self.ended:
                yield tuple(self.ended)
                self.ended.clear()

    def _left(self) -> list[str]:
        """Machines that need not be tried any more."""
        left = [one for rest in self.groups for one in rest]
        self.groups.clear()
        return left

    def _write(self, group: list[str]) -> None:
        if not self.writer.bulk or len(group) == 1:
            self.groups += [group[1:]] if len(group) > 1 else []
            del group[1:]
            self._write_one(group[0])
            return
        body = {"Value": self.tag, "Action": _ACTIONS[self.action], "MachineIds": group}
        try:
            self.writer.client.call(TAG_MANY, body=body)
        except PermissionDenied as error:
            if not is_forbidden(error):
                raise
            self.writer.forbid_bulk()
            self.groups.append(group)
        except CallRefused as error:
            self._refused(group, error)
        else:
            self._end(group, OutcomeState.APPLIED)

    def _refused(self, group: list[str], error: CallRefused) -> None:
        """Sort out which machines of a refused call were meant."""
        if error.doubtful:
            self.doubtful.update(group)
        named = [] if error.code == "MaximumBatchSizeExceeded" else named_in(error.said, group)
        if named and (len(named) < len(group) or len(named) <= ASKED_SINGLY):
            gone = set(named)
            left = [one for one in group if one not in gone]
            self.groups += [left] if left else []
            # A word about one machine is surer than one in a sentence about many.
            if len(named) <= ASKED_SINGLY or error.doubtful:
                self.groups += [[one] for one in named]
            else:
                self._end(named, OutcomeState.REJECTED, error.message)
        else:  # nobody is named, or so many that the sentence may only repeat the request
            middle = len(group) // 2
            self.groups += [group[middle:], group[:middle]]

    def _write_one(self, device: str) -> None:
        try:
            self.writer.client.call(TAG_ONE, device, body={"Value": self.tag, "Action": _ACTIONS[self.action]})
        except CallRefused as error:
            self._end([device], OutcomeState.REJECTED, error.message)
        except PermissionDenied as error:
            if not is_forbidden(error) or not self.writer.single_worked:
                raise
            self._deny([device], error.message)
        else:
            self.writer.single_worked = True
            self._end([device], OutcomeState.APPLIED)

    def _deny(self, devices: Sequence[str], message: str) -> None:
        """End machines that the tenant does not take any more, whatever it did before."""
        for device in devices:
            state = OutcomeState.UNKNOWN if device in self.doubtful else OutcomeState.REJECTED
            self._end([device], state, message)

    def _end(self, devices: Sequence[str], state: OutcomeState, message: str = "") -> None:
        self.answered = True
        self.ended += (Outcome(device=device, state=state, message=message) for device in devices)


def named_in(text: str, ids: Sequence[str]) -> list[str]:
    """The ids that a text names, letter case aside."""
    words = {word.strip(".").lower() for word in _WORD.findall(text)}
    return [one for one in ids if one.lower() in words]
