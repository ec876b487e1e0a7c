"""The fields of products and objects, by every way out: API, client, pages, dossier, batch, command line, leads."""

import json
from html import unescape

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.app import dossier_pdf
from service.application import create_app
from service.cli.main import main
from service.client import Client
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.service.app.test_desk import picture
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check
from tests.service.problem_checks import problem_of
from tests.service.running import in_a_thread

PRODUCTS = [
    {
        "product_id": "P1",
        "title": "Mug",
        "brand": "Luma | Nova",
        "country": "nl, be",
        "made_in": "PT | Korea, Republic of",
        "gtin": "4006381333931 | 036000291452",
        "item_group_id": "G-7",
        "description": "<p>Holds <b>more</b> &amp; more.</p> " + "Of clay. " * 30,
        "licence": "ODbL 1.0",
        "source_page": "https://pages.example/mug",
        "link": "https://shop.example/mug",
    },
    {"product_id": "P2", "title": "Bowl", "brand": "Nova", "country": "FR"},
]
OBJECTS = [
    {
        "object_id": "E-1",
        "title": "Striped mug",
        "authority": "Europol",
        "question": "Where was this & that sold?",
        "description": "Blue stripes, one handle.",
        "country": "EE | LV",
        "region": "Baltic states",
        "series": "case 12 & more",
        "seen_from": "2014",
        "seen_until": "2016-05",
    },
    {"object_id": "E-2", "title": "Lamp", "authority": "Europol", "series": "case 12 & more", "status": "closed"},
    {"object_id": "E-3", "title": "Towel", "authority": "Europol", "country": "FR", "region": "Alps"},
]
WINDOW = {"seen_from": "2014-01-01", "seen_until": "2016-05-31"}
LISTS = {
    "brands": ["Luma", "Nova"],
    "countries": ["NL", "BE"],
    "made_in": ["PT", "Korea, Republic of"],
    "gtins": ["4006381333931", "0036000291452"],
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("fields")
    encoder = ColourEncoder()
    workspace = Workspace.create(root / "workspace", encoder.card.name)
    add_feed(workspace, "shop", "catalogue", write_feed(root / "shop", PRODUCTS, [1, 2]))
    head = dict.fromkeys(name for row in OBJECTS for name in row)
    rows = [{name: row.get(name, "") for name in head} for row in OBJECTS]
    add_feed(workspace, "europol", "objects", write_feed(root / "objects", rows, [11, 12, 13]))
    report = reindex(workspace, encoder, Unwatched())
    assert (report.published, report.refused) == (True, ())
    return workspace


@pytest.fixture(scope="module")
def site(workspace):
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
        yield client


def found(site, collection="catalogue", *filters):
    sent = {"image": ("p.png", picture(render(1)))}
    answer = site.post("/v1/search", files=sent, data={"collection": collection, "filter": list(filters)})
    assert answer.status_code == 200, answer.text
    return answer.json()["candidates"]


class TestByTheAPI:
    def test_a_product_has_its_texts_and_its_lists(self, site):
        product = site.get("/v1/products/P1").json()
        assert (product["brand"], product["country"]) == ("Luma | Nova", "NL | BE")
        assert {name: product[name] for name in LISTS} == LISTS
        assert product["description"].startswith("Holds more & more. Of clay.")
        assert (product["variant_group"], product["licence"]) == ("G-7", "ODbL 1.0")
        assert product["source_page"] == "https://pages.example/mug"
        other = site.get("/v1/products/P2").json()
        assert (other["brands"], other["made_in"], other["gtins"], other["licence"]) == (["Nova"], [], [], None)

    def test_an_object_has_its_window_and_what_is_asked(self, site):
        thing = site.get("/v1/objects/E-1").json()
        assert (thing["question"], thing["countries"]) == ("Where was this & that sold?", ["EE", "LV"])
        assert (thing["region"], thing["series"]) == ("Baltic states", "case 12 & more")
        assert {name: thing[name] for name in WINDOW} == WINDOW
        assert site.get("/v1/objects/E-3").json()["seen_from"] is None

    def test_a_candidate_has_them_too(self, site):
        product, thing = found(site)[0], next(one for one in found(site, "objects") if one["object_id"] == "E-1")
        assert {name: product[name] for name in LISTS} == LISTS
        assert product["specificity"]["countries"] == ["BE", "NL"]
        assert (thing["product_id"], thing["brand"], thing["brands"], thing["region"]) == (
            "E-1", None, [], "Baltic states",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("collection", "filters", "ids"),
        [
            ("catalogue", ["brand=nova"], {"P1", "P2"}),
            ("catalogue", ["brand=nova", "country=BE"], {"P1"}),
            ("catalogue", ["gtin=00036000291452"], {"P1"}),
            ("catalogue", ["made_in=pt"], {"P1"}),
            ("catalogue", ["variant_group=G-7", "licence=odbl 1.0"], {"P1"}),
            ("objects", ["series=case 12 & more"], {"E-1", "E-2"}),
            ("objects", ["region=alps"], {"E-3"}),
        ],
    )
    def test_filters(self, site, collection, filters, ids):
        assert {one["product_id"] for one in found(site, collection, *filters)} == ids

    def test_a_filter_by_what_is_no_gtin_says_why(self, site):
        sent = {"image": ("p.png", picture(render(1)))}
        answer = site.post("/v1/search", files=sent, data={"filter": "gtin=4006381333932"})
        assert "check digit should be 1" in problem_of(answer, 422, "invalid-query")["detail"]

    @pytest.mark.parametrize(
        ("query", "ids"),
        [("series=CASE 12 %26 more", ["E-2", "E-1"]), ("region=alps", ["E-3"]), ("country=lv", ["E-1"])],
    )
    def test_objects_are_listed_by_them(self, site, query, ids):
        listed = site.get(f"/v1/objects?{query}").json()["objects"]
        assert [thing["object_id"] for thing in listed] == ids

    def test_the_client_reads_them(self, workspace):
        app = create_app(workspace, ColourEncoder())
        with in_a_thread(app) as port, Client(f"http://127.0.0.1:{port}") as client:
            product, thing = client.product("P1"), client.object("E-1")
            assert (list(product.gtins), product.licence) == (LISTS["gtins"], "ODbL 1.0")
            assert (thing.question, thing.seen_until) == ("Where was this & that sold?", "2016-05-31")
            [candidate] = client.search([picture(render(1))], filters=[("gtin", "4006381333931")]).candidates
            assert (candidate.product_id, list(candidate.made_in)) == ("P1", LISTS["made_in"])
            assert [one.object_id for one in client.objects(region="Alps")] == ["E-3"]
            assert [one.object_id for one in client.objects(series="case 12 & more")] == ["E-2", "E-1"]

    def test_a_lead_keeps_what_can_be_followed_later(self, site):
        form = {"object_id": "E-1", "product_id": "P1"}
        lead = site.post("/v1/leads", files={name: (None, text) for name, text in form.items()}).json()
        assert {name: lead["product"][name] for name in LISTS} == LISTS
        assert (lead["product"]["licence"], lead["product"]["source_page"]) == ("ODbL 1.0", "https://pages.example/mug")
        page = site.get("/workbench/objects/E-1")
        check(page)
        assert "GTIN (EAN): 4006381333931, 0036000291452" in page.text


@pytest.mark.parametrize("language", ["en", "fr"])
class TestOnPages:
    def test_the_object_asks_its_question(self, site, language):
        page = site.get("/objects/E-1", headers={"Accept-Language": language})
        facts = check(page)
        text = unescape(page.text)
        assert '<blockquote class="question">Where was this &amp; that sold?</blockquote>' in page.text
        for shown in ("Blue stripes, one handle.", "EE, LV", "Baltic states", "2014-01-01", "2016-05-31"):
            assert shown in text
        assert ("not seen before 2014-01-01" if language == "en" else "pas vu avant le 2014-01-01") in text
        link = "/?authority=Europol&series=case%2012%20%26%20more&status=any"
        assert link in facts.attributes("a", "href")
        series = site.get(link)
        check(series)
        assert ("Lamp" in series.text, "Striped mug" in series.text, "Towel" in series.text) == (True, True, False)

    def test_an_object_without_a_question_asks_as_before(self, site, language):
        page = site.get("/objects/E-3", headers={"Accept-Language": language}).text
        assert "blockquote" not in page
        assert ("What is it: brand, model, maker?" if language == "en" else "marque, modèle, fabricant") in page

    def test_candidates_of_the_workbench(self, site, language):
        answer = site.get("/v1/products/P1").json()["images"][0]
        page = site.get(
            f"/workbench/search?crop={answer}&gtin=4006381333931&made_in=PT", headers={"Accept-Language": language}
        )
        check(page)
        assert "Bowl" not in page.text
        # The picture that is searched with is no answer to itself.
        page = site.get(
            f"/workbench/search?crop={site.get('/v1/products/P2').json()['images'][0]}",
            headers={"Accept-Language": language},
        )
        links, text = check(page).attributes("a", "href"), unescape(page.text)
        assert "Luma, Nova · shop · NL, BE" in text
        assert "PT, Korea, Republic of" in text
        assert "GTIN (EAN): 4006381333931, 0036000291452" in text
        assert "ODbL 1.0" in text
        assert "Holds more & more. Of clay." in text
        assert text.count("Of clay.") < 20
        assert {"https://pages.example/mug", "https://shop.example/mug"} <= set(links)

    def test_the_lists_offer_the_region(self, site, language):
        for address in ("/", "/workbench/objects"):
            page = site.get(f"{address}?region=Alps", headers={"Accept-Language": language})
            check(page)
            assert ("Towel" in page.text, "Striped mug" in page.text) == (True, False)
            assert "<option selected>Alps</option>" in page.text

    def test_the_dossier(self, site, language, monkeypatch):
        text = unescape(site.get(f"/workbench/dossier.html?object=E-1&lang={language}").text)
        shown = [
            "Where was this & that sold?",
            "Baltic states",
            "case 12 & more",
            "2016-05-31",
            "Luma, Nova",
            "ODbL 1.0",
        ]
        shown += ["4006381333931, 0036000291452", "PT, Korea, Republic of", "https://pages.example/mug"]
        assert [one for one in shown if one not in text] == []
        written = []
        monkeypatch.setattr(
            dossier_pdf._Sheet, "write_in", lambda self, size, text, **options: written.append(text)
        )  # fmt: skip
        assert site.get(f"/workbench/dossier.pdf?object=E-1&lang={language}").content.startswith(b"%PDF-")
        assert [one for one in shown if not any(one in text for text in written)] == []


def test_a_batch_tells_them(site):
    sent = site.post("/workbench/batch", files={"image": ("p.png", picture(render(1)))})
    [_, line] = [json.loads(line) for line in sent.text.splitlines()]
    first = line["candidates"][0]
    assert (first["made_in"], first["gtins"], first["licence"]) == (LISTS["made_in"], LISTS["gtins"], "ODbL 1.0")
    assert first["source_page"] == "https://pages.example/mug"


def test_the_command_line_tells_them(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("service.cli.search.workspace_encoder", lambda *_: (workspace, ColourEncoder()))
    crop = tmp_path / "crop.png"
    crop.write_bytes(picture(render(1)))
    words = ["--workspace", str(workspace.root), "search", str(crop), "--no-rerank", "--json"]
    answer = CliRunner().invoke(main, [*words, "--filter", "gtin=04006381333931"], catch_exceptions=False)
    [candidate] = json.loads(answer.stdout)["candidates"]
    assert {name: candidate[name] for name in LISTS} == LISTS
    refused = CliRunner().invoke(main, [*words, "--filter", "gtin=1"])
    assert refused.exit_code == 2
    assert "gtin=1: is no GTIN or EAN" in refused.stderr
