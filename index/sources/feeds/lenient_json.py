"""JSON as web pages have it: with comments, trailing commas, line breaks in texts, several documents in one script."""

from __future__ import annotations

import html
import json
import re

from index.sources.feeds.extras import load

# JSON5 reads itself; here lies how deep it may go.
_DEPTH = 200
# Around the whole script, for browsers that knew no scripts or took them for markup.
_WRAPPING = re.compile(r"^\s*(?:(?://|/\*)?\s*<!\[CDATA\[(?:\s*\*/)?|<!--)|(?:(?://|/\*)?\s*\]\]>(?:\s*\*/)?|-->)\s*$")
_BETWEEN = re.compile(r"(?:[\s;,\ufeff]|//[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|//[^\n]*|/\*.*?\*/|[{}\[\]]', re.DOTALL)
_CONTROL = re.compile(r"[\n\r\u2028\u2029]")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=lambda _: None, strict=False)


def documents(script: str) -> tuple[list[object], str]:
    """Return the documents of a script, and what is wrong after the last of them; nothing where all of it was read.

    Numbers of strict JSON stay as they are written, as text.
    """
    text = _WRAPPING.sub("", script)
    found, wrong = _documents(text)
    if wrong and not found and "&quot;" in text:
        return _documents(html.unescape(text))
    return found, wrong


def _documents(text: str) -> tuple[list[object], str]:
    found: list[object] = []
    at = _skip(text, 0)
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as strict:
            try:
                value, at = _lenient(text, at)
            except (ValueError, RecursionError):
                return found, strict.msg if isinstance(strict, json.JSONDecodeError) else "it is nested too deeply"
        found.append(value)
        at = _skip(text, at)
    return found, "" if found else "it is empty"


def _skip(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    return between.end() if between else at


def _lenient(text: str, at: int) -> tuple[object, int]:
    """The value that begins at a place, read as JSON5, and where it ends. Raises ValueError."""
    end = _extent(text, at)
    json5 = load("pyjson5", "a web page with JSON-LD")
    written = _TOKEN.sub(_on_one_line, text[at:end])
    try:
        return json5.decode(written, _DEPTH), end
    except json5.Json5Exception as error:
        raise ValueError(str(error)) from error


def _extent(text: str, at: int) -> int:
    """Where the value that begins at a place ends by its brackets. Raises ValueError."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        depth += (token[0] in ("{", "[")) - (token[0] in ("}", "]"))
        if depth <= 0 and token[0] in ("}", "]"):
            return token.end()
    raise ValueError("it does not end")


def _on_one_line(token: re.Match[str]) -> str:
    """A text without line breaks, which JSON5 does not allow in one either."""
    return _CONTROL.sub(lambda control: _ESCAPES[control[0]], token[0]) if token[0][0] in "\"'" else token[0]
