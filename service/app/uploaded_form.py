"""A form as it was sent: pictures and fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.errors import QueryInvalid

PICTURE = "image"


@dataclass(frozen=True)
class Upload:
    """What a form holds: its pictures in order, and its other fields as (name, text) in order."""

    pictures: tuple[bytes, ...]
    fields: tuple[tuple[str, str], ...]

    def told(self, known: Sequence[str], *, blank: bool = False) -> dict[str, str]:
        """The fields by name, each without space around it; those that are empty are left out, unless `blank`.

        Raises:
            QueryInvalid: a field is not known, or given twice.
        """
        told: dict[str, str] = {}
        for name, text in self.fields:
            if name not in known:
                raise QueryInvalid(f"no field is called {name[:50]!r}; there are {', '.join(known)}")
            if name in told:
                raise QueryInvalid(f"{name} is given twice: give it once")
            if blank or text.strip():
                told[name] = text.strip()
        return told
