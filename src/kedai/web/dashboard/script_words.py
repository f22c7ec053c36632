"""The words of the scripts: a page that is not in English gives them their own, by the English ones."""

from __future__ import annotations

import json

from kedai.values.wording import N_
from kedai.web.dashboard.language import Speech

SCRIPT_WORDS = frozenset(
    {
        N_("%(number)s days"),
        N_("%(number)s h"),
        N_("%(number)s min"),
        N_("%(number)s s"),
        N_("%(span)s ago"),
        N_("Asks every %(seconds)s s"),
        N_("Choose the row, where rows can be chosen"),
        N_("Close"),
        N_("Copied %(text)s"),
        N_("Go to calls"),
        N_("Go to events"),
        N_("Go to exceptions"),
        N_("Go to home"),
        N_("Go to orders"),
        N_("Go to runs"),
        N_("Go to sku map"),
        N_("Go to the search or the filter"),
        N_("Kedai cannot be reached. What you typed is still here: send it again once the connection is back."),
        N_("Keyboard shortcuts"),
        N_("Next row"),
        N_("Nothing was done: it was cancelled, or took too long."),
        N_("Open the row"),
        N_("Pause"),
        N_("Paused"),
        N_("Reconnecting"),
        N_("Resume"),
        N_("Row before"),
        N_("Search or go to a page; also with the other keys off"),
        N_("Shortcuts"),
        N_("Show these keys"),
        N_("Show what is typed"),
        N_("Signed out: load the page again"),
        N_("Stale since %(time)s"),
        N_("This browser does not let pages copy: select the text instead."),
        N_("This device holds a passkey for this account already."),
        N_("Time"),
        N_("This did not work. Load the page again, wait a minute, or use your password."),
        N_("Too many tries from your network: wait a minute, then try again."),
        N_("Up to date"),
        N_("Use these keys in this browser"),
        N_("You were signed out meanwhile. What you typed is still here: sign in on another tab, then send it again."),
        N_("in %(span)s"),
        N_("just now"),
    }
)
"""Every text that a script says with `t(…)`."""


def words_for_scripts(speech: Speech) -> str:
    """The dictionary, as JSON; what is the same in both languages is left out."""
    told = {one: speech.texts.gettext(one) for one in sorted(SCRIPT_WORDS)}
    return json.dumps({one: text for one, text in told.items() if one != text}, ensure_ascii=False)
