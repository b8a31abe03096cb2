"""The state: ledger, evidence, runs, plans, fires and leases, kept in one database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earmark.store.base import Store


def open_store(url: str, folder: Path, *, who: str = "") -> Store:
    """Open the state that a project names, made or migrated where needed.

    `url` is the project's `state` (`sqlite:PATH`, relative to `folder`); `who` is what the leases say of their holder.
    """
    from earmark.store.database import DatabaseStore  # SQLAlchemy takes a tenth of a second to import
    from earmark.store.opening import open_database

    return DatabaseStore(open_database(url, folder), who=who)
