"""A lock file that says "this data directory is in use"; the kernel frees it when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from kedai.errors import Unavailable


def take_lock(path: Path) -> IO[str]:
    """Hold the lock for as long as the returned file stays open.

    Raises:
        Unavailable: another process holds it.
    """
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise Unavailable(f"Another kedai serves this data directory ({path} is locked).") from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
