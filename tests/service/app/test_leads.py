"""Leads: keep, confirm, rule out, add notes; by API and on the pages; in the audit and in the dossier."""

from __future__ import annotations

from contextlib import closing

import pytest
from click.testing import CliRunner

from index.generations.generations import open_live
from index.jobs.forget import ForgetTarget, Traces
from service.accounts.roles import Role
from service.app.audit import Audit
from service.app.leads import MAX_NOTE, Leads
from service.cli.main import main
from service.tables import open_service_database
from tests.service.accounts_workspace import copy_with_accounts, signed_in
from tests.service.pages.page_checks import check
from tests.service.problem_checks import problem_of

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)


@pytest.fixture(scope="module")
def ines(app_client):
    return signed_in(app_client, Role.INVESTIGATOR)


@pytest.fixture(autouse=True)
def _nothing_kept(app_client):
    leads = app_client.app.state.services.leads
    leads.forget(Traces((ForgetTarget("objects", "police"),), frozenset(), frozenset()))
    assert leads.all() == ()


def send(client, path, **fields):
    return client.post(path, files={name: (None, text) for name, text in fields.items()}, follow_redirects=False)


def keep(client, **fields):
    return send(client, "/v1/leads", **{"object_id": "2024-0", "product_id": "A/3", **fields})


def test_a_nul_character_is_no_fault_of_the_server(ines, app_client):
    """PostgreSQL keeps none, and says so; SQLite does."""
    answers = [keep(ines, note="a\x00b"), keep(ines, object_id="2024\x00")]
    answers.append(ines.get("/v1/leads", params={"object_id": "2024\x00"}))
    answers.append(send(app_client, "/sign-in", name="a\x00b", password="x" * 20))
    assert {answer.status_code for answer in answers} <= {200, 201, 401, 403, 404, 422}


class TestKeeping:
    def test_a_candidate(self, ines):
        answer = keep(ines, note="Same seam.", query_id="q-1")
        assert answer.status_code == 201
        lead = answer.json()
        assert lead["object"] == {"object_id": "2024-0", "source": "police"}
        assert (lead["product"]["title"], lead["product"]["brand"], lead["product"]["source"]) == (
            "Thing 3",
            "Nova",
            "luma",
        )
        assert lead["product"]["image"] == ines.get("/v1/products/A/3").json()["images"][0]
        assert lead["state"] == "open"
        [change] = lead["changes"]
        assert (change["who"], change["note"], change["query_id"], change["generation"]) == (
            "ines",
            "Same seam.",
            "q-1",
            1,
        )
        assert ines.get(f"/v1/leads/{lead['id']}").json() == lead
        assert ines.get("/v1/leads").json() == {"leads": [lead]}

    def test_twice_changes_nothing(self, ines):
        first = keep(ines)
        again = keep(ines, note="other")
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()

    def test_that_there_is_none_closes_the_line_of_inquiry(self, ines):
        answer = send(ines, "/v1/leads", object_id="2024-0", note="Hand-made.")
        lead = answer.json()
        assert (answer.status_code, lead["product"], lead["state"]) == (201, None, "not_in_catalogue")
        opened = send(ines, f"/v1/leads/{lead['id']}", state="open").json()
        closed = send(ines, "/v1/leads", object_id="2024-0", note="Still not.").json()
        assert opened["state"] == "open"
        assert [change["note"] for change in closed["changes"]] == ["Hand-made.", "", "Still not."]
        assert closed["id"] == lead["id"]
        problem_of(send(ines, f"/v1/leads/{lead['id']}", state="confirmed"), 422, "invalid-query")

    @pytest.mark.parametrize(
        ("fields", "status", "name"),
        [
            ({"object_id": "nobody"}, 404, "not-found"),
            ({"object_id": ""}, 422, "invalid-query"),
            ({"product_id": "nothing"}, 404, "not-found"),
            ({"product_id": "A/1"}, 409, "several-sources"),
            ({"source": "nobody"}, 404, "not-found"),
            ({"picture": "0" * 64}, 422, "invalid-query"),
            ({"note": "x" * (MAX_NOTE + 1)}, 422, "invalid-query"),
            ({"query_id": "x" * 65}, 422, "invalid-query"),
            ({"state": "not_in_catalogue"}, 422, "invalid-query"),
            ({"product_id": "", "state": "confirmed"}, 422, "invalid-query"),
        ],
    )
    def test_what_cannot_be_is_refused(self, ines, fields, status, name):
        problem_of(keep(ines, **fields), status, name)
        assert ines.get("/v1/leads").json() == {"leads": []}


class TestChanging:
    def test_keeps_who_said_what(self, ines, app_client):
        lead = keep(ines).json()
        carl = signed_in(app_client, Role.CURATOR)
        address = f"/v1/leads/{lead['id']}"
        send(carl, address, state="ruled_out", note="Other handle.")
        send(ines, address, note="Seen at the shop.")
        changed = send(ines, address, state="confirmed").json()
        assert [(one["who"], one["state"], one["note"]) for one in changed["changes"]] == [
            ("ines", "open", ""),
            ("carl", "ruled_out", "Other handle."),
            ("ines", "ruled_out", "Seen at the shop."),
            ("ines", "confirmed", ""),
        ]

    @pytest.mark.parametrize(
        "fields", [{"state": "not_in_catalogue"}, {"state": "maybe"}, {"state": "open"}, {"note": " "}]
    )
    def test_to_what_it_cannot_be_or_is_already_is_refused(self, ines, fields):
        lead = keep(ines).json()
        problem_of(send(ines, f"/v1/leads/{lead['id']}", **fields), 422, "invalid-query")
        assert ines.get(f"/v1/leads/{lead['id']}").json() == lead

    @pytest.mark.parametrize(("number", "status"), [("999999", 404), ("0", 422), ("x", 422), (str(2**70), 422)])
    def test_a_lead_that_is_not_there(self, ines, number, status):
        assert send(ines, f"/v1/leads/{number}", note="x").status_code == status
        assert ines.get(f"/v1/leads/{number}").status_code == status

    def test_is_recorded(self, ines, app_client):
        audit = app_client.app.state.services.audit
        before = audit.verify()[0]
        lead = keep(ines).json()
        send(ines, f"/v1/leads/{lead['id']}", state="confirmed", note="Yes.")
        kept, confirmed = audit.records(before)
        for record in (kept, confirmed):
            assert (record["kind"], record["who"], record["lead"]) == ("lead", "ines", lead["id"])
            assert (record["object"], record["product"]) == (["police", "2024-0"], ["luma", "A/3"])
        assert (kept["state"], confirmed["state"], confirmed["note"]) == ("open", "confirmed", "Yes.")

    def test_that_cannot_be_recorded_is_not_made(self, ines, app_client, monkeypatch):
        lead = keep(ines).json()

        def broken(*_, **__):
            raise OSError("disk full")

        monkeypatch.setattr(type(app_client.app.state.services.audit), "append", broken)
        assert send(ines, f"/v1/leads/{lead['id']}", state="confirmed").status_code == 500
        assert ines.get(f"/v1/leads/{lead['id']}").json() == lead


def test_lists_by_object_and_state(ines):
    first, second = keep(ines).json(), keep(ines, object_id="2024-1").json()
    send(ines, f"/v1/leads/{first['id']}", state="ruled_out")

    def listed(**asked):
        return [lead["id"] for lead in ines.get("/v1/leads", params=asked).json()["leads"]]

    assert set(listed()) == {first["id"], second["id"]}
    assert listed(state="ruled_out") == [first["id"]]
    assert listed(object_id="2024-1", object_source="police") == [second["id"]]
    assert listed(object_id="2024-1", state="ruled_out") == []
    problem_of(ines.get("/v1/leads", params={"state": "maybe"}), 422, "invalid-query")


def test_another_site_can_change_nothing(ines, app_client):
    lead = keep(ines).json()
    for path in ("/v1/leads", f"/v1/leads/{lead['id']}", "/workbench/leads", f"/workbench/leads/{lead['id']}"):
        answer = ines.post(path, files={"note": (None, "x")}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert ines.get(f"/v1/leads/{lead['id']}").json() == lead


class TestPages:
    def test_of_an_object_keep_change_and_show(self, ines):
        answer = send(
            ines, "/workbench/leads", object_id="2024-0", object_source="police", product_id="A/3", source="luma"
        )
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert where.startswith("/workbench/objects/2024-0?source=police#lead-")
        number = where.rpartition("-")[2]
        note = "<b>Same</b> seam"
        changed = send(ines, f"/workbench/leads/{number}", state="confirmed", note=note)
        assert changed.headers["location"] == where
        for language, word in (("en", "Confirmed"), ("fr", "Confirmée")):
            page = ines.get(f"/workbench/objects/2024-0?lang={language}")
            check(page)
            assert word in page.text
            assert "Thing 3" in page.text
            assert note not in page.text
            assert "&lt;b&gt;Same" in page.text
        ines.cookies.delete("language")

    def test_of_a_finding_that_says_so_and_offers_no_second_one(self, ines):
        assert "data-finding" in ines.get("/workbench/objects/2024-0").text
        send(ines, "/workbench/leads", object_id="2024-0", object_source="police", note="Hand-made.")
        page = ines.get("/workbench/objects/2024-0")
        assert "Closed: not in the catalogue" in page.text
        assert "data-finding" not in page.text

    def test_of_results_offer_to_keep_what_is_not_kept(self, ines):
        crop = ines.get("/v1/objects/2024-0").json()["images"][0]
        asked = {"crop": crop, "object": "2024-0", "source": "police"}
        before = check(ines.get("/workbench/search", params=asked))
        named = [attrs for tag, attrs in before.elements if tag == "input"]
        first = next(place for place, attrs in enumerate(named) if attrs["name"] == "product_id")
        product, source = named[first]["value"], named[first + 1]["value"]
        assert keep(ines, product_id=product, source=source).status_code == 201
        after = check(ines.get("/workbench/search", params=asked))

        def offers(page):
            return sum("data-keep" in attrs for tag, attrs in page.elements if tag == "form")

        assert offers(before) == 12
        assert offers(after) == 11
        assert offers(check(ines.get("/workbench/search", params={"crop": crop}))) == 0

    def test_of_all_leads_filter_them(self, ines):
        keep(ines)
        send(ines, "/v1/leads", object_id="2024-1")
        everything, closed = (ines.get(f"/workbench/leads{q}") for q in ("", "?state=not_in_catalogue"))
        check(everything)
        check(closed)
        assert "Thing 3" in everything.text
        assert "Thing 3" not in closed.text
        assert "2024-1" in closed.text

    def test_show_what_is_wrong(self, ines):
        answer = send(ines, "/workbench/leads", object_id="nobody")
        assert answer.status_code == 404
        check(answer)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_dossier_holds_them(ines, language):
    lead = keep(ines, note="Same seam ✓").json()
    send(ines, f"/v1/leads/{lead['id']}", state="confirmed")
    send(ines, "/v1/leads", object_id="2024-0")
    asked = {"object_id": "2024-0", "form": "html", "language": language}
    dossier = ines.get("/v1/dossier", params=asked)
    assert dossier.headers["content-type"].startswith("text/html")
    for words in ("Same seam ✓", "ines", "Thing 3", {"en": "Confirmed", "fr": "Confirmée"}[language]):
        assert words in dossier.text
    pdf = ines.get("/v1/dossier", params={**asked, "form": "pdf"})
    assert pdf.content.startswith(b"%PDF-")
    problem_of(ines.get("/v1/dossier", params={**asked, "form": "exe"}), 422, "invalid-query")


class TestForgetting:
    def test_a_product_takes_its_leads_alone(self, ines, app_client):
        keep(ines)
        other = keep(ines, product_id="A/4").json()
        traces = Traces((ForgetTarget("catalogue", "luma", "A/3"),), frozenset(), frozenset())
        assert app_client.app.state.services.leads.forget(traces) == 1
        assert [lead["id"] for lead in ines.get("/v1/leads").json()["leads"]] == [other["id"]]

    def test_a_source_takes_all_of_its_leads_and_no_finding(self, ines, app_client):
        keep(ines)
        finding = send(ines, "/v1/leads", object_id="2024-0").json()
        traces = Traces((ForgetTarget("catalogue", "luma"),), frozenset(), frozenset())
        assert app_client.app.state.services.leads.forget(traces) == 1
        assert [lead["id"] for lead in ines.get("/v1/leads").json()["leads"]] == [finding["id"]]

    def test_by_the_command_takes_them_too(self, indexed, tmp_path):
        workspace = copy_with_accounts(indexed, tmp_path / "workspace")
        with closing(open_live(workspace)) as generation, closing(open_service_database(workspace)) as database:
            [wanted] = generation.records.find("objects", "2024-0")
            [product] = generation.records.find("catalogue", "A/3")
            [other] = generation.records.find("catalogue", "A/4")
            leads = Leads(database, Audit(database))
            leads.keep(wanted, product, "ines", 1)
            kept, _ = leads.keep(wanted, other, "ines", 1)
        result = CliRunner().invoke(main, ["--workspace", str(workspace.root), "forget", "product", "A/3"])
        assert result.exit_code == 0, result.output
        with closing(open_service_database(workspace)) as database:
            assert Leads(database, Audit(database)).all() == (kept,)
            assert Audit(database).verify()[0] == 2
