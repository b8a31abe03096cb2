"""Every built-in function that the compiler knows: name → mapping. What is missing here is refused by name."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.functions.base import Builder, Call
from earmark.kql.compiler.functions.dynamics import DYNAMICS
from earmark.kql.compiler.functions.ips import IPS
from earmark.kql.compiler.functions.logic import LOGIC
from earmark.kql.compiler.functions.maths import MATHS
from earmark.kql.compiler.functions.parsing import PARSING
from earmark.kql.compiler.functions.strings import STRINGS
from earmark.kql.compiler.functions.times import TIMES
from earmark.kql.compiler.functions.urls import URLS

FUNCTIONS: Final[dict[str, Builder]] = {**LOGIC, **STRINGS, **PARSING, **TIMES, **DYNAMICS, **MATHS, **IPS, **URLS}

__all__ = ["FUNCTIONS", "Builder", "Call"]
