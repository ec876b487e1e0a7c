"""A bucket of S3, or of a server that speaks its protocol: conditional writes, old versions, bounded waits.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import Any, TypeVar

from index.errors import WorkspaceError
from index.stores.objects.bucket import PARALLEL, BucketObjects
from index.stores.objects.protocol import ObjectChanged, ObjectInfo

# A call is tried four times, twice by each of the two libraries: it fails after a minute at most without an answer.
_CONNECT_SECONDS, _READ_SECONDS = 3, 10
_TRIES = 2
# How many objects one call lists or deletes, the most that S3 allows:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
PAGE = 1000
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_UNAVAILABLE = {"ServiceUnavailable", "SlowDown", "InternalError", "RequestTimeout", "500", "502", "503", "504"}
_NO_BUCKET = "NoSuchBucket"
T = TypeVar("T")


class S3Objects(BucketObjects):
    """A bucket and a prefix of S3. A version of an object is named by its ETag."""

    def get_version(self, key: str) -> tuple[bytes, str]:
        # The name first: if it is replaced between the two, the name is too old, and `replace` refuses.
        with self._translated(key):
            version = str(self._files.info(self._path(key))["ETag"])
        return self.get(key), version

    def replace(self, key: str, data: bytes, version: str | None) -> str:
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        with self._translated(key):
            try:
                answer = self._call("put_object", Key=self._key(key), Body=data, **condition)
            except self._errors as error:
                if _code(error) in _CHANGED or (version is not None and isinstance(error, FileNotFoundError)):
                    raise ObjectChanged(self.name, key) from error
                raise
        return str(answer["ETag"])

    def list_objects(self, folder: str = "") -> Iterator[ObjectInfo]:
        prefix = f"{self._key(folder) if folder else self._prefix}/".lstrip("/")
        start: dict[str, Any] = {}
        while True:
            with self._translated(folder):
                page = self._call("list_objects_v2", Prefix=prefix, MaxKeys=PAGE, **start)
            for each in page.get("Contents", ()):
                if not each["Key"].endswith("/"):
                    yield ObjectInfo(each["Key"].removeprefix(f"{self._prefix}/"), int(each["Size"]))
            if not page.get("IsTruncated"):
                return
            start = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, keys: Iterable[str]) -> None:
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="versions") as pool:
            for some in _parts(keys):
                for versions in _parts(chain.from_iterable(pool.map(self._versions, some))):
                    self._delete_versions(versions)

    def _versions(self, key: str) -> list[dict[str, str]]:
        """Every version and deletion marker of an object, as delete_objects takes them."""
        name, found = self._key(key), []
        start: dict[str, Any] = {}
        while True:
            with self._translated(key):
                page = self._call("list_object_versions", Prefix=name, MaxKeys=PAGE, **start)
            listed = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            found += [{"Key": name, "VersionId": each["VersionId"]} for each in listed if each["Key"] == name]
            # Keys are in order: those after this one only begin like it.
            if not page.get("IsTruncated") or page["NextKeyMarker"] != name:
                return found
            start = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def _delete_versions(self, versions: list[dict[str, str]]) -> None:
        key = versions[0]["Key"].removeprefix(f"{self._prefix}/")
        with self._translated(key):
            answer = self._call("delete_objects", Delete={"Objects": versions, "Quiet": True})
        for failed in answer.get("Errors", ()):
            raise WorkspaceError(
                f"{self.name}: version {failed.get('VersionId')} of {failed['Key']} cannot be deleted: "
                f"{failed.get('Message') or failed.get('Code')}; give the right s3:DeleteObjectVersion, see that no "
                "lock or retention of the bucket keeps it, and run this again"
            )

    @property
    def _bucket(self) -> str:
        return self._root.partition("/")[0]

    @property
    def _prefix(self) -> str:
        return self._root.partition("/")[2]

    def _key(self, key: str) -> str:
        """The key in the bucket."""
        return self._path(key).partition("/")[2]

    def _call(self, method: str, **arguments: Any) -> Any:
        return self._files.call_s3(method, Bucket=self._bucket, **arguments)

    def _open(self, **options: Any) -> Any:
        config = {
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
            "retries": {"mode": "standard", "total_max_attempts": _TRIES},
            "max_pool_connections": 2 * PARALLEL,
        }
        files = super()._open(config_kwargs=config, **options)
        files.retries = _TRIES
        return files

    def _check_bucket(self, error: Exception) -> None:
        if _code(error) == _NO_BUCKET:
            raise WorkspaceError(f"{self.name}: there is no bucket {self._bucket}: make it, or correct `objects`")

    def _is_unavailable(self, error: BaseException) -> bool:
        from botocore.exceptions import ConnectionError as NoConnection
        from botocore.exceptions import HTTPClientError

        return isinstance(error, NoConnection | HTTPClientError) or _code(error) in _UNAVAILABLE


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of a page each."""
    left = iter(items)
    while some := list(islice(left, PAGE)):
        yield some


def _code(error: BaseException) -> str:
    """The code of S3's error response; "" where there is none. s3fs translates errors, and keeps the cause."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""
