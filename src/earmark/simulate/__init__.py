"""A seeded simulator: plays a small company for some weeks and writes what its sensors would have written.

    write_company(folder, CompanySpec(seed=7))

In goes a `CompanySpec`; out come Defender's streaming export, Windows Security events, an inventory, a list of
executives, and `truth.json` with what a right hunt finds. The same spec gives the same bytes on every machine with
the same zlib; nothing reads the clock. `moments` names the moments a demo should use and what is true at each.
"""

from earmark.simulate.spec import KINDS, TABLES, CompanySpec, Written
from earmark.simulate.write import write_company

__all__ = ["KINDS", "TABLES", "CompanySpec", "Written", "write_company"]
