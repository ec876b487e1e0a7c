"""A web on loopback and a catalogue that reads from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.index.sources.web.reading import Reader
from tests.index.sources.web.shop_server import ShopServer, picture
from tests.s3 import S3Server


@pytest.fixture
def server() -> Iterator[ShopServer]:
    with ShopServer() as running:
        yield running


@pytest.fixture
def reader(server: ShopServer, tmp_path: Path) -> Reader:
    return Reader(tmp_path, frozenset({server.netloc}))


@dataclass(frozen=True)
class S3Bucket:
    """The bucket `pictures` of an S3 server; `netloc` is the server's host and port."""

    netloc: str
    client: Any

    def put(self, pictures: Mapping[str, int]) -> None:
        """Add pictures below shop/, by name, each drawn from its seed."""
        for name, seed in pictures.items():
            self.client.put_object(Bucket="pictures", Key=f"shop/{name}", Body=picture(seed))


@pytest.fixture
def s3(s3_server: S3Server) -> Iterator[S3Bucket]:
    client = s3_server.client
    client.create_bucket(Bucket="pictures")
    yield S3Bucket(s3_server.address.removeprefix("http://"), client)
    for stored in client.list_objects_v2(Bucket="pictures").get("Contents", []):
        client.delete_object(Bucket="pictures", Key=stored["Key"])
    client.delete_bucket(Bucket="pictures")
