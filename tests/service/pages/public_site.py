"""A site with three published objects: one hostile, one that is asked for, one settled; and one product."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.application import create_app
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.service.conftest import HERE

HOSTILE = {
    "object_id": '"><script>alert(1)</script>/x',
    "title": '<img src=x onerror="alert(1)">{{ 7 * 7 }}',
    "authority": "</title><script src=//evil.example></script>",
    "kind": "' onfocus='alert(1)",
    "status": "open",
    "tip_page": 'https://evil.example/?"onclick="alert(1)',
}
ASKING = {
    "object_id": "2024-77",
    "title": "Striped mug",
    "authority": "Police of Nowhere",
    "kind": "mug",
    "status": "open",
    "tip_page": "https://tips.example.org/2024-77",
}
SETTLED = {**ASKING, "object_id": "2024-78", "status": "identified"}


@contextmanager
def public_site(root: Path) -> Iterator[TestClient]:
    """A client of the site, made in `root`."""
    encoder = ColourEncoder()
    workspace = Workspace.create(root / "workspace", encoder.card.name)
    add_feed(workspace, "police", "objects", write_feed(root / "objects", [HOSTILE, ASKING, SETTLED], [1, 2, 3]))
    shop = [{"product_id": "P1", "title": "Mug"}]
    add_feed(workspace, "shop", "catalogue", write_feed(root / "shop", shop, [9]))
    assert reindex(workspace, encoder, Unwatched()).published
    with TestClient(create_app(workspace, encoder), base_url=HERE) as client:
        yield client
