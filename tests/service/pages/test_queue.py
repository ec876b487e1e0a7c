"""The queue: what is in it, in which order, and that deciding takes an item out of it, also without JavaScript."""

from __future__ import annotations

import re
from contextlib import closing
from itertools import count

import pytest
from starlette.testclient import TestClient

from index.jobs.alerts import Alert, add_alerts
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.database import Database
from index.workspace import Workspace
from service.accounts.roles import Role
from service.app import leads
from service.application import create_app
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.service.accounts_workspace import copy_with_accounts, signed_in
from tests.service.app.test_leads import send
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

# "Rare" was sold by one shop in one country, "Common" and its kin by four shops in as many countries.
PRODUCTS = [
    {"product_id": "rare", "title": "Rare", "retailer": "R1", "country": "NL"},
    *({"product_id": f"common-{n}", "title": f"Common {n}", "retailer": f"C{n}", "country": land}
      for n, land in enumerate(("NL", "BE", "FR", "DE"))),
    {"product_id": "unsure", "title": "Unsure", "retailer": "R1", "country": "NL"},
]  # fmt: skip
SEEDS = (3, 4, 4, 4, 4, 5)
OBJECTS = [
    {"object_id": f"2026-{n}", "title": f"Object {n}", "status": status, "published": f"2026-01-0{n}"}
    for n, status in ((1, "open"), (2, "open"), (3, "identified"), (4, "open"))
]


@pytest.fixture(scope="module")
def indexed_queue(tmp_path_factory):
    root = tmp_path_factory.mktemp("queue")
    encoder = ColourEncoder()
    workspace = Workspace.create(root / "workspace", encoder.card.name)
    add_feed(workspace, "shop", "catalogue", write_feed(root / "shop", PRODUCTS, SEEDS))
    add_feed(workspace, "police", "objects", write_feed(root / "police", OBJECTS, range(203, 207)))
    assert reindex(workspace, encoder, Unwatched()).published
    return workspace


@pytest.fixture
def ines(indexed_queue, tmp_path):
    """An investigator whose workspace has alerts of each kind, and nothing decided."""
    workspace = copy_with_accounts(indexed_queue, tmp_path / "workspace")
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as opened:
        person = signed_in(opened, Role.INVESTIGATOR)
        crop = person.get("/v1/objects/2026-1").json()["images"][0]
        found = [
            ("2026-1", "common-0", 0.9), ("2026-1", "common-1", 0.95), ("2026-1", "unsure", 0.5),
            ("2026-1", "rare", 0.7), ("2026-3", "rare", 0.99), ("2026-1", "gone", 0.99),
        ]  # fmt: skip
        with closing(Database.open(workspace.database_url)) as records:
            add_alerts(
                records,
                [
                    Alert("police", of, "shop", product, f"Object {of[-1]}", product.title(), "", "", "", crop, crop,
                          likelihood, 1, "2026-02-01T02:00:00+00:00")
                    for of, product, likelihood in found
                ],
            )  # fmt: skip
        yield person


def items(person, section):
    """The titles of a section's items, in their order."""
    page = person.get("/workbench/queue")
    check(page)
    part = re.search(rf'<h2 id="of-{section}">.*?</section>', page.text, re.DOTALL)
    return [re.sub("<.*?>", "", title) for title in re.findall(r"<h3[^>]*>(.*?)</h3>", part.group())]


def test_alerts_come_by_how_rare_and_how_sure_and_a_family_once(ines):
    # 0.7 of one shop; 0.5 of one; 0.95 of four, the likelier of two of one family. An identified object's alert and a
    # product that has gone are no work.
    assert items(ines, "alerts") == ["Rare", "Unsure", "Common-1"]


def test_deciding_takes_the_whole_family_out(ines):
    send(ines, "/v1/leads", object_id="2026-1", product_id="common-3", state="sold_too_widely")
    assert items(ines, "alerts") == ["Rare", "Unsure"]
    assert items(ines, "leads") == []


def test_what_is_kept_waits_for_its_decision_the_oldest_first(ines, monkeypatch):
    # Times are kept to the second, and these changes may all fall into one.
    seconds = count()
    monkeypatch.setattr(leads, "now", lambda: f"2026-03-01T09:30:{next(seconds):02}+00:00")
    first = send(ines, "/v1/leads", object_id="2026-1", product_id="rare").json()
    send(ines, "/v1/leads", object_id="2026-2", product_id="unsure")
    assert items(ines, "leads") == ["Rare", "Unsure"]
    assert items(ines, "alerts") == ["Unsure", "Common-1"]
    send(ines, f"/v1/leads/{first['id']}", note="Asked the shop.")
    assert items(ines, "leads") == ["Unsure", "Rare"]
    send(ines, f"/v1/leads/{first['id']}", state="confirmed")
    assert items(ines, "leads") == ["Unsure"]


def test_a_finding_and_a_lead_of_an_object_that_is_settled_are_no_work(ines):
    send(ines, "/v1/leads", object_id="2026-1")
    send(ines, "/v1/leads", object_id="2026-3", product_id="rare")
    assert items(ines, "leads") == []


def test_open_objects_that_nobody_has_searched_for_the_newest_first(ines):
    assert items(ines, "objects") == ["Object 4", "Object 2", "Object 1"]
    crops = {n: ines.get(f"/v1/objects/2026-{n}").json()["images"][0] for n in (1, 4)}
    # By the object's name, and by its crop alone.
    ines.get("/workbench/search", params={"crop": crops[1], "object": "2026-1", "source": "police"})
    assert items(ines, "objects") == ["Object 4", "Object 2"]
    ines.get("/workbench/search", params={"crop": crops[4]})
    assert items(ines, "objects") == ["Object 2"]


def test_forms_work_without_javascript(ines):
    page = check(ines.get("/workbench/queue"))
    forms = [attrs for tag, attrs in page.elements if tag == "form" and "data-decide" in attrs]
    # Four decisions for each alert.
    assert [form["action"] for form in forms] == ["/workbench/leads"] * 12
    inputs = [attrs for tag, attrs in page.elements if tag == "input"]
    asked = {attrs["name"]: attrs["value"] for attrs in inputs[:7]}
    assert (asked["product_id"], asked["state"], asked["then"]) == ("rare", "open", "queue")
    answer = send(ines, "/workbench/leads", **asked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/queue")
    assert items(ines, "leads") == ["Rare"]
    [lead] = ines.get("/v1/leads").json()["leads"]
    answer = send(ines, f"/workbench/leads/{lead['id']}", state="ruled_out", then="queue")
    assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/queue")
    assert items(ines, "leads") == []


def test_a_picture_that_a_product_no_longer_has_is_replaced(ines):
    # The alerts of these tests name the crop for both.
    picture = ines.get("/v1/products/rare").json()["images"][0]
    assert f'value="{picture}"' in ines.get("/workbench/queue").text


def test_leads_back_to_no_other_place(ines):
    answer = send(ines, "/workbench/leads", object_id="2026-1", product_id="rare", then="https://example.org")
    assert answer.headers["location"].startswith("/workbench/objects/2026-1")


def test_shows_what_was_decided_on_the_family_for_another_object(ines):
    send(ines, "/v1/leads", object_id="2026-2", product_id="common-3", state="sold_too_widely")
    assert "Sold too widely for 2026-2 by ines" in ines.get("/workbench/queue").text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_key_of_a_button_is_explained_on_the_page(ines, language):
    page = ines.get(f"/workbench/queue?lang={language}")
    keys = {attrs["data-key"] for _, attrs in check(page).elements if "data-key" in attrs}
    assert keys == {"k", "c", "x", "w", "s", "n"}
    explained = re.search(r'<p class="panel keys">(.*?)</p>', page.text, re.DOTALL).group(1)
    assert set(re.findall(r"<kbd>(\w)</kbd>", explained)) == keys | {"p"}
