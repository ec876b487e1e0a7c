"""A curator adds a shop by its address in a browser: preview, save, and its products after the next re-index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.limits import ServerLimits
from service.application import create_app
from service.tables import open_service_database
from tests.browser.site import CURATOR, PASSWORD, SLOWEST_MS
from tests.browser.test_accessibility import RULES
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.index.sources.web.shop_server import ShopServer, picture, put_shopify
from tests.service.running import in_a_thread

WORDS = {
    "en-GB": {"preview": "Preview", "save": "Save this source", "found": "a Shopify shop", "saved": "Saved."},
    "fr-FR": {
        "preview": "Aperçu",
        "save": "Enregistrer cette source",
        "found": "une boutique Shopify",
        "saved": "Enregistrée.",
    },
}


@dataclass(frozen=True)
class Desk:
    """A served workspace without any product of the shop, and the shop."""

    address: str
    workspace: Workspace
    shop: ShopServer
    refresh: object
    cookie: dict[str, str]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ShopServer() as shop:
        workspace = Workspace.create(tmp_path / "workspace", "colour-64")
        settings = workspace.root / "traceobject.toml"
        settings.write_text(settings.read_text().replace("allow_hosts = []", f'allow_hosts = ["{shop.netloc}"]'))
        workspace = Workspace.open(workspace.root)
        add_feed(workspace, "first", "catalogue", write_feed(tmp_path / "first", [{"product_id": "A"}], [900]))
        reindex(workspace, ColourEncoder(), Unwatched())
        app = create_app(workspace, ColourEncoder(), limits=ServerLimits(sign_ins=1000))
        with in_a_thread(app) as port, closing(open_service_database(workspace)) as database:
            accounts, address = Accounts(database), f"http://127.0.0.1:{port}"
            accounts.add(CURATOR, Role.CURATOR, PASSWORD)
            cookie = {"name": "session", "value": accounts.sign_in(CURATOR, PASSWORD) or "", "url": address}
            yield Desk(address, workspace, shop, app.state.services.live.refresh, cookie)


@pytest.mark.parametrize(("width", "language", "scheme"), [(390, "fr-FR", "dark"), (1440, "en-GB", "light")])
def test_a_shop_is_previewed_saved_and_found(desk, browser, tmp_path, width, language, scheme):
    words = WORDS[language]
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=language, color_scheme=scheme)
    context.set_default_timeout(SLOWEST_MS)
    context.add_cookies([desk.cookie])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)

    page.goto(f"{desk.address}/curator/sources")
    page.locator("[name=location]").fill(put_shopify(desk.shop, 25))
    page.locator("[name=name]").fill("cups")
    page.screenshot(path=tmp_path / f"form-{width}.png", full_page=True)
    page.get_by_role("button", name=words["preview"], exact=True).click()
    page.wait_for_selector("section.preview")
    assert words["found"] in page.locator("section.preview").inner_text()
    assert page.locator("li.entry").count() == 20
    first = page.locator("li.entry").first
    assert "Cup 0" in first.inner_text()
    assert f"{desk.shop.url}/" in first.inner_text()
    page.screenshot(path=tmp_path / f"preview-{width}.png", full_page=True)
    serious = [
        fault["id"]
        for fault in Axe().run(page, options=RULES).response["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0

    page.get_by_role("button", name=words["save"], exact=True).click()
    page.wait_for_selector("[role=status]")
    assert words["saved"] in page.locator("[role=status]").inner_text()
    page.screenshot(path=tmp_path / f"saved-{width}.png", full_page=True)

    report = reindex(desk.workspace, ColourEncoder(), Unwatched())
    assert (report.published, report.failed, report.changes["cups"].added) == (True, (), 25)
    desk.refresh()
    page.goto(f"{desk.address}/workbench")
    asked = {"name": "crop.jpg", "mimeType": "image/jpeg", "buffer": picture(7)}
    page.locator("input[data-files]").set_input_files(asked)
    page.locator("[data-go]").click()
    page.wait_for_selector(".grid")
    assert "Cup 7" in page.locator(".grid").inner_text()
    page.screenshot(path=tmp_path / f"found-{width}.png", full_page=True)
    context.close()
    assert faults == []
