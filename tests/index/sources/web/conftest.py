"""A web on loopback and a catalogue that reads from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.index.sources.web.reading import Reader
from tests.index.sources.web.shop_server import ShopServer, picture


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
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Bucket]:
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    boto3 = pytest.importorskip("boto3")
    running = moto.ThreadedMotoServer(port=0)
    running.start()
    url = f"http://127.0.0.1:{running.get_host_and_port()[1]}"
    named = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    for name, value in {**named, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=url)
    client.create_bucket(Bucket="pictures")
    yield S3Bucket(url.removeprefix("http://"), client)
    # All servers of one process have the same buckets.
    for stored in client.list_objects_v2(Bucket="pictures").get("Contents", []):
        client.delete_object(Bucket="pictures", Key=stored["Key"])
    client.delete_bucket(Bucket="pictures")
    running.stop()
