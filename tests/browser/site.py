"""A small rendered sample served for a browser, and the browser: Debian's Chromium driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from index.alerts import Alert, add_alerts
from index.database import Database
from index.generations import open_live
from index.progress import Unwatched
from index.reindex import reindex
from index.workspace import Workspace
from service.app import create_app
from service.sample.write import Sample, render_sample
from tests.fakes import ColourEncoder, add_feed
from tests.service.running import in_a_thread

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NO_CHROMIUM = "no chromium is installed: apt-get install chromium"
# The second product of a family is the first that an authority looks for.
PRODUCTS = 24


@dataclass(frozen=True)
class Site:
    """A running server over the sample."""

    address: str
    sample: Sample


def make_workspace(root: Path) -> tuple[Workspace, Sample]:
    """A few products of every family and the objects among them, indexed under the colour encoder, with one alert."""
    sample = render_sample(root / "sample", products=PRODUCTS, workers=1)
    encoder = ColourEncoder()
    workspace = Workspace.create(root / "workspace", encoder.card.name)
    add_feed(workspace, "sample shops", "catalogue", sample.catalogue)
    add_feed(workspace, "sample authorities", "objects", sample.objects)
    assert reindex(workspace, encoder, Unwatched()).published
    _add_alert(workspace)
    return workspace, sample


@contextmanager
def served(root: Path) -> Iterator[Site]:
    """The sample, made in `root` and served."""
    workspace, sample = make_workspace(root)
    with in_a_thread(create_app(workspace, ColourEncoder())) as port:
        yield Site(f"http://127.0.0.1:{port}", sample)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser that asks nobody for anything."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield browser
        browser.close()


def _add_alert(workspace: Workspace) -> None:
    generation = open_live(workspace)
    wanted = next(iter(generation.records.entries("objects")))
    product = next(iter(generation.records.entries("catalogue")))
    generation.close()
    alert = Alert(
        object_source=wanted.source,
        object_id=wanted.fields.entry_id,
        source=product.source,
        product_id=product.fields.entry_id,
        object_title=wanted.fields.title,
        title=product.fields.title,
        brand=product.fields.brand,
        retailer=product.fields.retailer,
        link=product.fields.link,
        crop=wanted.images[0],
        image=product.images[0],
        likelihood=0.83,
        generation=1,
        found="2026-07-01T02:10:00+00:00",
    )
    database = Database.open(workspace.database_url)
    add_alerts(database, [alert])
    database.close()
