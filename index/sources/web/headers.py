"""Request headers whose values stand in the environment: kept by the variable's name alone."""

from __future__ import annotations

import os
import re

from index.errors import FeedError, QueryInvalid
from index.records.source_options import Pairs

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
# What the fetcher itself sends, or what would change how an answer is framed.
_OWN = frozenset(
    ("host", "connection", "content-length", "transfer-encoding", "range", "if-range", "if-none-match", "user-agent")
)


def parse_header(text: str) -> tuple[str, str]:
    """A header and the name of the variable that holds its value, from "Authorization=SHOP_TOKEN".

    Raises:
        QueryInvalid: it is written otherwise. What stands after the "=" is not repeated: it may be the secret itself.
    """
    name, _, variable = text.partition("=")
    name, variable = name.strip(), variable.strip().removeprefix("$")
    if not _NAME.fullmatch(name) or not _VARIABLE.fullmatch(variable) or name.casefold() in _OWN:
        raise QueryInvalid(
            "a header is written NAME=VARIABLE, such as Authorization=SHOP_TOKEN, where VARIABLE is the name of an "
            "environment variable that holds the value"
        )
    return name, variable


def header_values(headers: Pairs) -> dict[str, str]:
    """The headers with their values, as they stand in the environment now.

    Raises:
        FeedError: there is no such variable, or what it holds cannot stand in a header.
    """
    values = {}
    for name, variable in headers:
        value = os.environ.get(variable)
        if value is None:
            raise FeedError(
                f"the header {name} is to be taken from an environment variable that is not set: set it, by the name "
                "that was given to `traceobject add`"
            )
        if not value.isascii() or not value.isprintable():
            raise FeedError(f"the environment variable {variable} holds what cannot stand in a header")
        values[name] = value
    return values
