"""Writing a file whole or not at all: what stood before stays until the new content is on the disk."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put content in the place of a file; where that fails (OSError), the file is as it was.

    A file that stood keeps its mode; a new one is its owner's alone.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is not an ordinary file", str(path))
    path = path.resolve()  # what a link leads to is replaced, not the link
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            unfinished.chmod(path.stat().st_mode)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
