"""Renders pages: one template environment for each language, escaping always on, nothing undefined is ever shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from kedai.kit.ids import show_id
from kedai.values.wording import N_, numeral
from kedai.web.dashboard import formats, words
from kedai.web.dashboard.assets import static_url
from kedai.web.dashboard.guides import Guide
from kedai.web.dashboard.icons import ICONS
from kedai.web.dashboard.language import ENGLISH, Speech, languages
from kedai.web.dashboard.script_words import words_for_scripts
from kedai.web.dashboard.shell import Shell


def render(
    shell: Shell, template: str, *, status: int = 200, policy: Mapping[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """A page; ``policy`` replaces the usual security headers. Call it with no transaction open: all has been read."""
    page = templates(shell.language).get_template(template)
    html = page.render(shell=shell, now=shell.now, section=shell.section, **context)
    return HTMLResponse(html, status_code=status, headers={"Content-Language": shell.language, **(policy or {})})


@cache
def templates(language: str) -> Templates:
    """The template environment of a language: what a page prints is said in it."""
    speech = languages()[language]
    found = Templates(
        loader=PackageLoader("kedai.web.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=speech.say,
        extensions=("jinja2.ext.i18n",),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    _install_texts(found, speech)
    names = ("span", "iso", "browser", "masked", "counted", "percent", "size", "took")
    found.filters.update({name: getattr(formats, name) for name in names})
    found.filters.update(ago=_ago, minute=_minute, stamp=_stamp, number=numeral)
    found.filters.update(known=known, lower=lambda text: str(speech.say(text)).lower())
    found.globals.update(
        GUIDES=Guide,
        ICONS=ICONS,
        money=formats.money,
        show_id=show_id,
        static_url=static_url,
        script_words=None if language == ENGLISH else words_for_scripts(speech),
        url=url,
        words=words,
    )
    return found


def _install_texts(found: Templates, speech: Speech) -> None:
    """What templates call for their own texts: Jinja's functions, which escape what is put in, said in the language."""
    found.install_gettext_callables(speech.texts.gettext, speech.texts.ngettext, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    one: Callable[..., str] = found.globals["gettext"]  # type: ignore[assignment]  # just put there
    many: Callable[..., str] = found.globals["ngettext"]  # type: ignore[assignment]
    told: dict[str, str] = {}

    @pass_context
    def gettext(context: Context, message: str, /, **params: Any) -> str:
        if params:
            return one(context, message, **speech.said(params))
        if message not in told:  # a list says the same words in every row
            told[message] = one(context, message)
        return told[message]

    @pass_context
    def ngettext(context: Context, message: str, plural: str, count: int, /, **params: Any) -> str:
        return many(context, message, plural, count, **speech.said({"num": count, **params}))

    found.globals.update(_=gettext, gettext=gettext, ngettext=ngettext)


def known(text: Any) -> Any:
    """A text that was stored in English, to be looked for in the catalogue as it is."""
    return N_(text) if type(text) is str else text


@pass_context
def _ago(context: Context, at: datetime, now: datetime) -> str:
    return formats.ago(at, now, zone=context["shell"].zone, locale=_locale(context))


@pass_context
def _minute(context: Context, at: datetime) -> str:
    return formats.minute(at, zone=context["shell"].zone, locale=_locale(context))


def _locale(context: Context) -> str:
    return languages()[context["shell"].language].locale


@pass_context
def _stamp(context: Context, at: datetime) -> str:
    return formats.stamp(at, zone=context["shell"].zone)


def url(path: str, /, **params: str | None) -> str:
    """An address with those parameters that have a value."""
    given = {name: value for name, value in params.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
