"""What benchmarks of whole searches share: their options, and a workspace in which feeds are indexed."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import page_for
from embedding.text.reading import TextReader
from index.jobs.reindex import reindex
from index.models import workspace_encoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.rerank import reranker_for
from index.workspace import Workspace


def options_for(description: str | None, part: str) -> argparse.ArgumentParser:
    """The options `--model`, `--folder`, which keeps the workspace for the next run, and `--report`, a page."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--report", type=page_for(part))
    return parser


def options_for_data(description: str | None, part: str) -> argparse.ArgumentParser:
    """These, a folder of sets of pictures, and `--every N`, which takes every N-th query."""
    parser = options_for(description, part)
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=1)
    return parser


@contextmanager
def indexed(
    options: argparse.Namespace, feeds: Callable[[Path], Iterable[Path]], text_reader: TextReader | None = None
) -> Iterator[Workspace]:
    """A workspace with feeds as sources named by their folders, indexed; one that exists is brought up to date.

    Args:
        feeds: given the workspace's folder, in which it may write, the feeds.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "workspace"
        exists = (folder / "traceobject.toml").exists()
        workspace = Workspace.open(folder) if exists else Workspace.create(folder, options.model)
        expected: set[str] = set()
        with Catalogue.open(workspace.database_url) as catalogue:
            for feed in feeds(folder):
                catalogue.add_source(feed.parent.name, "catalogue", str(feed.resolve()), "auto")
                expected.add(feed.parent.name)
            # Products of another benchmark would answer too.
            if others := {source.name for source in catalogue.sources()} - expected:
                raise SystemExit(f"{folder} has other sources too, {', '.join(sorted(others))}: name another --folder")
        workspace, encoder = workspace_encoder(workspace, print)
        reindex(workspace, encoder, Unwatched(), reranker_for(workspace), text_reader=text_reader)
        yield workspace


def feeds_of(data: Path) -> Iterator[Path]:
    """The feed of each set of a folder."""
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        yield from [folder / name for name in ("feed.csv", "gallery.csv") if (folder / name).exists()][:1]
