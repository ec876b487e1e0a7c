"""The workbench in a browser: boxes by mouse and keyboard, search, comparison, leads, dossiers, batch export."""

import csv
import io
import json

import pytest
from playwright.sync_api import expect

from tests.browser.site import NAME, PASSWORD, SLOWEST_MS
from tests.browser.tour import draw_box

NAMES = {
    "en-GB": {
        "objects": "Objects", "parts": "Choose crops and boxes", "pdf": "Save as PDF", "html": "Save as HTML",
        "keep": "Keep as a lead", "kept": "Kept as a lead", "confirmed": "Confirmed", "save": "Save",
        "leave": "Sign out", "language": "en",
    },
    "fr-FR": {
        "objects": "Objets", "parts": "Choisir images et cadres", "pdf": "Enregistrer en PDF",
        "html": "Enregistrer en HTML", "keep": "Retenir comme piste", "kept": "Retenu comme piste",
        "confirmed": "Confirmée", "save": "Enregistrer", "leave": "Se déconnecter", "language": "fr",
    },
}  # fmt: skip


@pytest.fixture
def crop(site):
    return next(query for query in site.sample.queries if query.collection == "catalogue")


def boxes(page) -> list[list[float]]:
    """Where the boxes lie on their picture, in per cent: left, top, width, height."""
    sides = "element => ['left', 'top', 'width', 'height'].map(side => parseFloat(element.style[side]))"
    return [box.evaluate(sides) for box in page.locator(".box").all()]


@pytest.mark.parametrize(("language", "turn"), [("en-GB", 1), ("fr-FR", 2)])
def test_a_day_at_the_desk(site, visitor, language, turn):
    texts = NAMES[language]
    asked = [query for query in site.sample.queries if query.collection == "catalogue"]
    named = dict.fromkeys(query.path.stem.rpartition("-")[0] for query in asked)
    # The tour keeps leads for the object of its crop.
    object_id = [name for name in named if name != site.object_id][turn]
    page = visitor(1440, language)
    page.goto(f"{site.address}/workbench")
    assert page.locator("html").get_attribute("lang") == texts["language"]
    page.locator("#name").fill(NAME)
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.address}/workbench")
    page.locator("header").get_by_role("link", name=texts["objects"]).click()
    page.locator(f"h2 a[href*='/{object_id}?']").click()
    page.get_by_role("link", name=texts["parts"]).click()
    page.locator(".picks a").first.click()
    draw_box(page)
    page.locator("[data-go]").click()
    page.wait_for_selector(".grid")
    assert object_id in page.locator(".about").inner_text()
    page.locator("[data-opener]").first.click()
    dialog = page.locator("dialog[open]")
    assert dialog.locator("h2").inner_text().startswith("1. ")
    dialog.locator("[data-step='1']").click()
    title = dialog.locator("h2").inner_text()
    assert title.startswith("2. ")
    dialog.locator("[data-zoom=in]").click()
    scales = dialog.locator(".moved").evaluate_all(
        "all => all.map(one => new DOMMatrix(getComputedStyle(one).transform).a)"
    )
    assert scales == pytest.approx([1.5, 1.5])
    keep = dialog.locator("[data-keep-this]")
    assert keep.inner_text() == texts["keep"]
    keep.click()
    page.wait_for_selector("[data-keep-this]:disabled")
    assert keep.inner_text() == texts["kept"]
    page.keyboard.press("Escape")
    page.wait_for_selector("[data-compare='2']:focus")
    page.locator(".about a").first.click()
    lead = page.locator(".lead-item")
    assert lead.count() == 1
    assert title.partition(" ")[2] in lead.inner_text()
    lead.locator("select").select_option("confirmed")
    lead.locator("textarea").fill("Same seam.")
    lead.get_by_role("button", name=texts["save"]).click()
    page.wait_for_selector(".status.confirmed")
    assert texts["confirmed"] in lead.locator("h3").inner_text()
    assert f"{NAME}: {texts['confirmed']}" in lead.locator(".history").inner_text()
    files = {}
    for shape in ("pdf", "html"):
        with page.expect_download() as download:
            page.get_by_role("link", name=texts[shape]).click()
        assert download.value.suggested_filename == f"traceobject-{object_id}.{shape}"
        files[shape] = download.value.path().read_bytes()
    assert files["pdf"].startswith(b"%PDF-")
    assert "Same seam." in files["html"].decode()
    page.get_by_role("button", name=texts["leave"]).click()
    page.wait_for_url(f"{site.address}/")
    page.goto(f"{site.address}/workbench")
    assert page.url.startswith(f"{site.address}/sign-in")


def test_boxes_are_drawn_moved_resized_and_removed(site, visitor, crop):
    page = visitor(1440, "en-GB", signed_in=NAME)
    page.goto(f"{site.address}/workbench")
    page.locator("[data-files]").set_input_files(crop.path)
    draw_box(page)
    [drawn] = boxes(page)
    assert drawn == pytest.approx([15, 15, 70, 70], abs=1)
    page.locator(".box").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    [moved] = boxes(page)
    assert moved == pytest.approx([17, 15, 70, 68], abs=1)
    edge = page.locator(".box").bounding_box()
    middle = (edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 200, middle[1], steps=4)
    page.mouse.up()
    [dragged] = boxes(page)
    assert dragged[0] == pytest.approx(0, abs=0.1)
    assert dragged[2:] == pytest.approx(moved[2:], abs=0.1)
    page.get_by_role("button", name="Add a box").click()
    assert len(boxes(page)) == 2
    page.keyboard.press("Delete")
    assert len(boxes(page)) == 1


def test_the_search_keeps_the_pictures_and_their_boxes(site, visitor, crop):
    page = visitor(1440, "en-GB", signed_in=NAME)
    page.goto(f"{site.address}/workbench")
    page.locator("[data-files]").set_input_files([crop.path, crop.path])
    draw_box(page, 0)
    draw_box(page, 1)
    for _ in range(2):
        with page.expect_response("**/workbench/search"):
            page.locator("[data-go]").click()
        page.wait_for_selector(".grid")
        assert len(boxes(page)) == 2
    assert len(json.loads(page.locator("[data-queries]").get_attribute("data-queries"))) == 2


def test_an_error_is_shown_beside_the_form(site, visitor, tmp_path):
    page = visitor(1440, "fr-FR", signed_in=NAME)
    page.goto(f"{site.address}/workbench")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    page.locator("[data-files]").set_input_files(tmp_path / "broken.png")
    page.locator("[data-go]").click()
    expect(page.locator("[data-busy]")).to_contain_text("image", timeout=SLOWEST_MS)
    assert page.locator("[data-go]").is_enabled()


def test_a_batch_is_exported(site, visitor, crop, tmp_path):
    page = visitor(1440, "en-GB", signed_in=NAME)
    page.goto(f"{site.address}/workbench/batch")
    (tmp_path / "=broken.png").write_bytes(b"no picture")
    page.locator("[data-files]").first.set_input_files([crop.path, tmp_path / "=broken.png"])
    page.locator("[data-go]").click()
    page.wait_for_selector("[data-csv]:not([disabled])")
    assert page.locator("tbody tr").count() == 2
    with page.expect_download() as download:
        page.locator("[data-csv]").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5", ""]
    assert rows[0]["crop"] == crop.path.name
    assert rows[5]["crop"] == "'=broken.png"
    assert rows[5]["error"]
    with page.expect_download() as download:
        page.locator("[data-json]").click()
    rows = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert [len(row.get("candidates", [])) for row in rows] == [5, 0]


def test_three_candidates_are_decided_by_keyboard(site, visitor):
    page = visitor(1440, "en-GB", signed_in=NAME)
    page.goto(f"{site.address}/workbench/queue")
    page.wait_for_selector("[data-item]:focus")
    titles = page.locator("#of-alerts ~ ol h3").all_inner_texts()
    assert len(titles) > 3
    # The first is passed over and come back to from the second.
    page.keyboard.press("n")
    page.keyboard.press("p")
    assert page.locator("[data-item]:focus h3").inner_text() == titles[0]
    for number, key in enumerate("kxw"):
        assert page.locator("[data-item]:focus").get_attribute("id") == f"item-{number + 1}"
        page.keyboard.press(key)
        page.wait_for_selector(f"#item-{number + 1}[data-decided]")
        expect(page.locator("[data-said]")).to_contain_text(titles[number])
    page.wait_for_selector("#item-4:focus")
    page.reload()
    assert page.locator("#of-alerts ~ ol h3").all_inner_texts() == titles[3:]
    assert titles[0] in page.locator("#of-leads ~ ol").inner_text()
    page.goto(f"{site.address}/workbench/objects/{site.object_with_alerts}")
    shown = {item.locator("h3").inner_text() for item in page.locator(".lead-item").all()}
    states = ("Open", "Ruled out", "Identified, sold too widely")
    assert shown == {f"{title} {state}" for title, state in zip(titles[:3], states, strict=True)}


def test_keys_do_nothing_where_the_focus_is_in_no_item(site, visitor):
    page = visitor(1440, "en-GB", signed_in=NAME)
    page.goto(f"{site.address}/workbench/queue")
    page.wait_for_selector("[data-item]:focus")
    page.locator("header .name").focus()
    for key in "kxwcn":
        page.keyboard.press(key)
    assert page.locator("[data-decided]").count() == 0
    assert page.url == f"{site.address}/workbench/queue"


def test_a_batch_is_reviewed_by_keyboard(site, visitor):
    page = visitor(1440, "en-GB", signed_in=NAME)
    page.goto(f"{site.address}/workbench/batch")
    crops = [query.path for query in site.sample.queries if query.collection == "catalogue"][:3]
    page.locator("[data-files]").first.set_input_files(crops)
    page.locator("[data-go]").click()
    page.wait_for_selector("[data-start]:not([disabled])")
    page.locator("[data-start]").click()
    verdicts = page.locator("tbody td:nth-child(2)").all_inner_texts()
    # The first candidate of the first crop is not it, the second is; the second crop waits; the third is everywhere.
    for key in "xknw":
        page.keyboard.press(key)
    assert page.locator("[data-decided]").count() == 2
    with page.expect_download() as download:
        page.locator("[data-csv]").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    decided = {(row["crop"], row["rank"]): row["decision"] for row in rows if row["decision"]}
    told = {"candidates": "Candidates", "brand": "A brand is likely: ", "no good match": "No good match"}
    of_crops = [next(row["verdict"] for row in rows if row["crop"] == path.name) for path in crops]
    assert all(text.startswith(told[verdict]) for text, verdict in zip(verdicts, of_crops, strict=True))
    first, _, third = (path.name for path in crops)
    assert decided == {(first, "1"): "ruled_out", (first, "2"): "open", (third, "1"): "sold_too_widely"}
