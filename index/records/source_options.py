"""How a source is read, beyond its place and format: kept with it, so that a re-index needs no options."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Self

import sqlalchemy as sa

from index.records.catalogue import Source
from index.records.database import Database
from index.records.schema import sources

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SourceOptions:
    """The options of one source.

    `kind`: what lies at its address: "file", "shopify", "woocommerce", "shop" (sitemaps), "openfacts", "bucket" or
    "page"; empty for a path on this machine. `headers`: request headers, each with the name of the environment variable
    that holds its value; the value itself is never kept. `where`: conditions on a row, as column and value. `encoding`:
    of the feed's text, where it was named. `reader`: the TOML that says what on a page is an object.
    `pages_a_night`: how many pages of a shop are asked for in a day; 0 leaves it to the workspace's setting.
    """

    kind: str = ""
    headers: Pairs = ()
    where: Pairs = ()
    encoding: str = ""
    reader: str = ""
    pages_a_night: int = 0

    def to_json(self) -> str:
        """The options that differ from the defaults, as JSON; "{}" where none does."""
        defaults = asdict(SourceOptions())
        return json.dumps({name: value for name, value in asdict(self).items() if value != defaults[name]})

    @classmethod
    def of(cls, source: Source) -> Self:
        """The options of a source; a name that is not known here is passed over."""
        raw = json.loads(source.options)
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in raw.items() if name in known}
        for name in ("headers", "where"):
            if name in values:
                values[name] = tuple((str(key), str(value)) for key, value in values[name])
        return cls(**values)


def set_options(database: Database, source: Source, options: SourceOptions) -> Source:
    """Write how a source is read from now on; the source with it."""
    text = options.to_json()
    with database.begin() as connection:
        connection.execute(sa.update(sources).where(sources.c.id == source.id).values(options=text))
    return replace(source, options=text)
