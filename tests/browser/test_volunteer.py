"""Public pages on a phone: from a photo to the object's tip page, in both languages, with and without JavaScript."""

import csv
import re
from urllib.parse import parse_qs, unquote

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
    first.locator("a.button.quiet").click()
    page.wait_for_url(wanted["tip_page"])


MARKER = "Zq7x Ours brun, acheté à Lyon {where} & 100 % coton"


def test_a_tip_is_written_in_french_on_a_phone_and_never_sent(site, visitor, wanted):
    page = visitor(390, "fr-FR", has_touch=True, is_mobile=True, permissions=["clipboard-read", "clipboard-write"])
    sent = []
    page.context.on("request", lambda request: sent.append((request.method, request.url, request.post_data or "")))
    page.goto(f"{site.address}/objects/{wanted['object_id']}")
    page.get_by_role("link", name="Je le reconnais").click()
    page.wait_for_url("**/tips/**")
    before = len(sent)
    for label, text in (
        ("Qu’est-ce que c’est", MARKER),
        ("Où est-il", "Zq7x Lyon"),
        ("Comment le savez-vous", "Zq7x\nvendu"),
    ):
        page.get_by_label(label).fill(text)
    composed = page.locator("[data-text]").input_value()
    assert f"Référence : {wanted['object_id']}" in composed
    # What is written stays as it is, braces too; what is not answered is said to be unknown.
    assert f"Ce que c’est : {MARKER}" in composed
    assert "Quand : inconnu" in composed
    page.get_by_role("button", name="Copier le texte").click()
    page.get_by_text("Copié.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == composed
    mail = page.locator("[data-mail]")
    assert mail.inner_text() == "Écrire un e-mail"
    address, _, query = mail.get_attribute("href").partition("?")
    fields = parse_qs(query)
    assert address == "mailto:tips@example.org"
    assert fields["subject"] == [f"Signalement sur {wanted['object_id']}"]
    assert fields["body"][0].replace("\r\n", "\n") == composed
    # Too long for a mail program: only the subject, and a word about it.
    page.get_by_label("Comment le savez-vous").fill("Zq7x " + "é" * 1000)
    assert "body" not in parse_qs(mail.get_attribute("href").partition("?")[2])
    assert page.locator("[data-too-long]").is_visible()
    page.keyboard.press("Enter")
    authority = page.locator("form a", has_text="Ouvrir la page")
    assert authority.get_attribute("href") == wanted["tip_page"]
    page.wait_for_timeout(300)
    # The icon of the page may still be on its way.
    assert [address for _, address, _ in sent[before:] if "/static/" not in address] == []
    assert not [request for request in sent if "Zq7x" in unquote(" ".join(request))]
    stored = page.evaluate("JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])")
    assert stored == '[0,0,""]'
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_script_could_not_send_a_tip(site, browser, wanted):
    """The policy of the page stops what the test above would find."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.address}/tips/{wanted['object_id']}")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    assert page.evaluate("fetch('/about?text=Zq7x').then(() => 'sent', () => 'stopped')") == "stopped"
    page.evaluate("document.querySelector('[data-tip]').submit()")
    page.wait_for_timeout(300)
    assert [url for url in asked if "/tips/" in url or "Zq7x" in url] == []
    context.close()


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
    assert page.locator(".answer a.button.quiet").first.get_attribute("href") == wanted["tip_page"]
    page.locator(".answer a.button").first.click()
    assert page.locator("[data-plain] a").first.get_attribute("href") == wanted["tip_page"]
    assert not page.locator("[data-tip]").is_visible()


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
