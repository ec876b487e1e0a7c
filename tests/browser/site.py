"""A part of the demo's sample behind a real server, and the browser for it: Chromium through Playwright."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from embedding.encoders.choose import load
from embedding.encoders.protocol import Encoder
from embedding.encoders.registry import STARTER
from embedding.image.decode import decode
from index.generations.generations import Generation, open_live
from index.jobs.alerts import Alert, add_alerts
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.database import Database
from index.records.entries import Entry
from index.records.feed_records import Collection
from index.records.gtin import check_digit
from index.search.answer import Query, QueryImage
from index.search.rerank import Reranker, reranker_for
from index.search.search import search
from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app import authorities
from service.app.audit import Audit
from service.app.desk import Desk
from service.app.gate import PUBLISHED_THRESHOLD, FaceGate
from service.app.leads import Leads
from service.app.limits import ServerLimits
from service.application import create_app
from service.demo.sample import Sample, SampleQuery, copy_sample
from service.tables import open_service_database
from tests.drawn_face import draw_face
from tests.fakes import add_feed, write_feed
from tests.service.running import in_a_thread

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NO_CHROMIUM = "no chromium is installed: apt-get install chromium"
SLOWEST_MS = 180_000
# Fewer products give a generation without self-test, whose answers have no likelihood.
PRODUCTS = 32


# The sample’s authorities take tips by mail too.
_AUTHORITY_NAMES = ("Meridian Police Cooperation", "Federal Police of Halvern")
_AUTHORITIES = "".join(f'["{name}"]\nmail = "tips@example.org"\n' for name in _AUTHORITY_NAMES)

# Credentials of the test server.
NAME, CURATOR, PASSWORD = "ines", "carl", "correct horse battery"


@dataclass(frozen=True)
class Site:
    """A running server over the sample, in which NAME may sign in as an investigator and CURATOR as a curator.

    `object_with_lead` is the object that has an alert, a lead and a finding, `object_with_alerts` the one whose alerts
    wait for a decision. `photo` and `crop` are query pictures
    of the sample, for objects and for the catalogue, whose first candidate is right.
    """

    address: str
    sample: Sample
    object_with_lead: str
    object_with_alerts: str
    photo: SampleQuery
    crop: SampleQuery
    accounts: Accounts

    @property
    def object_id(self) -> str:
        """The object that the crop is of."""
        return self.crop.path.stem.rpartition("-")[0]

    @property
    def settled_id(self) -> str:
        """An object that is no longer open."""
        with self.sample.objects.open(encoding="utf-8") as file:
            return next(row["object_id"] for row in csv.DictReader(file) if row["status"] != "open")

    def session(self, name: str) -> dict[str, str]:
        """The cookie of a new session."""
        secret = self.accounts.sign_in(name, PASSWORD)
        assert secret
        return {"name": "session", "value": secret, "url": self.address}


def make_workspace(root: Path) -> tuple[Workspace, Sample, tuple[str, str]]:
    """A few products of every family and the objects among them, indexed as `traceobject reindex` does it.

    One object has an alert, a lead and the finding that the catalogue does not have it; another has alerts that wait
    for a decision: their ids are returned. One crop is quarantined, and one object was published on the desk and waits
    for the next re-index.
    """
    sample = copy_sample(root / "sample", PRODUCTS)
    encoder = load(STARTER)
    workspace = Workspace.create(root / "workspace", encoder.card.name)
    settings = replace(
        workspace.settings,
        embed_on=("https://www.newspaper.example",),
        public_address="https://objects.police.example",
        outside_engines=("Lookalike https://lookalike.example/by-address?picture={picture}",),
    )
    workspace = replace(workspace, settings=settings)
    (workspace.root / authorities.FILE).write_text(_AUTHORITIES, encoding="utf-8")
    _add_details(sample)
    add_feed(workspace, "sample shops", "catalogue", sample.catalogue)
    add_feed(workspace, "sample authorities", "objects", sample.objects)
    doll = write_feed(root / "museum", [{"object_id": "M-3", "title": "Doll in a grey coat"}], [1])
    Image.fromarray(draw_face()).save(doll.parent / "pictures" / "1.png")
    add_feed(workspace, "museum", "objects", doll)
    report = reindex(workspace, encoder, Unwatched(), reranker_for(workspace), gate=FaceGate(PUBLISHED_THRESHOLD))
    assert report.published
    assert report.self_test
    _publish(workspace, sample)
    return workspace, sample, _add_findings(workspace)


@contextmanager
def served(root: Path) -> Iterator[Site]:
    """The sample, made in `root` and served."""
    with serving(*make_workspace(root)) as site:
        yield site


@contextmanager
def serving(workspace: Workspace, sample: Sample, with_lead_and_with_alerts: tuple[str, str]) -> Iterator[Site]:
    """What `make_workspace` made, served."""
    encoder, reranker = load(STARTER), reranker_for(workspace)
    app = create_app(workspace, encoder, reranker, limits=ServerLimits(sign_ins=10_000))
    with closing(open_live(workspace)) as generation:
        photo, crop = (
            _answered_query(generation, encoder, reranker, sample, collection)
            for collection in ("objects", "catalogue")
        )
    with in_a_thread(app) as port, closing(open_service_database(workspace)) as database:
        accounts = Accounts(database)
        accounts.add(NAME, Role.INVESTIGATOR, PASSWORD)
        accounts.add(CURATOR, Role.CURATOR, PASSWORD)
        yield Site(f"http://127.0.0.1:{port}", sample, *with_lead_and_with_alerts, photo, crop, accounts)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser without background requests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield browser
        browser.close()


def _answered_query(
    generation: Generation, encoder: Encoder, reranker: Reranker | None, sample: Sample, collection: Collection
) -> SampleQuery:
    """The first query of the sample with the verdict "candidates" and the right first candidate."""
    for asked in sample.queries:
        if asked.collection == collection:
            query = Query((QueryImage(decode(asked.path.read_bytes())),), collection=collection)
            answer = search(query, generation, encoder, reranker)
            if answer.verdict == "candidates" and answer.candidates[0].entry.fields.entry_id == asked.right_id:
                return asked
    raise AssertionError(f"no query of the sample's {collection} has the right first candidate")


def _add_details(sample: Sample) -> None:
    """Give products and objects the fields that the rendered sample has not, as long as feeds have them."""
    text = "<p>Hand-finished, <b>dishwasher safe</b>.</p> Sold as is. "
    _widen(
        sample.catalogue,
        lambda number: {
            "brand": ("Umbra | Studio Norr", "Umbra")[number % 2],
            "country": "NL | BE | DE",
            "made_in": ("PT", "Korea, Republic of | CN")[number % 2],
            "gtin": f"{400638100000 + number}{check_digit(str(400638100000 + number))}",
            "item_group_id": f"G-{number // 2}",
            "description": text * 8,
            "licence": "Open Database License 1.0",
            "source_page": f"https://pages.example.org/catalogue/{number}",
        },
    )
    _widen(
        sample.objects,
        lambda number: {
            "question": "Do you know the shop or the market where this was sold between 2012 and 2016?",
            "description": "It lay on a bed in several pictures; a label, if it had one, is cut off.",
            "region": "Baltic states",
            "series": f"case {12 + number // 6}",
            "seen_from": "2012",
            "seen_until": "2016-05",
        },
    )


def _widen(feed: Path, more: Callable[[int], dict[str, str]]) -> None:
    with feed.open(newline="", encoding="utf-8") as file:
        rows = [{**row, **more(number)} for number, row in enumerate(csv.DictReader(file))]
    with feed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _publish(workspace: Workspace, sample: Sample) -> None:
    crops = [query.path.read_bytes() for query in sample.queries if query.collection == "catalogue"][:2]
    fields = {
        "authority": "Police fédérale",
        "object_id": "2026-004",
        "title": "Plush bear with a checked scarf, one ear torn",
        "kind": "toy/plush",
        "country": "BE",
        "published": "2026-06-30",
        "tip_page": "https://example.org/tips/2026-004",
    }
    with closing(open_service_database(workspace)) as own:
        Desk(workspace, own, Audit(own), None).publish(fields, crops, CURATOR)


def _add_findings(workspace: Workspace) -> tuple[str, str]:
    """An object with an alert, a lead and a finding; and one with alerts that wait for a decision. Their ids."""
    with closing(open_live(workspace)) as generation:
        objects = list(generation.records.entries("objects"))
        products = list(generation.records.entries("catalogue"))
    wanted, waiting = objects[0], objects[-1]
    found = [_alert(wanted, products[0], 0.83)]
    found += [_alert(waiting, product, 0.9 - number / 20) for number, product in enumerate(products[1:25:4])]
    with closing(Database.open(workspace.database_url)) as database:
        add_alerts(database, found)
    with closing(open_service_database(workspace)) as own:
        leads = Leads(own, Audit(own))
        lead, _ = leads.keep(wanted, products[0], NAME, 1, note="The same pattern; the seam is hidden.")
        leads.change(lead.id, NAME, 1, state="confirmed", note="The shop confirms: sold in 2014 only.")
        leads.keep(wanted, None, NAME, 1, note="Only this one; none of the later editions.")
    return wanted.fields.entry_id, waiting.fields.entry_id


def _alert(wanted: Entry, product: Entry, likelihood: float) -> Alert:
    return Alert(
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
        likelihood=likelihood,
        generation=1,
        found="2026-07-01T02:10:00+00:00",
    )
