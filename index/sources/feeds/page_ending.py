"""Whether a web page is whole: HTML lets authors leave the last end tags out, so their lack alone says little."""

from __future__ import annotations

import re

_TAG = re.compile(r"<(/?)(html|body|head|div|main|section|article|header|footer|p|h1|script)\b", re.IGNORECASE)
_END_TAG = re.compile(r"</[a-z][\w:-]*\s*>\s*(?:<!--[^>]*-->\s*)*", re.IGNORECASE)
# These are closed by hand, or the page is cut.
_CLOSED = ("div", "main", "section", "article", "script")
_LONGEST = 200


class PageEnding:
    """Takes the text of a page and tells whether it ends as one does.

    It does with the end of its body or document. Without them, it does where every element is closed that has to be,
    the last thing is an end tag, and its content has begun; or where it is no document but a piece of one.
    """

    def __init__(self) -> None:
        self._open = dict.fromkeys(_CLOSED, 0)
        self._seen: set[tuple[str, str]] = set()
        self._rest = ""
        self._tail = ""

    def take(self, chunk: str) -> None:
        """Take the next piece of the text."""
        text = self._rest + chunk
        # A tag that the pieces cut in two is seen with the next one.
        cut = text.rfind("<")
        whole, self._rest = (text[:cut], text[cut:]) if cut >= 0 and len(text) - cut < _LONGEST else (text, "")
        self._count(whole)
        self._tail = (self._tail + chunk)[-_LONGEST:]

    def is_whole(self) -> bool:
        """Whether the page, of which all was taken, ends as one does."""
        self._count(self._rest)
        self._rest = ""
        if not self._tail:
            return False
        if {("/", "html"), ("/", "body")} & self._seen:
            return True
        closed = all(count <= 0 for count in self._open.values()) and self._ends_with_tag()
        if {("", "html"), ("", "head"), ("", "body")} & self._seen:
            return closed and any(("", tag) in self._seen for tag in ("div", "main", "section", "header", "p", "h1"))
        return closed

    def _count(self, text: str) -> None:
        for slash, tag in _TAG.findall(text):
            name = tag.casefold()
            self._seen.add((slash, name))
            if name in self._open:
                self._open[name] += -1 if slash else 1

    def _ends_with_tag(self) -> bool:
        *_, last = (0, *(found.end() for found in _END_TAG.finditer(self._tail)))
        return last == len(self._tail)
