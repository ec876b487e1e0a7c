"""Public pages on a phone: from a photo to the object's tip page, in both languages, with and without JavaScript."""

import csv
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.site import SLOWEST_MS
from tests.browser.tour import draw_box

GO = {"en-GB": "Compare", "fr-FR": "Comparer"}


@pytest.fixture
def wanted(site):
    """An open object and its page for tips, with the crop that is published of it."""
    with site.sample.objects.open(encoding="utf-8") as file:
        return next(row for row in csv.DictReader(file) if row["status"] == "open")


@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_a_photo_leads_to_the_tip_page(site, visitor, wanted, language):
    page = visitor(390, language, has_touch=True, is_mobile=True)
    page.route("https://example.org/**", lambda route: route.fulfill(body="tips"))
    page.goto(site.address)
    page.locator("main a[href='/recognise']").click()
    page.locator("input[type=file]").nth(1).set_input_files(site.sample.folder / wanted["path"])
    page.get_by_role("button", name=GO[language], exact=True).click()
    page.wait_for_selector(".answer")
    assert page.locator("html").get_attribute("lang") == language[:2]
    first = page.locator(".answer").first
    assert wanted["object_id"] in first.inner_text()
    first.locator("a.button").click()
    page.wait_for_url(wanted["tip_page"])


def test_the_box_decides_what_is_compared(site, visitor, wanted):
    page = visitor(390, "en-GB")
    page.goto(f"{site.address}/recognise")
    page.locator("input[type=file]").nth(1).set_input_files(site.sample.folder / wanted["path"])
    draw_box(page)
    page.locator("[data-go]").click()
    page.wait_for_selector(".asked")
    shown = page.locator(".asked img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    with Image.open(site.sample.folder / wanted["path"]) as whole:
        assert shown == pytest.approx([0.7 * side for side in whole.size], abs=3)


def test_without_javascript_it_works_too(site, visitor, wanted):
    page = visitor(360, "en-GB", java_script_enabled=False)
    page.goto(f"{site.address}/objects/{wanted['object_id']}")
    assert page.locator(".crops img").first.is_visible()
    page.goto(f"{site.address}/recognise")
    page.locator("input[type=file]").nth(1).set_input_files(site.sample.folder / wanted["path"])
    page.locator("[data-go]").click()
    page.wait_for_selector(".answer")
    assert page.locator(".answer a.button").first.get_attribute("href") == wanted["tip_page"]


def test_the_viewer_zooms_by_button_wheel_and_key(site, visitor, wanted):
    page = visitor(1440, "en-GB")
    page.goto(f"{site.address}/objects/{wanted['object_id']}")
    moved = page.locator(".stage .moved")
    scale = "element => new DOMMatrix(getComputedStyle(element).transform).a"
    page.locator("[data-zoom=in]").click()
    assert moved.evaluate(scale) == pytest.approx(1.5)
    page.locator(".stage").focus()
    page.keyboard.press("0")
    assert moved.evaluate(scale) == pytest.approx(1)
    page.keyboard.press("+")
    assert moved.evaluate(scale) == pytest.approx(1.25)
    page.locator(".stage").hover()
    page.mouse.wheel(0, -200)
    expect(moved).to_have_css("transform", re.compile(r"^matrix\((1\.[5-9]|[2-9])"), timeout=SLOWEST_MS)
