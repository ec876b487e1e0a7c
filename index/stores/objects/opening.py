"""An object store by its URL."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from index.errors import WorkspaceError
from index.stores.objects.cached import CachedObjects
from index.stores.objects.folder import FolderObjects
from index.stores.objects.protocol import ObjectStore

SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "memory": "memory"}
_ROOT = re.compile(r"[^/\s?#]+(/[^/\s?#]+)*")


@cache
def open_objects(url: str) -> ObjectStore:
    """The object store at a URL; one for each URL and process, because it keeps connections. Nothing is contacted yet.

    Raises:
        WorkspaceError: it is no such URL, or the library that it needs is not installed.
    """
    scheme, separator, rest = url.partition("://")
    scheme, root = scheme.casefold(), rest.rstrip("/")
    if separator and scheme == "file" and root.startswith("/"):
        return FolderObjects(Path(root), appendable=False)
    if not separator or scheme not in SCHEMES or not _ROOT.fullmatch(root) or ".." in root.split("/"):
        raise WorkspaceError(
            f"{url!r} is no place for objects: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or "
            "file:///FOLDER is needed"
        )
    # Nothing of fsspec is imported for a workspace that has its objects in a folder.
    if SCHEMES[scheme] == "s3":
        from index.stores.objects.s3 import S3Objects

        return CachedObjects(S3Objects("s3", root))
    from index.stores.objects.bucket import BucketObjects

    return CachedObjects(BucketObjects(SCHEMES[scheme], root))
