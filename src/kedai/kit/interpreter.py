"""How the interpreter is set for a process that stays: its collector and its threads."""

from __future__ import annotations

import gc
import sys

_COLLECT_AFTER = 10_000
_SWITCH_SECONDS = 0.0005


def settle() -> None:
    """What was imported stays for good: the collector need not walk over it again and again.

    And a thread that is back from the database need not wait 5 ms for the event loop to let it go on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    sys.setswitchinterval(_SWITCH_SECONDS)
