"""A very small browser: cookies, forms, redirects; what a person's browser would send, nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

_TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer, after redirects."""

    url: str
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """Keeps cookies per host, as a browser does."""

    def __init__(self) -> None:
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def get(self, url: str) -> Answer:
        return self._send(Request(url))

    def post_form(self, url: str, fields: dict[str, str]) -> Answer:
        return self._send(Request(url, urlencode(fields).encode(), self._same_origin(url), method="POST"))

    def send_json(self, method: str, url: str, value: Any) -> Answer:
        headers = {**self._same_origin(url), "Content-Type": "application/json"}
        return self._send(Request(url, json.dumps(value).encode(), headers, method=method))

    def submit(self, page: Answer, choices: dict[str, str]) -> Answer:
        """Fill in and send the first form of a page; ``choices`` add to its hidden fields."""
        form = _FirstForm()
        form.feed(page.body.decode())
        return self.post_form(urljoin(page.url, form.action or page.url), {**form.hidden, **choices})

    def _send(self, request: Request) -> Answer:
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                return Answer(response.url, response.status, response.read())
        except HTTPError as error:
            with error:
                return Answer(error.url, error.code, error.read())

    @staticmethod
    def _same_origin(url: str) -> dict[str, str]:
        parts = urlsplit(url)
        return {"Origin": f"{parts.scheme}://{parts.netloc}"}


class _FirstForm(HTMLParser):
    """The action and the hidden fields of a page's first form."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}
        self._seen = False
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and not self._seen:
            self._seen = self._inside = True
            self.action = given.get("action")
        elif tag == "input" and self._inside and given.get("type") == "hidden":
            self.hidden[given.get("name") or ""] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
