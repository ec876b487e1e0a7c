"""Dumps of Open Food Facts, Open Beauty Facts, Open Products Facts and Open Pet Food Facts: JSON Lines, packed by gzip.

Data: https://world.openfoodfacts.org/data. Addresses of pictures are not in a dump; they are made from the code and the
revision, as https://openfoodfacts.github.io/openfoodfacts-server/api/how-to-download-images/ documents it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from index.errors import FeedError, FeedIncomplete
from index.records.feed_records import Refusal
from index.records.source_options import Pairs
from index.sources.feeds.feed_file import FeedFile
from index.sources.fetching.outcomes import shown
from index.sources.web.download import download
from index.sources.web.facts_countries import CODES, COUNTRIES
from index.sources.web.feed_writer import ROWS, write_rows
from index.sources.web.job import Delivery, LeftOut, WebJob
from index.sources.web.probe import load_beginning
from index.stores.durable import write_file

LICENCE = "ODbL 1.0 (data), CC BY-SA 3.0 (pictures)"
LINE_BYTES = 16_000_000
"""The longest line that is read: products with all their history have some hundred thousand bytes."""

_PROJECT = re.compile(r"open(food|beauty|products|petfood)facts", re.IGNORECASE)
_CODE = re.compile(r"\d{4,24}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_DONE = "rows.json"
# Raised when the rows that are made of a dump change, so that a dump that did not change is read once more.
_VERSION = 1


def deliver_facts(job: WebJob) -> Delivery:
    """The dump's products that have a picture of their front and meet the conditions of `where`, as rows.

    Raises:
        Failure: the dump cannot be had.
        FeedError: it is cut short, or none.
    """
    if job.enough:
        path, cut = load_beginning(job.client, job.url, job.folder)
        left_out = LeftOut()
        rows = write_rows(job.first(_rows(job, path, left_out, cut=cut)), job.folder)
        return Delivery(rows, "jsonl", left_out=left_out.refusals())
    path = download(job.client, job.url, job.folder)
    about = path.stat()
    made_of = {
        "version": _VERSION,
        "size": about.st_size,
        "modified": about.st_mtime_ns,
        "where": [list(pair) for pair in job.options.where],
    }
    rows, done = job.folder / ROWS, job.folder / _DONE
    former = _read(done)
    if rows.exists() and former.get("made_of") == made_of:
        kept = [Refusal(*one) for one in former["left_out"]]
        return Delivery(rows, "jsonl", left_out=tuple(kept))
    left_out = LeftOut()
    done.unlink(missing_ok=True)
    rows = write_rows(_rows(job, path, left_out), job.folder)
    refused = left_out.refusals()
    write_file(done, json.dumps({"made_of": made_of, "left_out": [astuple(one) for one in refused]}).encode())
    return Delivery(rows, "jsonl", left_out=refused)


@dataclass(frozen=True)
class Where:
    """Conditions on a product: of one column any, of several columns all."""

    conditions: Pairs

    def allow(self, product: Mapping[str, object]) -> bool:
        """Whether a product meets them. A column's tags are looked at ("countries": "en:france"), or else its text."""
        wanted: dict[str, set[str]] = {}
        for name, value in self.conditions:
            wanted.setdefault(name, set()).add(_tag(name, value))
        return all(values & _tags(product, name) for name, values in wanted.items())


def row_of(product: Mapping[str, object], project: str) -> dict[str, object] | None:
    """The row that a product makes; None where it has no code or no picture of its front."""
    code = _text(product, "code")
    if not _CODE.fullmatch(code):
        return None
    language, revision = _front(product.get("images"), _text(product, "lang") or _text(product, "lc"))
    if not revision:
        return None
    page = f"https://world.{project}.org/product/{code}"
    return {
        "id": code,
        "gtin": code if len(code) in (8, 12, 13, 14) else "",
        "title": _text(product, f"product_name_{language}") or _text(product, "product_name"),
        "brand": _text(product, "brands").replace(",", " | "),
        "category": _text(product, "categories").split(",")[0],
        "country": " | ".join(CODES.get(tag, tag) for tag in sorted(_tags(product, "countries"))),
        "made_in": _text(product, "manufacturing_places").replace(",", " | "),
        "description": _text(product, "generic_name"),
        "link": page,
        "source_page": page,
        "licence": LICENCE,
        "image_link": [picture_address(code, language, revision, project)],
    }


def picture_address(code: str, language: str, revision: str, project: str) -> str:
    """Where the picture of a product's front lies, 400 pixels high."""
    padded = code.rjust(13, "0")
    folder = "/".join((padded[:3], padded[3:6], padded[6:9], padded[9:]))
    return f"https://images.{project}.org/images/products/{folder}/front_{language}.{revision}.400.jpg"


def _rows(job: WebJob, path: Path, left_out: LeftOut, *, cut: bool = False) -> Iterator[dict[str, object]]:
    """The rows of a dump, or of the beginning of one that was `cut`. Raises FeedError."""
    found = _PROJECT.search(job.url)
    project = found[0].casefold() if found else "openfoodfacts"
    where = Where(job.options.where)
    read = 0
    with job.progress.step(f"filtering {job.source.name}") as tick:
        for number, line in _lines(path, job.url, cut=cut):
            tick(1)
            try:
                product = json.loads(line)
            except (ValueError, RecursionError):
                left_out.add(f"{shown(job.url)}:{number}", "bad-json", f"line {number} is not JSON")
                continue
            if not isinstance(product, dict):
                continue
            read += "code" in product
            if where.allow(product) and (row := row_of(product, project)):
                yield row
    if not read:
        raise FeedError(f"{shown(job.url)}: no line of it is a product with a code: this is no dump of Open Facts.")


def _lines(path: Path, place: str, *, cut: bool) -> Iterator[tuple[int, bytes]]:
    """Each line with its number from 1. Raises FeedError."""
    with suppress(FeedIncomplete) if cut else nullcontext(), FeedFile(path).open() as file:
        for number, line in enumerate(iter(lambda: file.readline(LINE_BYTES), b""), start=1):
            if len(line) >= LINE_BYTES and not line.endswith(b"\n"):
                raise FeedError(f"{shown(place)}: line {number} has over {LINE_BYTES:,} bytes: this is no dump.")
            yield number, line


def _front(images: object, language: str) -> tuple[str, str]:
    """The language and revision of the front's picture: in the product's own language, or else the first by name.

    `front_fr` in older dumps, `selected.front.fr` in newer ones.
    """
    if not isinstance(images, Mapping):
        return "", ""
    found: dict[str, str] = {}
    selected = images.get("selected")
    fronts = selected.get("front") if isinstance(selected, Mapping) else None
    named = fronts.items() if isinstance(fronts, Mapping) else ()
    older = ((name.removeprefix("front_"), about) for name, about in images.items() if name.startswith("front_"))
    for name, about in (*older, *named):
        revision = str(about.get("rev", "")) if isinstance(about, Mapping) else ""
        if _LANGUAGE.fullmatch(name) and revision.isdecimal():
            found[name] = revision
    chosen = language if language in found else min(found, default="")
    return chosen, found.get(chosen, "")


def _tags(product: Mapping[str, object], name: str) -> set[str]:
    """The tags of a column without their language: "en:france" is "france"."""
    tags = product.get(f"{name}_tags")
    if isinstance(tags, list):
        return {tag.partition(":")[2] or tag for tag in tags if isinstance(tag, str)}
    return {_tag(name, part) for part in _text(product, name).split(",") if part.strip()}


def _tag(name: str, value: str) -> str:
    """A value as a tag: "nl" of a country is "netherlands", "United Kingdom" is "united-kingdom"."""
    tag = re.sub(r"[\s_']+", "-", value.strip().casefold())
    tag = tag.partition(":")[2] or tag
    return COUNTRIES.get(tag, tag) if name == "countries" else tag


def _text(product: Mapping[str, object], name: str) -> str:
    value = product.get(name)
    return str(value).strip() if isinstance(value, str | int) else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
