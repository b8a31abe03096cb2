"""The store in a database, by one code path for every database that SQLAlchemy speaks to: the parts put together."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from earmark.store.evidence import EvidenceTables
from earmark.store.lease import held, is_held
from earmark.store.ledger import LedgerTables
from earmark.store.opening import Database
from earmark.store.plans import PlanTables
from earmark.store.quota import QuotaTables
from earmark.store.runs import RunTables


class DatabaseStore(LedgerTables, EvidenceTables, RunTables, PlanTables, QuotaTables):
    """An `earmark.store.base.Store`."""

    def __init__(self, database: Database, *, who: str = "") -> None:
        self._database = database
        self._who = who

    def lease(self, name: str, *, timeout: float = 0.0) -> AbstractContextManager[None]:
        """Hold a name for the length of a `with`."""
        return held(self._leases, name, who=self._who, timeout=timeout)

    def is_leased(self, name: str) -> bool:
        """Whether some process holds a name at this moment."""
        return is_held(self._leases, name)

    @property
    def _leases(self) -> Path:
        return self._database.path.parent / "leases"

    def close(self) -> None:
        """Let go of the database."""
        self._database.engine.dispose()
