"""How a SQLite file of the project is opened: for reading alone where this account may not write.

In the way that our files keep their transactions (write-ahead log), even a reader writes beside the file. Where it may
not, SQLite reads a file only if what a writer has left beside it can be read, or if it may take the file for one that
does not change.
"""

from __future__ import annotations

import os
from pathlib import Path


def sqlite_address(path: Path) -> str:
    """The URI to open a file by, as this account may; a file that is not there is to be made."""
    address = path.absolute().as_uri()
    if not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return address
    written_to = path.with_name(f"{path.name}-wal").exists()
    return f"{address}?mode=ro" if written_to else f"{address}?mode=ro&immutable=1"
