"""Conditions in Milvus' language: https://milvus.io/docs/v2.3.x/boolean.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from index.engines.protocol import Rows
from index.engines.row_fields import Condition

_SHA256 = re.compile(r"[0-9a-f]{64}")


def expression(allow: Rows | Condition | None) -> str:
    """The rows that may answer; "" for all."""
    if allow is None:
        return ""
    if not isinstance(allow, Condition):
        return f"row in {allow.tolist()}"
    parts = [has_any(tokens) for tokens in allow.any_of]
    if allow.first_before is not None:
        parts.append(f"first_seen < {allow.first_before}")
    if allow.last_after is not None:
        parts.append(f"last_seen > {allow.last_after}")
    # What is no SHA-256 is no image; it may have any character.
    if images := [image for image in allow.without_images if _SHA256.fullmatch(image)]:
        parts.append(f"image not in {json.dumps(images)}")
    return " and ".join(parts)


def has_any(tokens: Iterable[int]) -> str:
    """Rows that have one of some tokens."""
    return f"array_contains_any(tokens, {list(tokens)})"
