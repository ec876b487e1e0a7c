"""Every page, and how to bring it to the state that is worth a look."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, Page

from tests.browser.site import Site


@dataclass(frozen=True)
class Stop:
    """A page of the tour: its name, its address, and what is done there before it is looked at.

    `inside` is for an investigator who is signed in, all else for anybody.
    """

    name: str
    address: str
    act: Callable[[Page], None] = lambda page: None

    @property
    def inside(self) -> bool:
        return self.address.startswith("/workbench")


def tour(site: Site) -> list[Stop]:
    """The stops, for a page that follows the site's own data."""
    photo = next(query for query in site.sample.queries if query.collection == "objects")
    crop = next(query for query in site.sample.queries if query.collection == "catalogue")
    object_id = photo.right_id

    def choose(page: Page) -> None:
        page.locator("input[type=file]").nth(1).set_input_files(photo.path)
        draw_box(page)

    def recognise(page: Page, file: str | Path | FilePayload = photo.path) -> None:
        page.locator("input[type=file]").nth(1).set_input_files(file)
        page.locator("[data-go]").click()
        page.wait_for_selector(".asked")

    def found(page: Page) -> None:
        page.locator("input[data-files]").set_input_files(crop.path)
        draw_box(page)
        page.locator("[data-go]").click()
        page.wait_for_selector(".grid")

    def compared(page: Page) -> None:
        found(page)
        page.locator("[data-opener]").first.click()
        page.wait_for_selector("dialog[open]")

    def refused(page: Page) -> None:
        page.locator("#name").fill("somebody")
        page.locator("#password").fill("not the password")
        page.locator("main button").click()
        page.wait_for_selector("[role=alert]")

    def blank(page: Page) -> None:
        recognise(page, {"name": "blank.png", "mimeType": "image/png", "buffer": _grey()})

    def kept(page: Page) -> None:
        found(page)
        page.locator("[data-keep] button").first.click()
        page.wait_for_selector("[data-keep] button:disabled")

    def batch(page: Page) -> None:
        page.locator("input[data-files]").first.set_input_files([crop.path, photo.path])
        page.locator("[data-go]").click()
        page.wait_for_selector("[data-csv]:not([disabled])")

    return [
        Stop("front", "/"),
        Stop("front-none", "/?authority=nobody"),
        Stop("object", f"/objects/{object_id}"),
        Stop("recognise", "/recognise"),
        Stop("recognise-chosen", "/recognise", choose),
        Stop("recognise-answer", "/recognise", recognise),
        Stop("recognise-nothing", "/recognise", blank),
        Stop("sign-in", "/sign-in"),
        Stop("sign-in-refused", "/sign-in", refused),
        Stop("about", "/about"),
        Stop("privacy", "/privacy"),
        Stop("error", "/objects/none"),
        Stop("workbench", "/workbench"),
        Stop("workbench-object", f"/workbench?object={object_id}"),
        Stop("workbench-found", f"/workbench?object={object_id}", found),
        Stop("workbench-kept", f"/workbench?object={object_id}", kept),
        Stop("workbench-compared", "/workbench", compared),
        Stop("objects", "/workbench/objects"),
        Stop("object-work", f"/workbench/objects/{object_id}"),
        Stop("object-leads", f"/workbench/objects/{site.led}"),
        Stop("leads", "/workbench/leads"),
        Stop("leads-none", "/workbench/leads?state=ruled_out"),
        Stop("batch", "/workbench/batch"),
        Stop("batch-done", "/workbench/batch", batch),
        Stop("alerts", "/workbench/alerts"),
    ]


def _grey() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), (128, 128, 128)).save(file, "PNG")
    return file.getvalue()


def draw_box(page: Page, place: int = 0) -> None:
    """Draw a box around the middle of a picture with the mouse."""
    canvas = page.locator(".canvas").nth(place)
    canvas.locator("img").first.evaluate("image => image.decode()")
    canvas.scroll_into_view_if_needed()
    edge = canvas.bounding_box()
    assert edge is not None
    page.mouse.move(edge["x"] + 0.15 * edge["width"], edge["y"] + 0.15 * edge["height"])
    page.mouse.down()
    page.mouse.move(edge["x"] + 0.85 * edge["width"], edge["y"] + 0.85 * edge["height"], steps=5)
    page.mouse.up()
