"""A web on loopback and a catalogue that reads from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index.sources.web.reading import Reader
from tests.index.sources.web.shop_server import ShopServer


@pytest.fixture
def server() -> Iterator[ShopServer]:
    with ShopServer() as running:
        yield running


@pytest.fixture
def reader(server: ShopServer, tmp_path: Path) -> Reader:
    return Reader(tmp_path, frozenset({server.netloc}))
