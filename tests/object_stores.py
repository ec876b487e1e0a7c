"""The object stores that contract tests run over."""

import pytest

from index.stores.objects.folder import FolderObjects
from index.stores.objects.opening import open_objects

STORES = ["folder", "file", "memory", "s3", "versioned s3"]


def opened(kind, request, tmp_path):
    """An empty store of one of STORES; its test is skipped where a library is not installed."""
    if kind == "folder":
        return FolderObjects(tmp_path)
    if kind == "file":
        return open_objects(f"file://{tmp_path}/objects")
    if kind == "memory":
        pytest.importorskip("fsspec", reason="fsspec is not installed: the extra `objects`")
        # Of one process there is one memory, so the name is that of the whole path.
        return open_objects(f"memory://{'-'.join(tmp_path.parts[1:])}/objects")
    server = request.getfixturevalue("s3_server")
    return open_objects(f"s3://{server.bucket(versioned=kind == 'versioned s3')}/some/prefix")
