"""The served sample and the browser of the page tests; without Chromium they are skipped with a reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.site import CHROMIUM, NO_CHROMIUM, SLOWEST_MS, Site, chromium, served


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.slow)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Module-scoped, because no other event loop can run in this thread while Playwright is active."""
    with chromium() as running:
        yield running


@pytest.fixture
def visitor(browser, site):
    """A function that opens a page, visitor(width, language); a request to another host fails the test.

    `signed_in` is the name of the account to sign in with.
    """
    opened = []
    asked: list[str] = []
    faults: list[str] = []

    def visit(width: int, language: str, signed_in: str = "", **options):
        context = browser.new_context(viewport={"width": width, "height": 844}, locale=language, **options)
        opened.append(context)
        # Generous, because a busy machine is slow.
        context.set_default_timeout(SLOWEST_MS)
        if signed_in:
            context.add_cookies([site.session(signed_in)])
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
        return page

    yield visit
    for context in opened:
        context.close()
    own = (site.address, "data:", "blob:", "https://example.org/")
    assert [address for address in asked if not address.startswith(own)] == []
    assert faults == []
