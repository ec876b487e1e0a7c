"""The sample: rendered products, published crops and volunteers' photos, with the right answer to each query."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.records.feed_records import Collection

PICTURES = Path(__file__).with_name("pictures")
"""The sample that is installed with this package; its README says how it was made."""
CATALOGUE, OBJECTS, TRUTH = "catalogue.csv", "objects.csv", "truth.csv"
_TRUTH_COLUMNS = ("path", "collection", "right_id")

Row = dict[str, str]


@dataclass(frozen=True)
class SampleQuery:
    """A query picture, the collection to search, and `right_id`, the id of the entry that it shows."""

    path: Path
    collection: Collection
    right_id: str


@dataclass(frozen=True)
class Sample:
    """A folder with two feeds, their pictures, volunteers' photos, and the right answer to each query."""

    folder: Path
    queries: tuple[SampleQuery, ...]

    @property
    def catalogue(self) -> Path:
        """The feed of the products."""
        return self.folder / CATALOGUE

    @property
    def objects(self) -> Path:
        """The feed of the published objects."""
        return self.folder / OBJECTS

    def queries_in(self, collection: Collection) -> tuple[SampleQuery, ...]:
        """Crops to search the catalogue by, or photos to search the objects by."""
        return tuple(query for query in self.queries if query.collection == collection)


def read_sample(folder: Path) -> Sample:
    """The sample in a folder that has truth.csv (path, collection, right_id) beside the feeds and pictures."""
    queries = (
        SampleQuery(
            folder / row["path"], "catalogue" if row["collection"] == "catalogue" else "objects", row["right_id"]
        )
        for row in _rows(folder / TRUTH)
    )
    return Sample(folder, tuple(queries))


def copy_sample(folder: Path, products: int | None = None) -> Sample:
    """Copy the installed sample into `folder`, or its first products with the objects and photos that show them.

    Args:
        folder: made if it does not exist; files of the same names are replaced.
        products: how many to copy; None copies all. The first 15 are one of each kind, as are the next 15.
    """
    feeds = {name: _rows(PICTURES / name) for name in (CATALOGUE, OBJECTS)}
    ids = list(dict.fromkeys(row["product_id"] for row in feeds[CATALOGUE]))[:products]
    truth = _rows(PICTURES / TRUTH)
    crops = {row["path"] for row in truth if row["collection"] == "catalogue" and row["right_id"] in ids}
    objects = {row["object_id"] for row in feeds[OBJECTS] if row["path"] in crops}
    truth = [row for row in truth if row["path"] in crops or row["right_id"] in objects]
    kept = {
        CATALOGUE: [row for row in feeds[CATALOGUE] if row["product_id"] in ids],
        OBJECTS: [row for row in feeds[OBJECTS] if row["path"] in crops],
    }
    for path in {row["path"] for row in (*kept[CATALOGUE], *kept[OBJECTS], *truth)}:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PICTURES / path, folder / path)
    for name, rows in kept.items():
        write_table(folder / name, tuple(feeds[name][0]), (row.values() for row in rows))
    return write_truth(folder, ((row["path"], row["collection"], row["right_id"]) for row in truth))


def write_truth(folder: Path, rows: Iterable[Sequence[str]]) -> Sample:
    """Write truth.csv, and read the sample. A row: path in `folder`, collection, right_id."""
    write_table(folder / TRUTH, _TRUTH_COLUMNS, rows)
    return read_sample(folder)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
