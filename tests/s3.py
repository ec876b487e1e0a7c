"""An S3 server of the tests' own, in this process, with new buckets for whoever asks: nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

_NUMBERS = count()


@dataclass(frozen=True)
class S3Server:
    """A running server: its address, and a client that sees everything on it."""

    address: str
    client: Any

    def bucket(self, *, versioned: bool = False) -> str:
        """Make a bucket, which keeps old versions of its objects if it is `versioned`; gives its name."""
        # All servers of one process have the same buckets, so that each needs a name of its own.
        name = f"bucket{next(_NUMBERS)}"
        self.client.create_bucket(Bucket=name)
        if versioned:
            self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def everything(self, bucket: str) -> dict[tuple[str, str], bytes]:
        """The bytes of every version of every object in a bucket, by key and version."""
        found: dict[tuple[str, str], bytes] = {}
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", ()):
                key, version = each["Key"], each["VersionId"]
                content = self.client.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
                found[key, version] = content
        return found


def environment(address: str) -> dict[str, str]:
    """What names a server and its credentials to the libraries of a process."""
    named = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    return {**named, "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def running() -> Iterator[S3Server]:
    """Start a server, which this process and those that it starts use meanwhile; the test is skipped without one."""
    moto = pytest.importorskip("moto.server", reason="the S3 server of the tests is not installed: moto[server]")
    pytest.importorskip("s3fs", reason="the library of S3 is not installed: the extra `objects`")
    boto3 = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(address).items():
            patch.setenv(name, value)
        try:
            yield S3Server(address, boto3.client("s3"))
        finally:
            server.stop()
