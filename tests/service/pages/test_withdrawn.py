"""What was settled or forgotten is withdrawn everywhere at once: lists, feeds, posters, codes, frames, caches."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import feedparser
import pytest
from PIL import Image
from starlette.testclient import TestClient

from index.jobs.forget import find_entry, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.application import create_app
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.service.conftest import HERE

FIELDS = {"authority": "Europol", "object_id": "E-9", "title": "Green mug", "tip_page": "https://example.org/tips/9"}
TODAY = datetime.now(UTC).date().isoformat()
ROWS = [{"object_id": f"N-{n}", "title": f"Thing {n}", "status": "open", "published": "2026-01-02"} for n in range(3)]


@pytest.fixture
def site(tmp_path) -> Iterator[TestClient]:
    """A site with an object that is published on its desk, and three of a feed; a newspaper may frame it."""
    workspace = Workspace.create(tmp_path / "workspace", ColourEncoder().card.name)
    workspace = replace(workspace, settings=replace(workspace.settings, embed_on=("https://paper.example",)))
    add_feed(workspace, "police", "objects", write_feed(tmp_path / "objects", ROWS, range(1, 4)))
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
        file = io.BytesIO()
        Image.fromarray(render(50)).save(file, "PNG")
        parts = [(name, (None, text)) for name, text in FIELDS.items()] + [("image", ("crop.png", file.getvalue()))]
        assert client.post("/v1/objects", files=parts).status_code == 201
        night(client)
        yield client


def night(client: TestClient) -> None:
    services = client.app.state.services
    assert reindex(services.workspace, ColourEncoder(), Unwatched()).published
    services.live.refresh()


def feed(client: TestClient) -> dict[str, feedparser.FeedParserDict]:
    return {
        entry.link.rpartition("/")[2]: entry for entry in feedparser.parse(client.get("/feed.atom").content).entries
    }


def places(client: TestClient, object_id: str) -> set[str]:
    """Where an object is called for."""
    found = {path for path in ("/", "/embed", "/sitemap.xml") if object_id in client.get(path).text}
    entry = feed(client).get(object_id)
    items = {item["url"].rpartition("/")[2]: item for item in client.get("/feed.json").json()["items"]}
    if entry and "recognise" in entry.title:
        found.add("/feed.atom")
    if object_id in items and "image" in items[object_id]:
        found.add("/feed.json")
    found |= {path for path in ("/posters", "/codes") if client.get(f"{path}/{object_id}").status_code == 200}
    if "data-tip" in client.get(f"/tips/{object_id}").text:
        found.add("/tips")
    if "/tips/" in client.get(f"/objects/{object_id}").text:
        found.add("/objects")
    return found


EVERYWHERE = {
    "/", "/embed", "/sitemap.xml", "/feed.atom", "/feed.json", "/posters", "/codes", "/tips", "/objects",
}  # fmt: skip


@pytest.mark.parametrize("status", ["identified", "closed"])
def test_settled_on_the_desk_before_any_re_index(site, status):
    # Twice, so that all of it is in the cache.
    assert places(site, "E-9") == places(site, "E-9") == EVERYWHERE
    tags = {
        path: site.get(path).headers["etag"] for path in ("/", "/feed.atom", "/embed", "/objects/E-9", "/cards/E-9")
    }
    fields = {"authority": (None, "Europol"), "status": (None, status)}
    assert site.post("/v1/objects/E-9", files=fields).status_code == 200
    assert places(site, "E-9") == set()
    # A cache that asks whether its copy is current is told that it is not.
    for path, tag in tags.items():
        assert site.get(path, headers={"If-None-Match": tag}).status_code == 200, path
    check_told(site, "E-9", status)
    # The next re-index records it for good.
    night(site)
    assert places(site, "E-9") == set()
    check_told(site, "E-9", status)
    assert places(site, "N-1") == EVERYWHERE


def check_told(site: TestClient, object_id: str, status: str) -> None:
    """Where it is still named, it is said since when it is settled, and nothing of it is shown."""
    since = f"{status.capitalize()} on {TODAY}"
    assert since in site.get(f"/objects/{object_id}").text
    assert since in site.get(f"/tips/{object_id}").text
    entry = feed(site)[object_id]
    assert since in entry.summary
    assert entry.title.startswith(f"{status.capitalize()}:")
    assert not [link for link in entry.links if link.rel == "enclosure"]
    assert entry.updated.startswith(TODAY)
    assert site.get(f"/posters/{object_id}").status_code == 410
    assert site.get(f"/v1/objects/{object_id}").json()["status"] == status
    assert "og:image" in site.get(f"/objects/{object_id}").text


def test_settled_by_its_feed(site, tmp_path):
    assert places(site, "N-0") == places(site, "N-1") == EVERYWHERE
    write_feed(tmp_path / "objects", [{**ROWS[0], "status": "identified"}, *ROWS[1:]], range(1, 4))
    night(site)
    assert places(site, "N-0") == set()
    check_told(site, "N-0", "identified")
    assert places(site, "N-1") == EVERYWHERE


def test_forgotten_while_the_server_runs(site):
    workspace = site.app.state.services.workspace
    image = site.get("/v1/objects/N-2").json()["images"][0]
    assert places(site, "N-2") == EVERYWHERE
    assert site.get(f"/pictures/{image}").status_code == 200
    forget(workspace, find_entry(workspace, "objects", "N-2"))
    deadline = time.monotonic() + 20
    while site.get("/objects/N-2").status_code != 404:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert places(site, "N-2") == set()
    assert "N-2" not in feed(site)
    for path in (f"/pictures/{image}", "/objects/N-2", "/tips/N-2", "/cards/N-2", "/posters/N-2", "/codes/N-2"):
        assert site.get(path).status_code == 404, path
    assert places(site, "N-1") == EVERYWHERE
