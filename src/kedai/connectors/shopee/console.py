"""Where Shopee's console and guides stand, for a person to open; nothing here is ever called.

The contract knows the pages by name and the guides by number. The addresses are those under which Shopee's own guides
link them, or under which people wrote down what they saw; `docs.md` has the source of each. An app's own pages are
addressed by a number that no call tells, so the list of apps is as near as a link can come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kedai.values.console import ConsolePage, Place
from kedai.values.environment import Environment
from kedai.values.wording import N_

_CONSOLE: Final = "https://open.shopee.com/console"
_GUIDE: Final = "https://open.shopee.com/developer-guide"

_BOTH: Final = (
    ConsolePage(Place.APP, N_("App List"), f"{_CONSOLE}/app"),
    ConsolePage(Place.PUSHES, N_("Push Mechanism"), f"{_CONSOLE}/push"),
    ConsolePage(Place.SUPPORT, N_("Raise Ticket"), f"{_CONSOLE}/raise-ticket"),
    ConsolePage(Place.CONSENT_GUIDE, N_("Guide to authorisation"), f"{_GUIDE}/20"),
    ConsolePage(Place.PUSH_GUIDE, N_("Guide to pushes"), f"{_GUIDE}/18"),
)

PAGES: Final[Mapping[Environment, tuple[ConsolePage, ...]]] = {
    Environment.SANDBOX: (
        *_BOTH,
        ConsolePage(Place.TEST_ORDERS, N_("Test Order"), f"{_CONSOLE}/tools/test-order"),
        ConsolePage(Place.SANDBOX_GUIDE, N_("Guide to the sandbox"), f"{_GUIDE}/644"),
    ),
    Environment.LIVE: (*_BOTH, ConsolePage(Place.CALL_LOG, N_("API Access Log"), f"{_CONSOLE}/tools/api-access-log")),
}
"""One console serves both sides of an app; test orders are the sandbox's alone, and the log knows live calls only."""
