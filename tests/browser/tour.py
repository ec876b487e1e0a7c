"""Every page of the site, each brought into the state to be checked."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import FilePayload, Page

from tests.browser.site import CURATOR, NAME, Site
from tests.drawn_face import draw_face


@dataclass(frozen=True)
class Stop:
    """A page to check: its name, its URL, and the actions that bring it into the state to be checked.

    `who` is the account to sign in with, "" for none.
    """

    name: str
    address: str
    act: Callable[[Page], None] = lambda page: None

    @property
    def who(self) -> str:
        if self.address.startswith("/curator"):
            return CURATOR
        return NAME if self.address.startswith("/workbench") else ""


def tour(site: Site) -> list[Stop]:
    """All stops, with URLs of the objects of a site."""
    photo, crop = site.photo, site.crop
    object_id = site.object_id

    def choose(page: Page) -> None:
        page.locator("input[type=file]").nth(1).set_input_files(photo.path)
        draw_box(page)

    def recognise(page: Page, file: str | Path | FilePayload = photo.path) -> None:
        page.locator("input[type=file]").nth(1).set_input_files(file)
        page.locator("[data-go]").click()
        page.wait_for_selector(".asked")

    def tip(page: Page) -> None:
        for field in page.locator("[data-field]").all():
            field.fill("It was sold in the Netherlands, in shops for children, between 2012 and 2016.")
        page.locator("[data-copy]").click()

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
        recognise(
            page,
            {"name": "blank.png", "mimeType": "image/png", "buffer": png_of(np.full((200, 300, 3), 128, np.uint8))},
        )
        page.locator("main summary").click()
        page.wait_for_selector(".answer:visible")

    def kept(page: Page) -> None:
        found(page)
        page.locator("[data-keep] button").first.click()
        page.wait_for_selector("[data-keep] button:disabled")

    def batch(page: Page) -> None:
        page.locator("input[data-files]").first.set_input_files([crop.path, photo.path])
        page.locator("[data-go]").click()
        page.wait_for_selector("[data-csv]:not([disabled])")

    def reviewed(page: Page) -> None:
        batch(page)
        page.locator("[data-start]").click()
        page.keyboard.press("x")
        page.wait_for_selector("[aria-current=true]")

    def changing(page: Page) -> None:
        page.locator(".lead-item summary").first.click()
        page.wait_for_selector("form.change")

    def unpublished(page: Page) -> None:
        for name, text in (("authority", "Europol"), ("object_id", "2026-17"), ("title", "Doll")):
            page.locator(f"form.publish [name={name}]").fill(text)
        face = {"name": "face.png", "mimeType": "image/png", "buffer": png_of(draw_face())}
        page.locator("form.publish [name=image]").set_input_files(face)
        page.locator("form.publish button").click()
        page.wait_for_selector("[role=alert]")

    def outside(page: Page) -> None:
        page.locator("form[action='/workbench/outside'] button").first.click()
        page.wait_for_selector("a[target=_blank]")

    def together(page: Page) -> None:
        page.locator("main form button").click()
        page.wait_for_selector("#together")

    def reasons(page: Page) -> None:
        page.locator("summary").first.click()

    return [
        Stop("front", "/"),
        Stop("front-none", "/?authority=nobody"),
        Stop("front-series", "/?region=Baltic+states&series=case+12&status=any"),
        Stop("object", f"/objects/{object_id}"),
        Stop("tip", f"/tips/{object_id}", tip),
        Stop("tip-settled", f"/tips/{site.settled_id}"),
        Stop("object-settled", f"/objects/{site.settled_id}"),
        Stop("poster-withdrawn", f"/posters/{site.settled_id}"),
        Stop("embed", "/embed"),
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
        Stop("outside", f"/workbench/objects/{object_id}", outside),
        Stop("object-leads", f"/workbench/objects/{site.object_with_lead}"),
        Stop("series", "/workbench/series?authority=Meridian+Police+Cooperation&name=case+12"),
        Stop("series-found", "/workbench/series?authority=Meridian+Police+Cooperation&name=case+12", together),
        Stop("leads", "/workbench/leads"),
        Stop("leads-none", "/workbench/leads?state=ruled_out"),
        Stop("batch", "/workbench/batch"),
        Stop("batch-done", "/workbench/batch", batch),
        Stop("batch-review", "/workbench/batch", reviewed),
        Stop("queue", "/workbench/queue"),
        Stop("alerts", "/workbench/alerts"),
        Stop("curator-objects", "/curator/objects?done=published"),
        Stop("curator-changing", "/curator/objects", changing),
        Stop("curator-refused", "/curator/objects", unpublished),
        Stop("curator-held", "/curator/held"),
        Stop("curator-sources", "/curator/sources", reasons),
    ]


def png_of(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A picture, uint8 [h, w, 3], as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
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
