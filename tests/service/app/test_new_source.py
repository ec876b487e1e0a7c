"""A curator adds a source by URL: the preview saves nothing, what is saved is read by the next re-index."""

import gzip
import json
from contextlib import closing

import pytest
from starlette.testclient import TestClient

from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.source_options import SourceOptions
from index.workspace import Workspace
from service.accounts.roles import Role
from service.app import new_source
from service.app.limits import ServerLimits
from service.application import create_app
from tests.fakes import ColourEncoder
from tests.index.sources.web.shop_server import (
    ShopServer,
    facts_code,
    put_facts,
    put_google_feed,
    put_shopify,
    put_sitemap_shop,
    put_woocommerce,
)
from tests.index.sources.web.test_pages_by_reader import HTML, html_page
from tests.service.accounts_workspace import copy_with_accounts, signed_in
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check

PREVIEW, SAVE = "/curator/sources/preview", "/curator/sources"


@pytest.fixture
def server():
    with ShopServer() as running:
        yield running


@pytest.fixture
def workspace(indexed, tmp_path, server):
    root = copy_with_accounts(indexed, tmp_path / "workspace").root
    settings = root / "traceobject.toml"
    text = settings.read_text()
    assert "allow_hosts = []" in text
    settings.write_text(text.replace("allow_hosts = []", f'allow_hosts = ["{server.netloc}"]'))
    return Workspace.open(root)


@pytest.fixture
def app(workspace):
    with TestClient(
        create_app(workspace, ColourEncoder(), limits=ServerLimits(sign_ins=1000)), base_url=HERE
    ) as client:
        yield client


@pytest.fixture
def carl(app):
    return signed_in(app, Role.CURATOR)


def send(client, path, **fields):
    return client.post(path, files={name: (None, text) for name, text in fields.items()}, follow_redirects=False)


def sources_of(workspace):
    with closing(Catalogue.open(workspace.database_url)) as catalogue:
        return {source.name: source for source in catalogue.sources()}


@pytest.mark.parametrize(
    ("put", "found", "title", "count"),
    [
        (put_shopify, "a Shopify shop", "Cup 19", "The first 20 entries"),
        (put_woocommerce, "a WooCommerce shop", "Bowl &amp; lid 19", "The first 20 entries"),
        (put_google_feed, "a feed, read as google", None, "The first 20 entries"),
        (put_sitemap_shop, "a shop with sitemaps", None, "All 20 entries"),
        (put_facts, "a dump of Open Food Facts", "Soap 19", "The first 20 entries"),
    ],
    ids=["shopify", "woocommerce", "google", "any shop", "facts"],
)
def test_the_preview_shows_the_first_entries_and_saves_nothing(carl, workspace, server, put, found, title, count):
    before = sources_of(workspace)
    page = send(carl, PREVIEW, location=put(server, 60), name="new shop")
    check(page)
    assert page.status_code == 200
    assert found in page.text
    assert count in page.text
    assert page.text.count('class="panel entry"') == 20
    assert title is None or title in page.text
    assert sources_of(workspace) == before


def test_a_preview_asks_for_no_more_than_it_shows(carl, server):
    send(carl, PREVIEW, location=put_shopify(server, 600))
    asked = [one.path for one in server.asked if "products.json" in one.path]
    assert len(asked) == 2
    assert not any("/images/" in one.path for one in server.asked)


def test_what_is_saved_is_read_by_the_next_reindex(app, carl, workspace, server):
    url = put_shopify(server, 25)
    assert 'name="location" value="' in send(carl, PREVIEW, location=url, name="cups").text
    saved = send(carl, SAVE, location=url, name="cups")
    assert (saved.status_code, saved.headers["location"]) == (303, "/curator/sources?done=added")
    page = carl.get("/curator/sources?done=added")
    check(page)
    assert 'role="status"' in page.text
    assert "cups" in page.text
    report = reindex(workspace, ColourEncoder(), Unwatched())
    assert (report.failed, report.changes["cups"].added) == ((), 25)
    assert app.get("/readyz").status_code == 200
    audit = signed_in(app, Role.ADMINISTRATOR).get("/v1/audit").json()["records"]
    (added,) = [record for record in audit if record["kind"] == "add-source"]
    assert (added["who"], added["source"], added["location"]) == ("carl", ["catalogue", "cups"], url)


def test_objects_of_a_page_by_a_reader(carl, workspace, server):
    url = server.put("/list", html_page(range(5)))
    fields = {"location": url, "collection": "objects", "name": "Police", "reader": HTML}
    page = send(carl, PREVIEW, **fields)
    check(page)
    assert page.text.count('class="panel entry"') == 5
    assert "Police" in page.text
    assert send(carl, SAVE, **fields).status_code == 303
    source = sources_of(workspace)["Police"]
    assert (source.collection, SourceOptions.of(source).reader) == ("objects", HTML.strip())


def test_a_filter_and_an_encoding_are_kept(carl, workspace, server):
    fields = {"location": put_facts(server, 120), "name": "soaps", "where": "countries=nl"}
    page = send(carl, PREVIEW, **fields)
    assert f"<dd>{facts_code(4)}</dd>" in page.text
    assert f"<dd>{facts_code(1)}</dd>" not in page.text
    assert send(carl, SAVE, **fields, encoding="utf-8").status_code == 303
    options = SourceOptions.of(sources_of(workspace)["soaps"])
    assert (options.where, options.encoding) == ((("countries", "nl"),), "utf-8")


def test_what_was_refused_is_shown_with_its_reason(carl, server):
    rows = "id,title,image_link,gtin\nA,Cup,https://x.example/a.jpg,123\n,Bowl,https://x.example/b.jpg,\n"
    page = send(carl, PREVIEW, location=server.put("/feed.csv", rows, "text/csv"))
    check(page)
    assert "2 things were refused up to here" in page.text
    assert "bad-gtin" in page.text
    assert "no-id" in page.text


def test_a_feed_that_breaks_off_is_told(carl, server):
    rows = json.dumps([{"id": n, "title": "Cup", "image_link": f"https://x.example/{n}.jpg"} for n in range(5)])
    cut = gzip.compress(rows[:-1].encode())
    page = send(carl, PREVIEW, location=server.put("/feed.json.gz", cut, "application/gzip"))
    check(page)
    assert "The reading ended before the end of the feed" in page.text


def test_a_long_feed_is_loaded_in_part(carl, server, monkeypatch):
    monkeypatch.setattr("index.sources.web.probe.BEGINNING", 20_000)
    rows = "id,title,image_link\n" + "".join(f"{n},Cup,https://x.example/{n}.jpg\n" for n in range(50_000))
    page = send(carl, PREVIEW, location=server.put("/feed.csv", rows, "text/csv"))
    check(page)
    assert "The first 20 entries" in page.text
    assert "The reading ended" not in page.text


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"location": "/etc/passwd"}, "write the whole address"),
        ({"location": "file:///etc/passwd"}, "write the whole address"),
        ({"location": "s3://bucket/secret"}, "write the whole address"),
        ({"location": ""}, "write the whole address"),
        ({"location": "https://x.example/", "format": "folder"}, "format: write one of"),
        ({"location": "https://x.example/", "collection": "leads"}, "collection: write one of"),
        ({"location": "https://x.example/", "encoding": "rot13"}, "is not known here"),
        ({"location": "https://x.example/", "where": "countries"}, "is no condition"),
        ({"location": "https://x.example/", "reader": "[html"}, "the reader is not TOML"),
        ({"location": "https://x.example/", "header": "Authorization=TRACEOBJECT_OIDC_SECRET"}, "no field is called"),
        ({"location": "http://169.254.169.254/latest/meta-data"}, "link-local"),
        ({"location": "http://10.0.0.1/feed.csv"}, "(private)"),
    ],
)
def test_what_cannot_be_added_is_refused_above_the_form(carl, workspace, fields, why):
    before = sources_of(workspace)
    page = send(carl, PREVIEW, **fields)
    check(page)
    assert page.status_code == 422
    assert why in page.text.replace("&#39;", "'")
    assert "Nothing was saved" in page.text
    if "address" not in why and "(private)" not in why and "link-local" not in why:
        assert send(carl, SAVE, **fields).status_code == 422
    assert sources_of(workspace) == before


def test_a_name_that_is_taken_is_refused(carl, workspace, server):
    taken = next(iter(sources_of(workspace).values()))
    fields = {"location": put_shopify(server, 3), "name": taken.name, "collection": taken.collection}
    for path in (PREVIEW, SAVE):
        page = send(carl, path, **fields)
        assert page.status_code == 422
        assert "there is a source" in page.text
    assert sources_of(workspace)[taken.name] == taken


def test_one_preview_at_a_time(carl, server):
    url = put_shopify(server, 3)
    with new_source._one_at_a_time:
        page = send(carl, PREVIEW, location=url)
    assert page.status_code == 503
    assert "another preview" in page.text
    assert send(carl, PREVIEW, location=url).status_code == 200


@pytest.mark.parametrize("role", [Role.VOLUNTEER, Role.INVESTIGATOR])
def test_only_curators_add_sources(app, workspace, server, role):
    client = signed_in(app, role)
    before = sources_of(workspace)
    for path in (PREVIEW, SAVE):
        assert send(client, path, location=put_shopify(server, 3)).status_code in (303, 401, 403)
    assert sources_of(workspace) == before
    assert not server.asked
