"""The guides: the project's own documents, as the pages serve them.

Markdown becomes parts and no HTML: a template prints them, so that their texts are escaped as all others are. A file is
read when somebody first asks for it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from kedai.errors import NotFound
from kedai.values.wording import N_

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode


class Guide(StrEnum):
    """Every guide that is served, by its file below `docs`, in the order in which they are listed.

    Decisions are not among them, nor the page of screens, whose pictures are not packed.
    """

    QUICKSTART = "quickstart"
    GET_STARTED = "how-to/get-started"
    CONNECT_A_SHOP = "how-to/connect-a-shop"
    GO_LIVE = "how-to/go-live"
    LOOK_AT_AN_ORDER = "how-to/look-at-an-order"
    MANAGE_PEOPLE = "how-to/manage-people"
    REPLAY_PARKED_EVENTS = "how-to/replay-parked-events"
    REBUILD_ORDERS = "how-to/rebuild-orders"
    WATCH_THE_SCHEDULE = "how-to/watch-the-schedule"
    FIND_AND_MEND_GAPS = "how-to/find-and-mend-gaps"
    ASK_THE_DOCTOR = "how-to/ask-the-doctor"
    ASK_SHOPEE_SUPPORT = "how-to/ask-shopee-support"
    ADMIT_REJECTED_DELIVERIES = "how-to/admit-rejected-deliveries"
    LOOK_AFTER_EXCEPTIONS = "how-to/look-after-exceptions"
    BE_TOLD_OF_TROUBLE = "how-to/be-told-of-trouble"
    MAP_SKUS = "how-to/map-skus"
    ROTATE_KEYS = "how-to/rotate-keys"
    BACK_UP_AND_RESTORE = "how-to/back-up-and-restore"
    UNSEAL_A_COPY = "how-to/unseal-a-copy"
    COMPARE_SANDBOX_AND_LIVE = "how-to/compare-sandbox-and-live"
    RUN_ON_POSTGRESQL = "how-to/run-on-postgresql"
    COME_FROM_THE_OLD_SYSTEM = "how-to/come-from-the-old-system"
    USE_THE_SIMULATOR = "how-to/use-the-simulator"
    ADD_A_CONNECTOR = "how-to/add-a-connector"
    TRANSLATE_THE_DASHBOARD = "how-to/translate-the-dashboard"
    ENVIRONMENTS = "explanation/environments"
    ARCHITECTURE = "explanation/architecture"
    SETTINGS = "reference/settings"
    COMMANDS = "reference/cli"
    HTTP = "reference/http"
    ERRORS = "reference/errors"
    EVENTS = "reference/events"
    DATABASE = "reference/database"

    @property
    def folder(self) -> str:
        """The kind of guide: `how-to`, `explanation`, `reference`, or blank for the quickstart."""
        return self.value.rpartition("/")[0]

    @property
    def page(self) -> str:
        """Its name in an address."""
        return self.value.rpartition("/")[2]

    @property
    def href(self) -> str:
        """Where it is served."""
        return f"/help/{self.page}"


@dataclass(frozen=True, slots=True)
class Part:
    """An element of a guide with what is inside; without a tag it is ``text`` and nothing else."""

    tag: str
    attrs: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A guide as it was read; ``sections`` are its second headings, each with its anchor."""

    sections: Sequence[tuple[str, str]]
    parts: Sequence[Part]


_LEAVES = {"text": "", "code_inline": "code", "fence": "pre"}
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def find_guide(page: str) -> Guide:
    """The guide of an address.

    Raises:
        NotFound: there is none by that name.
    """
    for one in Guide:
        if one.page == page:
            return one
    raise NotFound(N_("There is no such guide."))


@cache
def title_of(guide: Guide) -> str:
    """What a guide calls itself, in its first line."""
    return _text_of(guide).partition("\n")[0].removeprefix("# ")


@cache
def read_document(guide: Guide) -> Document:
    """What stands in a guide below its title, parsed once."""
    return parse(_text_of(guide).partition("\n")[2], guide)


def parse(text: str, guide: Guide) -> Document:
    """The parts of a Markdown text that stands where this guide does."""
    from markdown_it import MarkdownIt  # a process that nobody asks for help needs none of it
    from markdown_it.tree import SyntaxTreeNode

    root = SyntaxTreeNode(MarkdownIt("commonmark", {"html": False}).enable("table").parse(text))
    headings = (node for node in root.children if node.tag == "h2")
    return Document(
        sections=[(_anchor(node), _plain(node)) for node in headings], parts=list(_parts(root.children, guide))
    )


def _text_of(guide: Guide) -> str:
    return _folder().joinpath(f"{guide}.md").read_text(encoding="utf-8")


def _folder() -> Traversable:
    """Where a wheel has the files; a checkout has them in `docs`, so that what is edited there is what is served."""
    packed = files("kedai.web.dashboard").joinpath("docs")
    return packed if packed.is_dir() else Path(__file__).parents[4] / "docs"


def _parts(nodes: Sequence[SyntaxTreeNode], guide: Guide) -> Iterator[Part]:
    for node in nodes:
        if node.type == "softbreak":
            yield Part("", text="\n")
        elif node.type in _LEAVES:
            yield Part(_LEAVES[node.type], text=node.content.removesuffix("\n"))
        elif node.type == "inline" or node.hidden or _leads_nowhere(node, guide):
            yield from _parts(node.children, guide)
        else:
            yield Part(node.tag, _attrs(node, guide), parts=list(_parts(node.children, guide)))


def _leads_nowhere(node: SyntaxTreeNode, guide: Guide) -> bool:
    """Of a link to what is not served the words stay."""
    return node.type == "link" and not _address(node, guide)


def _attrs(node: SyntaxTreeNode, guide: Guide) -> dict[str, str]:
    """What an element needs; nothing else of what Markdown may say about it is kept."""
    if node.type == "heading":
        return {"id": _anchor(node)}
    if node.type == "link":
        return {"href": _address(node, guide)}
    if node.type == "th":
        return {"scope": "col"}
    return {name: str(value) for name, value in node.attrs.items() if name == "start"}


def _address(link: SyntaxTreeNode, guide: Guide) -> str:
    """Where a link leads on these pages; blank where it names what they do not serve."""
    href = str(link.attrs["href"])
    path, mark, anchor = href.partition("#")
    if not path or _ELSEWHERE.match(href):
        return href
    named = posixpath.normpath(posixpath.join(guide.folder, path)).removesuffix(".md")
    return f"{Guide(named).href}{mark}{anchor}" if named in set(Guide) else ""


def _anchor(heading: SyntaxTreeNode) -> str:
    """As forges make them of a heading, so that a link is right there and here."""
    return re.sub(r"[^\w\- ]", "", _plain(heading).lower()).strip().replace(" ", "-")


def _plain(node: SyntaxTreeNode) -> str:
    return "".join(one.content for one in node.walk() if one.type in _LEAVES)
