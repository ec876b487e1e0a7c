"""Screenshots of every page, narrow and wide, light and dark: python -m tests.browser.screenshots DIR"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.browser.site import CHROMIUM, CURATOR, NAME, NO_CHROMIUM, SLOWEST_MS, chromium, served
from tests.browser.tour import tour

WIDTHS = (390, 1440)
# English in the light scheme, French in the dark one, so that both are covered without doubling the pictures.
SCHEMES = (("light", "en-GB"), ("dark", "fr-FR"))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as root, served(Path(root)) as site, chromium() as browser:
        for width in WIDTHS:
            for scheme, locale in SCHEMES:
                contexts = {
                    who: browser.new_context(
                        viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale
                    )
                    for who in ("", NAME, CURATOR)
                }
                for who, context in contexts.items():
                    context.set_default_timeout(SLOWEST_MS)
                    if who:
                        context.add_cookies([site.session(who)])
                pages = {who: context.new_page() for who, context in contexts.items()}
                for stop in tour(site):
                    page = pages[stop.who]
                    page.goto(site.address + stop.address)
                    stop.act(page)
                    page.wait_for_load_state("networkidle")
                    # A dialog covers the viewport only, so a full-page screenshot would be wrong.
                    whole = page.locator("dialog[open]").count() == 0
                    page.screenshot(path=folder / f"{stop.name}-{width}-{scheme}.png", full_page=whole)
                for context in contexts.values():
                    context.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("python -m tests.browser.screenshots DIR")
    if CHROMIUM is None:
        raise SystemExit(NO_CHROMIUM)
    main(Path(sys.argv[1]))
