"""Brands and retailers by one identity each, however a feed spells them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, get_args

from index.errors import WorkspaceError
from index.spelling import folded

NameKind = Literal["brands", "retailers"]
KINDS: tuple[NameKind, ...] = get_args(NameKind)
_SIGNS = str.maketrans(dict.fromkeys("®™©℠", " "))


def name_key(name: str) -> str:
    """The form in which two spellings of one name are equal: letters and digits, folded, without accents or signs.

    "Tommy Hilfiger", "TOMMY HILFIGER ®" and "tommy-hilfiger" have one key; so have "H&M" and "H & M". A name of
    other characters alone keeps them.
    """
    kept = "".join(letter for letter in folded(name.translate(_SIGNS)) if letter.isalnum())
    return kept or " ".join(name.casefold().split())


@dataclass(frozen=True)
class Names:
    """The curators' aliases: for each kind, the name to show by the key of each of its spellings."""

    aliases: Mapping[NameKind, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))

    def name(self, kind: NameKind, name: str) -> str:
        """The name that a spelling stands for: its alias, else the spelling itself, without signs."""
        return self.aliases.get(kind, {}).get(name_key(name)) or " ".join(name.translate(_SIGNS).split())

    def key(self, kind: NameKind, name: str) -> str:
        """The identity of a spelling."""
        return name_key(self.name(kind, name))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file of aliases: tables `brands` and `retailers`, each a name and its other spellings.

        A missing file has none.

        Raises:
            WorkspaceError: it cannot be read, or a spelling belongs to two names.
        """
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{path} cannot be read: {error}") from error
        if unknown := set(raw) - set(KINDS):
            raise WorkspaceError(f"{path}: no table is called {min(unknown)!r}; there are brands and retailers")
        return cls({kind: _spellings(path, kind, raw.get(kind, {})) for kind in KINDS})


def read_aliases(path: Path) -> bytes:
    """The bytes of a file of aliases; none where it is missing."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _spellings(path: Path, kind: str, table: Any) -> Mapping[str, str]:
    if not isinstance(table, dict):
        raise WorkspaceError(f"{path}: {kind} must be a table of names, each with a list of its other spellings")
    found: dict[str, str] = {}
    for name, others in table.items():
        if not isinstance(others, list) or not all(isinstance(other, str) for other in others):
            raise WorkspaceError(f'{path}: {kind}: {name!r} must be a list of texts, such as ["H & M"]')
        for spelling in (name, *others):
            if found.setdefault(name_key(spelling), name) != name:
                raise WorkspaceError(f"{path}: {kind}: {spelling!r} belongs to {found[name_key(spelling)]!r} already")
    return found
