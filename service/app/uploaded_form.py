"""A form as it was uploaded: pictures and fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.errors import QueryInvalid

PICTURE = "image"


@dataclass(frozen=True)
class Upload:
    """The content of a form: its pictures in order, and its other fields as (name, text) in order."""

    pictures: tuple[bytes, ...]
    fields: tuple[tuple[str, str], ...]

    def fields_by_name(self, known: Sequence[str], *, keep_empty: bool = False) -> dict[str, str]:
        """The fields by name, stripped of whitespace; empty ones are left out, unless `keep_empty`.

        Raises:
            QueryInvalid: a field is unknown, or given twice.
        """
        by_name: dict[str, str] = {}
        for name, text in self.fields:
            if name not in known:
                raise QueryInvalid(f"no field is called {name[:50]!r}; there are {', '.join(known)}")
            if name in by_name:
                raise QueryInvalid(f"{name} is given twice: give it once")
            if keep_empty or text.strip():
                by_name[name] = text.strip()
        return by_name
