"""authorities.toml: where an authority takes tips, and how it wants them written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from index.errors import WorkspaceError
from index.records.filters import folded
from service.rendering.environment import web_link

FILE = "authorities.toml"
# What a template may name in braces: facts of the object, and what the volunteer writes.
PLACEHOLDERS = ("reference", "title", "authority", "address", "what", "where", "when", "how")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_MAIL = re.compile(r"[^\s@<>\"',;:?&%]+@[^\s@<>\"',;:?&%]+\.[^\s@<>\"',;:?&%]+")


def _page(text: str) -> str:
    if text and not web_link(text):
        raise ValueError("must be an http or https address")
    return text


def _mail(text: str) -> str:
    if text and not _MAIL.fullmatch(text):
        raise ValueError("must be one mail address")
    return text


def _template(text: str) -> str:
    if unknown := [name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]:
        raise ValueError(f"names {{{unknown[0]}}}; there are {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}")
    return text


Template = Annotated[str, AfterValidator(_template)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Authority:
    """How one authority takes tips; empty where it did not say.

    `page` is its page for tips, for objects whose feed names none; `mail` its address for tips; `subject` and
    `template` are texts with PLACEHOLDERS in braces.
    """

    page: Annotated[str, AfterValidator(_page)] = ""
    mail: Annotated[str, AfterValidator(_mail)] = ""
    subject: Template = ""
    template: Template = ""


class Authorities:
    """The authorities of a workspace, by name regardless of case."""

    def __init__(self, known: Mapping[str, Authority]) -> None:
        self._known = {folded(name): authority for name, authority in known.items()}

    @classmethod
    def read(cls, root: Path) -> Authorities:
        """Those of a workspace's folder; none where it has no such file.

        Raises:
            WorkspaceError: the file cannot be read, or has something that is not known or not valid.
        """
        path = root / FILE
        try:
            return cls(TypeAdapter(dict[str, Authority]).validate_python(tomllib.loads(path.read_text("utf-8"))))
        except FileNotFoundError:
            return cls({})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise WorkspaceError(f"{path}: {where}: {first['msg']}") from error
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{path} cannot be read: {error}") from error

    def named(self, name: str) -> Authority:
        """The authority with that name; one without any wish where it is not known."""
        return self._known.get(folded(name), Authority())
