"""Words that agree, marked in a title."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from index.search.answer import WordMatch


def marked(text: str, found: Iterable[WordMatch]) -> Markup:
    """A text as HTML, its words that a candidate's title shares with the query marked; all of it is escaped."""
    shared = {match.found for match in found if match.region_image is None}
    parts = (Markup("<mark>{}</mark>").format(word) if word in shared else escape(word) for word in text.split(" "))
    return Markup(" ").join(parts)
