"""The words that were read, in a browser: chips are removed and corrected, and the page stays accessible."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from embedding.text.reading import LanguageGuess, Reading
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.application import create_app
from tests.browser.test_accessibility import RULES
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.service.running import in_a_thread
from tests.written import FakeReader, code, line, written

EAN = "7310865004703"
PHOTO = np.asarray(written("ZEBRAFINK", "MILK 500 g", shape=(300, 400)))
LONG = "a line that is so long that no chip could hold it without being cut " * 2


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    with site(tmp_path_factory.mktemp("written")) as port:
        yield f"http://127.0.0.1:{port}"


def site(folder: Path):
    """A server over forty products, of which one is a "Zebrafink"; its reader knows what is on PHOTO."""
    workspace = Workspace.create(folder / "workspace", "colour-64")
    rows = [{"product_id": f"p{n}", "title": "Zebrafink milk" if n == 7 else f"Thing {n}"} for n in range(40)]
    feed = write_feed(folder / "shop", rows, list(range(40)))
    box = written("Zebrafink", "full cream", paper=150)
    Image.fromarray(box).save(feed.parent / "pictures" / "7.png")
    add_feed(workspace, "shop", "catalogue", feed)
    reader = FakeReader()
    reader.write(
        PHOTO,
        Reading(
            (line("ZEBRAFINK", 0.98, (0.07, 0.1, 0.7, 0.25)), line("MILK 500 g"), line(LONG), line("<b>שלום</b>")),
            (code(EAN),),
            LanguageGuess("sv", 0.45),
        ),
    )
    reader.write(box, Reading((line("Zebrafink", 0.9, (0.06, 0.1, 0.6, 0.25)),)))
    reindex(workspace, ColourEncoder(), Unwatched(), text_reader=reader)
    return in_a_thread(create_app(workspace, ColourEncoder(), text_reader=reader))


def searched(page, address: str) -> None:
    """Search for PHOTO on a page."""
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, "PNG")
    page.goto(f"{address}/workbench")
    page.set_input_files("[data-files]", {"name": "photo.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.click("[data-go]")
    page.wait_for_selector("[data-written]")


@pytest.mark.parametrize(("width", "scheme", "locale"), [(390, "light", "fr-FR"), (1440, "dark", "en-GB")])
def test_chips_and_marked_words_are_accessible(address, browser, width, scheme, locale):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale)
    searched(page, address)
    faults = Axe().run(page, options=RULES).response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert page.locator("mark").first.is_visible()


def test_a_line_is_removed_and_the_rest_searched_for_again(address, browser):
    page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
    searched(page, address)
    assert page.locator("[name=written]").count() == 6
    page.get_by_role("button", name="Remove “MILK 500 g”").click()
    page.get_by_label("Line 1 that is written on it").fill("zebrafink")
    with page.expect_response("**/workbench/search") as sent:
        page.get_by_role("button", name="Search again with these words").click()
    assert sent.value.status == 200
    page.wait_for_function("document.querySelector('[name=written]').value === 'zebrafink'")
    lines = page.locator("[name=written]").evaluate_all("inputs => inputs.map(input => input.value)")
    assert lines == ["zebrafink", LONG.strip(), "<b>שלום</b>", EAN, ""]


def test_the_comparison_outlines_the_words(address, browser):
    page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
    searched(page, address)
    page.locator(".candidate", has_text="Zebrafink").locator("[data-opener]").click()
    page.wait_for_selector("svg .word", state="attached")
    # "Zebrafink" on both pictures; "milk", which the candidate has in its title, on the photo alone.
    assert page.locator("svg .word").count() == 3
