"""axe-core finds no serious fault on any page in either colour scheme, and no page is wider than its screen."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.site import CURATOR, NAME
from tests.browser.tour import tour

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [(360, "light", "fr-FR"), (390, "dark", "en-GB"), (1440, "light", "en-GB"), (1440, "dark", "fr-FR")],
)
def test_every_page_is_accessible(site, visitor, width, scheme, language):
    pages = {who: visitor(width, language, signed_in=who, color_scheme=scheme) for who in ("", NAME, CURATOR)}
    found = []
    for stop in tour(site):
        page = pages[stop.who]
        page.goto(site.address + stop.address)
        stop.act(page)
        for fault in Axe().run(page, options=RULES).response["violations"]:
            if fault["impact"] in ("serious", "critical"):
                where = [node["target"] for node in fault["nodes"]][:3]
                found.append(f"{stop.name}: {fault['id']} ({fault['help']}) at {where}")
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wider > 0:
            found.append(f"{stop.name}: {wider} px wider than the screen")
    assert found == []


def test_axe_finds_what_is_wrong(site, visitor):
    page = visitor(390, "en-GB")
    page.goto(site.address)
    page.evaluate(
        "document.querySelector('h1').insertAdjacentHTML('afterend', '<img src=/static/mark.svg><button></button>')"
    )
    assert {"image-alt", "button-name"} <= {fault["id"] for fault in Axe().run(page).response["violations"]}
