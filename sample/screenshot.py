"""python -m sample.screenshot SHEET JPEG: every other row of a demo's picture sheet, for the README."""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH = 1200
QUALITY = 82


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sample.screenshot", description=__doc__)
    parser.add_argument("sheet", type=Path, help="the sheet.html that `traceobject demo` wrote")
    parser.add_argument("jpeg", type=Path)
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no chromium is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto(given.sheet.resolve().as_uri())
        page.evaluate("document.querySelectorAll('.row:nth-child(even)').forEach(row => row.remove())")
        # Some would be loaded only when they come into view.
        page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
        page.wait_for_function("[...document.images].every(image => image.complete)")
        png = page.screenshot(full_page=True)
        browser.close()
    Image.open(io.BytesIO(png)).convert("RGB").save(given.jpeg, quality=QUALITY, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
