"""Checks that every page must pass."""

from __future__ import annotations

import re
from html.parser import HTMLParser

OWN = ("/", "#", "data:image/jpeg;base64,")


class Page(HTMLParser):
    """The elements of a page, in order, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def attributes(self, tag: str, name: str) -> list[str]:
        return [attrs[name] for found, attrs in self.elements if found == tag and name in attrs]


def check(response) -> Page:
    """Check that a page has a strict policy, loads nothing from other sites, and runs scripts of /static only."""
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = Page(response.text)
    for tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on") or name == "style"], (tag, attrs)
        assert tag not in ("style", "iframe", "object", "embed", "base")
        for name in ("src", "srcset", "action", "poster"):
            assert attrs.get(name, "/").startswith(OWN), (tag, attrs)
        if tag == "link" and attrs.get("rel") != "canonical":
            assert attrs["href"].startswith(("/static/", "/feed."))
        if tag == "a":
            assert re.match(r"(/|#|https?://|mailto:)", attrs["href"]), attrs
        if tag == "script" and attrs.get("type") != "application/json":
            assert attrs["src"].startswith("/static/")
    assert [tag for tag, _ in page.elements].count("h1") == 1
    assert [tag for tag, _ in page.elements].count("main") == 1
    return page
