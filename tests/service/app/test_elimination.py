"""Sold too widely is a result: recorded with its evidence, replayable, and shown where the family is met again."""

from __future__ import annotations

import io
import json
from contextlib import closing
from html import unescape

import pytest
from click.testing import CliRunner
from PIL import Image
from starlette.testclient import TestClient

from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.accounts.roles import Role
from service.app.elimination import family_evidence
from service.app.leads import LeadChange, LeadRecord
from service.app.recorded_search import replay
from service.application import create_app
from service.cli.main import main
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.service.accounts_workspace import copy_with_accounts, signed_in
from tests.service.app.test_leads import send
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check

# Two shops' entries with one picture are one family; the third is another.
LUMA = [
    {"product_id": "L/1", "title": "Bear", "retailer": "Luma", "country": "NL | BE", "first_seen": "2014-02-01",
     "last_seen": "2016-03-01"},
    {"product_id": "L/2", "title": "Fox", "retailer": "Luma", "country": "NL"},
]  # fmt: skip
NOVA = [
    {"product_id": "N/9", "title": "Teddy", "retailer": "Nova", "country": "FR", "first_seen": "2013-05-01",
     "last_seen": "2018-01-01"},
]  # fmt: skip
OBJECTS = [{"object_id": f"2026-{n}", "title": f"Object {n}", "status": "open", "series": "case 7"} for n in (1, 2)]
EVIDENCE = {
    "entries": 2, "retailers": ["Luma", "Nova"], "countries": ["BE", "FR", "NL"], "first_seen": "2013-05-01",
    "last_seen": "2018-01-01",
}  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    root = tmp_path_factory.mktemp("families")
    encoder = ColourEncoder()
    workspace = Workspace.create(root / "workspace", encoder.card.name)
    add_feed(workspace, "luma", "catalogue", write_feed(root / "luma", LUMA, (3, 4)))
    add_feed(workspace, "nova", "catalogue", write_feed(root / "nova", NOVA, (3,)))
    add_feed(workspace, "police", "objects", write_feed(root / "police", OBJECTS, (203, 204)))
    assert reindex(workspace, encoder, Unwatched()).published
    workspace = copy_with_accounts(workspace, root / "with_accounts")
    with TestClient(create_app(workspace, encoder), base_url=HERE) as opened:
        yield opened


@pytest.fixture(scope="module")
def ines(app):
    return signed_in(app, Role.INVESTIGATOR)


def search_for(person, object_id, language="en"):
    crop = person.get(f"/v1/objects/{object_id}").json()["images"][0]
    asked = {"crop": crop, "object": object_id, "source": "police", "lang": language}
    return person.get("/workbench/search", params=asked)


@pytest.fixture(scope="module")
def eliminated(app, ines):
    """A lead on L/1 for 2026-1, kept from a search of the workbench and then eliminated."""
    page = check(search_for(ines, "2026-1"))
    query_id = next(attrs["value"] for _, attrs in page.elements if attrs.get("name") == "query_id")
    asked = {"object_id": "2026-1", "product_id": "L/1", "query_id": query_id}
    lead = send(ines, "/v1/leads", **asked, note="The label fits.").json()
    return send(ines, f"/v1/leads/{lead['id']}", state="sold_too_widely", note="Two chains, three countries.").json()


def test_is_recorded_with_where_and_when_the_family_was_sold(eliminated, app):
    kept, decided = eliminated["changes"]
    assert eliminated["state"] == "sold_too_widely"
    assert decided["evidence"] == EVIDENCE
    assert kept["evidence"] is None
    assert decided["query_id"] == kept["query_id"]
    record = list(app.app.state.services.audit.records())[-1]
    assert (record["kind"], record["state"], record["evidence"]) == ("lead", "sold_too_widely", EVIDENCE)


def test_can_be_replayed_from_the_search_that_it_is_based_on(eliminated, app):
    services = app.app.state.services
    record = services.audit.search(eliminated["changes"][-1]["query_id"])
    assert replay(record, services.workspace, ColourEncoder(), None, {}).is_same


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Sold too widely for 2026-1 by ines"), ("fr", "Trop largement vendu pour 2026-1 selon ines")],
)
def test_is_shown_at_a_later_search_that_meets_the_family(eliminated, ines, language, words):
    answer = search_for(ines, "2026-2", language)
    page = check(answer)
    # L/1 itself and N/9, which has the same picture; not L/2.
    assert unescape(answer.text).count(words) == 2
    assert page.attributes("a", "href").count(f"/workbench/objects/2026-1?source=police#lead-{eliminated['id']}") == 2
    ines.cookies.delete("language")


def test_of_the_same_object_is_shown_at_the_kin_alone(eliminated, ines):
    # L/1 shows its own lead instead.
    assert search_for(ines, "2026-1").text.count("Sold too widely for 2026-1") == 1


def test_a_lead_that_is_open_again_is_no_decision(ines, eliminated):
    address = f"/v1/leads/{eliminated['id']}"
    send(ines, address, state="open")
    try:
        assert "Sold too widely for" not in search_for(ines, "2026-2").text
    finally:
        send(ines, address, state="sold_too_widely")


def test_a_note_that_is_added_later_takes_no_evidence_away(ines, eliminated):
    address = f"/v1/leads/{eliminated['id']}"
    changed = send(ines, address, note="And a fourth.").json()["changes"]
    assert changed[-1]["evidence"] is None
    rows = ines.get("/v1/leads.csv").text
    assert '"Luma | Nova","BE | FR | NL","2013-05-01","2018-01-01"' in rows


@pytest.mark.parametrize("state", ["confirmed", "ruled_out"])
def test_other_decisions_are_met_again_too_and_carry_no_evidence(ines, state):
    lead = send(ines, "/v1/leads", object_id="2026-2", product_id="L/2", state=state).json()
    if lead["state"] != state:
        lead = send(ines, f"/v1/leads/{lead['id']}", state=state).json()
    assert lead["changes"][-1]["evidence"] is None
    words = {"confirmed": "Confirmed for 2026-2 by ines", "ruled_out": "Ruled out for 2026-2 by ines"}[state]
    assert words in search_for(ines, "2026-1").text


def test_keeping_it_twice_with_one_state_writes_once(ines):
    asked = {"object_id": "2026-2", "product_id": "N/9", "state": "sold_too_widely"}
    first, again = (send(ines, "/v1/leads", **asked) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert [change["state"] for change in first.json()["changes"]] == ["open", "sold_too_widely"]
    assert first.json()["changes"][-1]["evidence"] == EVIDENCE


@pytest.mark.parametrize(("language", "words"), [("en", "sold by: Luma, Nova"), ("fr", "vendue par : Luma, Nova")])
def test_page_and_dossier_show_the_evidence(eliminated, ines, language, words):
    page = ines.get(f"/workbench/objects/2026-1?lang={language}").text
    asked = {"object_id": "2026-1", "form": "html", "language": language}
    html = ines.get("/v1/dossier", params=asked).text
    for text in (page, html):
        assert words in unescape(text)
        assert "BE, FR, NL" in text
        assert "2013-05-01" in text
    assert ines.get("/v1/dossier", params={**asked, "form": "pdf"}).content.startswith(b"%PDF-")
    ines.cookies.delete("language")


def test_the_dossier_as_case_holds_it(eliminated, ines):
    graph = json.loads(ines.get("/v1/dossier", params={"object_id": "2026-1", "form": "jsonld"}).content)["@graph"]
    annotations = [node for node in graph if "core:Annotation" in node["@type"] and "core:hasFacet" in node]
    assert {node["core:statement"] for node in annotations} == {"sold_too_widely"}
    [facet] = annotations[-1]["core:hasFacet"]
    evidence = next(node for node in graph if node["@id"] == facet["@id"])
    assert evidence["traceobject:countries"] == EVIDENCE["countries"]


def test_a_product_that_has_gone_is_known_by_what_was_kept(app):
    change = LeadChange("2026-01-01T00:00:00+00:00", "ines", "open", "", 1, "")
    fields = {"retailer": "Gone", "country": "IT | ES", "first_seen": "2011-01-01", "last_seen": "2012-01-01"}
    lead = LeadRecord(9, "police", "2026-1", "luma", "gone", "", fields, (change,))
    with closing(open_live(app.app.state.services.workspace)) as generation:
        assert family_evidence(lead, generation) == {
            "entries": 1, "retailers": ["Gone"], "countries": ["ES", "IT"], "first_seen": "2011-01-01",
            "last_seen": "2012-01-01",
        }  # fmt: skip


def test_a_series_is_one_case_file(ines, app, eliminated):
    audit = app.app.state.services.audit
    before = audit.verify()[0]
    address = "/workbench/series.jsonld?authority=police&name=case+7"
    assert (
        address.replace("&", "&amp;").replace("+", "%20")
        in ines.get("/workbench/series?name=case+7&authority=police").text
    )
    answer = ines.get(address)
    assert answer.headers["content-disposition"] == 'attachment; filename="traceobject-series.jsonld"'
    graph = json.loads(answer.content)["@graph"]
    names = {node["@id"]: node.get("core:name") for node in graph}
    [case] = [node for node in graph if "investigation:Investigation" in node["@type"]]
    assert case["core:name"] == "case 7"
    assert sorted(names[item["@id"]] for item in case["core:object"]) == ["Object 1", "Object 2"]
    # Both objects' searches found the same products, which are in the file once.
    assert len([node for node in graph if "analysis:Analysis" in node["@type"]]) == 2
    assert sorted(name for name in names.values() if name in ("Bear", "Fox", "Teddy")) == ["Bear", "Fox", "Teddy"]
    kinds = [(record["kind"], record.get("form")) for record in audit.records(before)]
    assert kinds.count(("dossier", "jsonld")) == 2
    assert ines.get("/workbench/series.jsonld?name=nobody").status_code == 404


def met_again(answer):
    """By product, the states of the earlier decisions that an answer of the API shows."""
    return {
        one["product_id"]: [(decision["state"], decision["object_id"]) for decision in one["earlier_decisions"]]
        for one in answer.json()["candidates"]
        if one["earlier_decisions"]
    }


def picture(number):
    """A query picture that shows what the feeds' picture of this number does."""
    file = io.BytesIO()
    Image.fromarray(render(number)).save(file, "PNG")
    return file.getvalue()


def test_the_interface_shows_it_to_who_may_read_leads(eliminated, ines, app):
    asked = {"files": {"image": ("x.png", picture(3))}}
    found = met_again(ines.post("/v1/search", **asked))
    assert ("sold_too_widely", "2026-1") in found["L/1"]
    assert found["L/1"] == found["N/9"]
    accounts = app.app.state.accounts
    for scopes, shown in ((("search",), False), (("read", "search"), True)):
        _, secret = accounts.issue("ines", scopes, 1)
        person = signed_in(app, Role.VOLUNTEER)
        answer = person.post("/v1/search", headers={"Authorization": f"Bearer {secret}"}, **asked)
        assert answer.status_code == 200
        assert (met_again(answer) == found) if shown else ("sold_too_widely" not in answer.text)
        assert all((one["earlier_decisions"] is not None) == shown for one in answer.json()["candidates"])


def test_a_volunteer_sees_nothing_of_it(eliminated, app):
    anybody = signed_in(app, Role.VOLUNTEER)
    asked = {"image": ("x.png", picture(203))}
    answer = anybody.post("/v1/search", files=asked, data={"collection": "objects"})
    page = anybody.post("/recognise", files={"image": ("x.png", picture(203))})
    for public in (answer, page, anybody.get("/objects/2026-1")):
        assert public.status_code == 200
        assert "decision" not in public.text
        assert "ines" not in public.text
        assert "sold_too_widely" not in public.text


def test_a_batch_shows_it(eliminated, ines):
    lines = ines.post("/workbench/batch", files={"image": ("x.png", picture(3))}).text.splitlines()
    shown = json.loads(lines[1])["candidates"]
    assert {one["product_id"] for one in shown if one["earlier_decisions"]} >= {"L/1", "N/9"}
    page = ines.get("/workbench/batch").text
    assert 'data-earlier-sold-too-widely="Sold too widely for {object} by {who}, {day}"' in page


def test_the_command_line_shows_it(eliminated, app, tmp_path, monkeypatch):
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("service.cli.search.reranker_for", lambda workspace: None)
    (tmp_path / "crop.png").write_bytes(picture(3))
    root = app.app.state.services.workspace.root
    asked = ["--workspace", str(root), "search", str(tmp_path / "crop.png")]
    table = CliRunner().invoke(main, asked, catch_exceptions=False).stdout
    [line] = [line for line in table.splitlines() if "N/9" in line]
    assert "Sold too widely for 2026-1 by ines" in line
    answer = json.loads(CliRunner().invoke(main, [*asked, "--json"], catch_exceptions=False).stdout)
    assert {one["product_id"] for one in answer["candidates"] if one["earlier_decisions"]} >= {"L/1", "N/9"}
    assert "earlier_decisions" not in CliRunner().invoke(main, [*asked, "--in", "objects", "--json"]).stdout
