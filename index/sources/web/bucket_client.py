"""Buckets opened through fsspec, with its libraries kept to the addresses that the workspace may contact."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from index.errors import FeedError
from index.sources.feeds.extras import load
from index.sources.fetching.address import AddressPolicy, is_literal
from index.sources.fetching.outcomes import Failure, shown
from index.sources.remote_address import SCHEMES

# Where each library takes another endpoint from than its cloud's own: what it names is checked before it is asked.
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "FSSPEC_S3_ENDPOINT_URL"),
    "gs": ("STORAGE_EMULATOR_HOST",),
    "az": ("AZURE_STORAGE_ENDPOINT",),
}
_BLOB_ENDPOINT = re.compile(r"BlobEndpoint=([^;]+)", re.IGNORECASE)
_PROTOCOLS = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}
_MODULES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}


@dataclass(frozen=True)
class Bucket:
    """A file system of fsspec, and the folder or file in it that was asked for."""

    files: Any
    root: str
    scheme: str


def open_bucket(url: str, allow_hosts: frozenset[str]) -> Bucket:
    """Open what lies at a bucket's URL. Credentials are the library's own: its environment variables or files.

    Raises:
        FeedError: the library is not installed, or its endpoint is an address that may not be contacted.
    """
    scheme = url.partition("://")[0].casefold()
    if scheme not in SCHEMES:
        raise FeedError(f"{shown(url)}: buckets are {', '.join(f'{one}://' for one in SCHEMES)}")
    fsspec = load("fsspec", f"{shown(url)}: a bucket", "web")
    protocol = _PROTOCOLS.get(scheme, scheme)
    if protocol in _MODULES:
        load(_MODULES[protocol], f"{shown(url)}: a bucket", "web")
    policy = AddressPolicy.allowing(allow_hosts)
    for endpoint in _endpoints(protocol):
        _check(endpoint, policy)
    options: dict[str, Any] = {}
    if protocol == "s3":
        from index.sources.web.checked_resolver import CheckedResolver

        options["config_kwargs"] = {"connector_args": {"resolver": CheckedResolver(policy)}}
    files = fsspec.filesystem(protocol, skip_instance_cache=protocol != "memory", **options)
    if protocol == "s3":
        try:
            # The endpoint may come from a file of settings, too.
            files.connect()
            _check(str(files.s3.meta.endpoint_url), policy)
        except (OSError, ValueError, RuntimeError) as error:
            raise FeedError(f"{shown(url)}: {shown(str(error)) or type(error).__name__}") from None
    return Bucket(files, files._strip_protocol(url).strip("/"), scheme)


def _endpoints(protocol: str) -> list[str]:
    """The endpoints that the environment names in place of a cloud's own."""
    found = [os.environ.get(name, "") for name in _ENDPOINTS.get(protocol, ())]
    if protocol == "az":
        found += _BLOB_ENDPOINT.findall(os.environ.get("AZURE_STORAGE_CONNECTION_STRING", ""))
    return [endpoint for endpoint in found if endpoint]


def _check(endpoint: str, policy: AddressPolicy) -> None:
    """Raise FeedError where an endpoint leads to an address that may not be contacted."""
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
        host, port = (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
        addresses = [host] if is_literal(host) else addresses_of(host, port)
        policy.check_addresses(host, port, addresses)
    except (ValueError, OSError) as error:
        raise FeedError(f"{shown(endpoint)}: cannot be reached as a bucket's endpoint ({error}).") from None
    except Failure as failure:
        raise FeedError(f"the endpoint of a bucket is not contacted: {failure}") from None


def addresses_of(host: str, port: int) -> list[str]:
    """Every address that the system knows for a name. Raises OSError."""
    return list(dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
