"""Addresses of buckets, as fsspec writes them."""

from __future__ import annotations

SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
"""Object stores, and memory for trying things out. No scheme that reaches this machine's files or any host."""


def is_bucket(address: str) -> bool:
    """Whether an address is that of a bucket, or of what lies in one."""
    scheme, separator, _ = address.partition("://")
    return bool(separator) and scheme.casefold() in SCHEMES


def name_of(address: str) -> str:
    """The default name of a source at an address: its host and path."""
    return address.partition("://")[2].partition("?")[0].partition("#")[0].rpartition("@")[2].strip("/")


def is_remote(address: str) -> bool:
    """Whether a source's address leads off this machine."""
    return is_bucket(address) or address.casefold().startswith(("http://", "https://"))
