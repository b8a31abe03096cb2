"""One language service for the tests of operators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from earmark.kql.defender.tables import TABLES
from earmark.kql.service import Kql


@pytest.fixture(scope="session")
def kql() -> Iterator[Kql]:
    service = Kql({**TABLES, "Executives": (("AccountName", "string"), ("Title", "string"))})
    yield service
    service.close()
