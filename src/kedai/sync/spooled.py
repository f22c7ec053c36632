"""Token pairs that were saved on this host's disk before the database had them, and how they get there.

A refresh token and an authorisation code can be used once: between the marketplace's answer and our commit the new pair
exists nowhere else.
"""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy.orm import Session

from kedai.errors import Conflict
from kedai.kit import spool
from kedai.kit.clock import SystemClock
from kedai.sync import grants
from kedai.sync.parts import Parts
from kedai.sync.renewal import store_renewed
from kedai.sync.spool_files import DamagedError, SavedGrant, SavedPair, open_file
from kedai.vault.oauth_states import close_exchange

_ROOM_KEPT = timedelta(hours=1)

log = structlog.get_logger("tokens")


def recover(parts: Parts) -> int:
    """Store what was saved on this host and never stored; returns how many pairs. Blocks: run it in a thread.

    A renewed pair wins only if its generation is the stored one + 1, a grant only if its attempt is still open, and for
    those alone whose pair is not newer. What is out of date is removed, what is damaged is set
    aside, and nothing is touched while a key is missing or the environment is sealed. No file makes it fail.

    Raises:
        StorageUnavailable: the database cannot be reached; the files stay.
    """
    directory = parts.settings.token_spool_dir
    if parts.ring.trouble is not None:
        return 0
    try:
        paths = spool.list_saved(directory)
        spool.sweep(directory, before=(SystemClock().now() - _ROOM_KEPT).timestamp())  # as the disk tells time
    except OSError as error:
        log.warning("saved token pairs cannot be looked for", directory=str(directory), detail=error.strerror)
        return 0
    return sum(_recover_one(parts, path) for path in paths)


def _recover_one(parts: Parts, path: Path) -> bool:
    try:
        saved = open_file(parts.ring, spool.read_saved(path))
        with parts.database.read() as db:
            sealed = parts.quarantine.sealed(db)
        if saved.environment in sealed:
            return False
        stored = parts.database.transact(lambda db: _store(parts, db, saved))
    except FileNotFoundError:  # another process of this host was faster
        return False
    except (DamagedError, ValueError) as error:
        log.warning("a saved token pair is damaged or not ours, and was set aside", file=path.name, detail=str(error))
        spool.set_aside(path)
        return False
    except OSError as error:
        log.warning("a saved token pair cannot be read", file=path.name, detail=error.strerror)
        if error.errno == errno.ELOOP:
            spool.set_aside(path)
        return False
    except Conflict as error:
        log.warning("a saved token pair cannot be stored yet", file=path.name, detail=error.message)
        return False
    _say(saved, stored=stored)
    spool.remove(path)
    return stored


def _store(parts: Parts, db: Session, saved: SavedPair | SavedGrant) -> bool:
    now = parts.clock.now()
    if isinstance(saved, SavedPair):
        return store_renewed(parts, db, saved.asked, saved.tokens, now=now)
    if not close_exchange(db, saved.attempt):
        return False
    return grants.keep(parts, db, saved.connector, saved.environment, saved.facts, now=now) != "remote_error"


def _say(saved: SavedPair | SavedGrant, *, stored: bool) -> None:
    if isinstance(saved, SavedPair):
        told = {"account": str(saved.asked.scope), "generation": saved.asked.number + 1}
    else:
        told = {"connector": saved.connector, "environment": saved.environment.value}
    if stored:
        log.warning("a token pair that was saved before a stop is stored now", **told)
    else:
        log.info("a saved token pair is stored already or out of date, and was removed", **told)
