"""A real Chromium in front of a real `kedai serve` and a real simulator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.support.installation import Installation
from tests.support.processes import wait_until

EMAIL, PASSWORD = "siti@toko.example", "an honest long passphrase"
SCREENSHOTS = os.environ.get("KEDAI_SCREENSHOTS", "")
"""A folder for pictures of the pages; none are kept where it is blank."""


@dataclass
class Seat:
    """One browser window in front of an installation, and everything it complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("dialog", self._see)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))

    def open(self, path: str) -> Page:
        """Go to a page of the installation."""
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, email: str = EMAIL) -> None:
        """Through the form."""
        self.open("/login")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url("**/home")

    def change_window(self, width: int, theme: Any) -> None:
        """See the page that is open in another window, without asking for it again: its server knows of no windows."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=theme)
        asked = f"innerWidth === {width} && matchMedia('(prefers-color-scheme: {theme})').matches"
        wait_until(lambda: self.page.evaluate(asked), message=f"the window is not {width} wide and {theme}")

    def shoot(self, name: str) -> None:
        """Keep a picture, if pictures are wanted."""
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "status of 4" not in message.text:
            self.complaints.append(message.text)

    def _see(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


Sit = Callable[..., Seat]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module's tests; each has windows of its own.

    Not for the session: while it is open its event loop runs in this thread, and other tests need one of theirs.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def installation(sqlite_template: Path, tmp_path: Path) -> Iterator[Installation]:
    """Kedai and a simulator, running, with one administrator and nothing configured."""
    with Installation(tmp_path, sqlite_template=sqlite_template) as opened:
        opened.add_person(EMAIL, PASSWORD)
        opened.start()
        yield opened


def overflow(page: Page) -> int:
    """Return by how many pixels a page is wider than its window, once it has loaded.

    A click may return when the next page has only begun and has no root element yet.
    """
    # Not wait_for_function: asked again, it evaluates in the page, where our content security policy forbids that.
    page.wait_for_load_state("load")
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def prepare(installation: Installation, *environments: str) -> None:
    """Configure and connect, in a thread without the browser's event loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(installation.prepare, *environments).result()


@pytest.fixture
def sit(chromium: Browser, installation: Installation) -> Iterator[Sit]:
    """Open a window: ``sit(width=375, theme="dark", script=False)``."""
    with ExitStack() as stack:

        def open_window(*, width: int = 1440, theme: Any = "light", script: bool = True) -> Seat:
            context = chromium.new_context(
                viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=script
            )
            stack.callback(context.close)
            return Seat(context.new_page(), installation.url)

        yield open_window
