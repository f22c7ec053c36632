"""The project's own guides, served by the installation itself: the list, and each of them."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.runtime import Runtime
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.guide_words import GROUPS, LINES
from kedai.web.dashboard.guides import Guide, find_guide, read_document, title_of
from kedai.web.dashboard.people import EVERYWHERE
from kedai.web.dashboard.render import render, templates
from kedai.web.dashboard.shell import Shell, read_shell
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

_LONG = 4
"""From so many sections on a guide begins with a list of them."""


@router.get("/help")
def list_guides(request: Request, runtime: RuntimeDep, caller: Reader) -> Response:
    """Every guide with a line about it, in groups."""
    shell = _read_shell(request, runtime, caller)
    groups = [
        (folder, heading, [(one, title_of(one), LINES[one]) for one in Guide if one.folder == folder])
        for folder, heading in GROUPS.items()
    ]
    return render(shell, "help.html", groups=groups, **EVERYWHERE)


@router.get("/help/{guide}")
def show_guide(request: Request, runtime: RuntimeDep, caller: Reader, guide: str) -> Response:
    """One guide."""
    shell = _read_shell(request, runtime, caller)
    found = find_guide(guide)
    sections = read_document(found).sections
    return render(
        shell,
        "guide.html",
        title=title_of(found),
        sections=sections if len(sections) >= _LONG else (),
        printed=_print(found, shell.language),
        **EVERYWHERE,
    )


def _read_shell(request: Request, runtime: Runtime, caller: Principal) -> Shell:
    with runtime.web_db.read() as db:
        return read_shell(request, runtime, db, viewed="all", section="help", caller=caller)


@cache
def _print(guide: Guide, language: str) -> str:
    """A guide as its template prints it, and so escaped: kept, since it is the same for everybody."""
    printer = templates(language).get_template("_guide.html").module
    printed: str = printer.parts(read_document(guide).parts, language)  # type: ignore[attr-defined]  # its macro
    return printed
