"""Web addresses as browsers take them (the URL Standard, https://url.spec.whatwg.org): what a feed writes is completed
and encoded in the same way, so that the same picture is asked for."""

from __future__ import annotations

import re

import ada_url

# What needs no change: plain ASCII, a scheme in small letters, a host, and nothing that would be encoded.
_PLAIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:[/?#][!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z|~]*)?")
_WEB = re.compile(r"\s*(?:https?:[/\\]{2}|//)", re.IGNORECASE)


def web_address(text: str) -> str:
    """Return the http(s) address that a text means to a browser.

    Blanks and letters outside ASCII are percent-encoded, a host's name is made ASCII (IDNA), a scheme in capitals
    small; `//host/path` is https. An address that is plain already stays as it is written.

    Raises:
        ValueError: it is no such address.
    """
    if _PLAIN.fullmatch(text):
        return text
    if not _WEB.match(text):
        raise ValueError("it is not an http(s) address")
    text = text.strip()
    try:
        parsed = ada_url.parse_url(text if text[0].isalpha() else f"https:{text}")
    except ValueError:
        raise ValueError("it is not a complete URL") from None
    if not parsed["hostname"]:
        raise ValueError("it is not a complete URL")
    return str(parsed["href"])


def is_web_address(text: str) -> bool:
    """Whether a text is written as an http(s) address, or as one without its scheme (`//host/path`)."""
    return _WEB.match(text) is not None
