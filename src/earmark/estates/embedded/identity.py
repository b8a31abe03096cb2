"""Which device a name stands for, where a log carries no device id.

Windows' own logs and some inventories name a machine but know nothing of Defender's ids. The id is then found so, and
stays so for ever, because rows stored under one id must meet it again when their file is imported a second time:

1. a name that was resolved before keeps its id (table `names` of `devices.db`);
2. else, if the estate knows exactly one device of that name, it is that device;
3. else the id is the SHA-1 of the lower-cased name in hex: 40 digits, as Defender's.

Names are compared whole and without regard to case: `PC7` and `PC7.corp.example` are two devices, because nothing
says that they are one.
"""

from __future__ import annotations

from hashlib import sha1


def derived_id(name: str) -> str:
    """The id of a device of which only the name is known."""
    return sha1(folded(name).encode(), usedforsecurity=False).hexdigest()


def folded(name: str) -> str:
    """A name as names are compared."""
    return name.strip().rstrip(".").lower()
