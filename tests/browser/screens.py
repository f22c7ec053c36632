"""The pictures of every page: which there are, what they are called, and the page of the documents that shows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "screenshots"
INDEX = ROOT / "docs" / "reference" / "screens.md"
WINDOWS = {"desktop": (1200, 760), "phone": (375, 720)}
THEMES = ("light", "dark")


class Screen(NamedTuple):
    """One page: its route, what it is called, and what its address asks for."""

    route: str
    title: str
    asks: str = ""

    @property
    def name(self) -> str:
        """A file's name, without the window's and the theme's."""
        return re.sub(r"[^a-z]+", "-", self.title.lower()).strip("-")

    def picture(self, window: str, theme: str) -> str:
        return f"{self.name}-{window}-{theme}.jpg"


SCREENS = (
    Screen("/login", "Sign in"),
    Screen("/e/{scope}/home", "Home"),
    Screen("/e/{scope}/orders", "Orders"),
    Screen("/e/{scope}/orders/{order_id}", "Order"),
    Screen("/e/{scope}/orders/packing", "Packing list"),
    Screen("/e/{scope}/events", "Events"),
    Screen("/e/{scope}/events", "Rejected deliveries", "?state=rejected"),
    Screen("/e/{scope}/events/{event_id}", "Event"),
    Screen("/e/{scope}/rejected/{rejected_id}", "Rejected delivery"),
    Screen("/e/{environment}/parked/discard", "Discard parked events"),
    Screen("/e/{scope}/exceptions", "Exceptions", "?state=all"),
    Screen("/e/{scope}/exceptions/{exception_id}", "Exception"),
    Screen("/e/{scope}/runs", "Runs"),
    Screen("/e/{environment}/runs/{run_id}", "Run"),
    Screen("/e/{environment}/backfill", "Back-fill"),
    Screen("/e/{environment}/coverage", "Coverage"),
    Screen("/e/{environment}/rebuilds", "Rebuilds"),
    Screen("/e/{environment}/replays", "Replays"),
    Screen("/e/{scope}/notices", "Notices"),
    Screen("/e/{scope}/sku-map", "SKU map"),
    Screen("/e/{environment}/sku-map/import", "SKU import"),
    Screen("/e/{environment}/sku-map/copy", "SKU copy"),
    Screen("/e/{scope}/calls", "API calls"),
    Screen("/e/{scope}/views/{page}", "Saved views"),
    Screen("/connectors/{name}", "Connection", "?tab=sandbox"),
    Screen("/connectors/{name}/shops/{shop_id}", "Shop", "?env=sandbox"),
    Screen("/connectors/{name}/secrets/{secret}/clear", "Remove a secret", "?env=live"),
    Screen("/connectors/{name}/certificates", "Go-live checks", "?env=live"),
    Screen("/connectors/{name}/switch", "Switch to live", "?to=live"),
    Screen("/connectors/{name}/parity", "Parity"),
    Screen("/connectors/{name}/parity/copy", "Parity copy", "?to=live"),
    Screen("/quarantine", "Sealed copies"),
    Screen("/search", "Search", "?q=2"),
    Screen("/setup", "Get started"),
    Screen("/settings", "Settings"),
    Screen("/settings/retention", "Retention"),
    Screen("/settings/notifications", "Notifications"),
    Screen("/settings/notifications/new", "New channel", "?kind=email"),
    Screen("/account", "Your account"),
    Screen("/account/password", "Password"),
    Screen("/confirm", "Confirm that it is you"),
    Screen("/staff", "Staff"),
    Screen("/staff/{staff_id}", "Person"),
    Screen("/tokens", "API tokens"),
    Screen("/audit", "Audit"),
    Screen("/doctor", "Doctor"),
    Screen("/help", "Help"),
    Screen("/help/{guide}", "Guide"),
    Screen("/settings/keys", "Keys"),
    Screen("/settings/components", "Components"),
)

NOT_SHOWN = {
    "/": "leads to Home",
    "/account/totp": "shows a secret to scan, once",
    "/login/code": "needs a sign-in that waits for its code",
    "/connectors/{name}/certificates/{certificate_id}": "looks as the checks do",
    "/settings/notifications/{channel_id}": "looks as a new channel's form does",
    "/e/{environment}/rebuilds/{run_id}": "needs a rebuild that has ended",
}
"""Pages without a picture, with the reason."""


def index() -> str:
    """The page of the documents."""
    lines = [
        "# Screens",
        "",
        "Every page of the dashboard, light and dark, on a desk and on a telephone. The browser tests take the",
        "pictures, of the simulator's orders: `make screenshots` does so anew, and writes this page.",
        "",
    ]
    for screen in SCREENS:
        address = screen.route + screen.asks
        lines += [f"## {screen.title}", "", f"`{address}`", ""]
        shown = [(window, theme) for window in WINDOWS for theme in THEMES]
        lines += [f"![{screen.title}, {' '.join(one)}](../screenshots/{screen.picture(*one)})" for one in shown]
        lines.append("")
    return "\n".join(lines)
