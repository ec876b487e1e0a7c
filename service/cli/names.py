"""names: the brands and retailers of the catalogue by one identity each, and spellings that may be the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
import numpy as np
from rapidfuzz import fuzz, process

from index.records.catalogue import Catalogue
from index.records.names import KINDS, NameKind, Names
from index.workspace import Workspace
from service.cli.streams import print_json

# From this similarity of their keys on, two names are shown as perhaps one: an edit in some ten letters.
MIN_SIMILARITY = 88.0
# Names of few letters are alike by chance.
MIN_LETTERS = 5
_BLOCK = 1000


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--alike", is_flag=True, help="Only pairs of names that may be one.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.pass_obj
def names(root: Path, kind: NameKind, alike: bool, as_json: bool) -> None:
    """List the catalogue's brands or retailers, with the number of products of each; or pairs that may be one.

    What belongs together goes into aliases.toml in the workspace, and holds from the next re-index on.
    """
    counts, shown = _count(Workspace.open(root), kind)
    if alike:
        pairs = [(shown[one], shown[other]) for one, other in pairs_alike(sorted(counts))]
        if as_json:
            print_json([list(pair) for pair in pairs])
        else:
            click.echo("".join(f"{one}  =  {other} ?\n" for one, other in pairs), nl=False)
        return
    listed = [(shown[key], number) for key, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    if as_json:
        print_json([{"name": name, "products": number} for name, number in listed])
    else:
        click.echo("".join(f"{number:8d}  {name}\n" for name, number in listed), nl=False)


def pairs_alike(keys: list[str]) -> list[tuple[str, str]]:
    """Pairs of keys that differ little, each once."""
    long = [key for key in keys if len(key) >= MIN_LETTERS]
    found = []
    for start in range(0, len(long), _BLOCK):
        scores = process.cdist(
            long[start : start + _BLOCK], long, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY, dtype=np.uint8
        )
        rows, columns = np.nonzero(scores)
        found += [
            (long[start + row], long[column])
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            if start + row < column
        ]
    return found


def _count(workspace: Workspace, kind: NameKind) -> tuple[Counter[str], dict[str, str]]:
    """How many products each identity has, and the name to show for it."""
    identities, counts = Names.read(workspace.aliases), Counter[str]()
    shown: dict[str, str] = {}
    with Catalogue.open(workspace.database_url) as catalogue:
        for entry in catalogue.entries("catalogue"):
            spelled = entry.fields.several("brand") if kind == "brands" else (entry.fields.retailer,)
            for name in filter(None, spelled):
                key = identities.key(kind, name)
                counts[key] += 1
                shown.setdefault(key, identities.name(kind, name))
    return counts, shown
