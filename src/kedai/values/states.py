"""How something stands, as one word of a sentence: events, runs, shops and merchants."""

from __future__ import annotations

from typing import Final

from kedai.values.wording import N_

_WORDS: Final = {
    "applied": N_("applied"),
    "cancelled": N_("cancelled"),
    "connected": N_("connected"),
    "dead": N_("dead"),
    "discarded": N_("discarded"),
    "disconnected": N_("disconnected"),
    "failed": N_("failed"),
    "needs_reauth": N_("needs reauth"),
    "parked": N_("parked"),
    "paused": N_("paused"),
    "pending": N_("pending"),
    "queued": N_("queued"),
    "received": N_("received"),
    "running": N_("running"),
    "skipped": N_("skipped"),
    "succeeded": N_("succeeded"),
}


def state_word(state: str) -> str:
    """The state as it stands in a sentence, which a page says in its own language."""
    return _WORDS.get(state, state)
