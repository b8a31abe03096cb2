"""Every built-in function that the compiler knows: name → mapping. What is missing here is refused by name."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.functions.base import Builder, Call
from earmark.kql.compiler.functions.dynamics import DYNAMICS
from earmark.kql.compiler.functions.ips import IPS
from earmark.kql.compiler.functions.logic import LOGIC
from earmark.kql.compiler.functions.maths import MATHS
from earmark.kql.compiler.functions.strings import STRINGS
from earmark.kql.compiler.functions.times import TIMES

FUNCTIONS: Final[dict[str, Builder]] = {**LOGIC, **STRINGS, **TIMES, **DYNAMICS, **MATHS, **IPS}

__all__ = ["FUNCTIONS", "Builder", "Call"]
