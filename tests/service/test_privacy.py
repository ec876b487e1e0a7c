"""A volunteer's photo leaves no trace: not its bytes, metadata, name or hash; not on disk, not in a log."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import sqlite3
import tempfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.tables import open_service_database
from tests.service.conftest import make_workspace
from tests.service.running import in_a_process

UPLOADS = 200
MARKER = "Zq7xVolunteerMarker"
LATITUDE, LONGITUDE = (48.0, 51.0, 29.6173), (2.0, 17.0, 40.2091)
NAME = "my-living-room-4711.jpg"
PUBLIC = (
    "/", "/recognise", "/recognise/wait", "/tips/2024-0", "/feed.atom", "/feed.json", "/sitemap.xml", "/robots.txt",
    "/posters/2024-0", "/codes/2024-0", "/cards/2024-0",
)  # fmt: skip


def photo(number: int) -> bytes:
    """A JPEG of noise with its own marker, an author and the place where it was taken."""
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
    exif = Image.Exif()
    exif[Base.Artist] = exif[Base.ImageDescription] = f"{MARKER}{number}"
    exif.get_ifd(IFD.GPSInfo).update({
        GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: LATITUDE, GPS.GPSLongitudeRef: "E", GPS.GPSLongitude: LONGITUDE,
    })  # fmt: skip
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", exif=exif, comment=f"{MARKER}{number}".encode())
    return file.getvalue()


def traces_of(data: bytes) -> dict[str, bytes]:
    """Byte strings that would reveal that a photo was kept, whole, in part or as a hash."""
    digest = hashlib.sha256(data)
    return {
        "pixels": data[-64:-2],
        "tables": data[len(data) // 2 :][:48],
        "sha256": digest.hexdigest().encode(),
        "sha256 in bytes": digest.digest(),
    }


def everything_in(folders: list[Path]) -> dict[str, bytes]:
    """Every file in folders, and of every SQLite database each value of each row too."""
    found: dict[str, bytes] = {}
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        found[str(path)] = path.read_bytes()
        if found[str(path)].startswith(b"SQLite format 3\0"):
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
                    found[f"{path} {table}"] = repr(rows).encode()
    return found


def place_as_bytes() -> list[bytes]:
    """The seconds of the place as EXIF writes them and as text does."""
    exif = Image.Exif()
    exif.get_ifd(IFD.GPSInfo).update({GPS.GPSLatitude: LATITUDE, GPS.GPSLongitude: LONGITUDE})
    written = exif.tobytes()
    return [written[-16:], b"29.6173", b"40.2091", b"48.858", b"2.2945"]


@pytest.mark.slow
def test_200_uploads_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path / "site")
    database = open_service_database(workspace)
    Accounts(database).add("ann", Role.INVESTIGATOR, "a long enough password")
    database.close()
    settings = workspace.root / "traceobject.toml"
    settings.write_text(settings.read_text().replace("searches_a_minute = 30", "searches_a_minute = 0"))
    temporary, log = tmp_path / "temporary", tmp_path / "log"
    temporary.mkdir()
    # For the server process, which inherits the environment.
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    sent = [photo(number) for number in range(UPLOADS)]
    assert all(MARKER.encode() in data and place_as_bytes()[0] in data for data in sent)

    with in_a_process(workspace.root, log) as (process, address), httpx.Client(base_url=address, timeout=60) as client:
        statuses = []
        for number, data in enumerate(sent):
            files = {"image": (f"{number}-{NAME}", data, "image/jpeg")}
            if number % 2:
                answer = client.post("/v1/search", files=files, data={"collection": "objects"})
            else:
                answer = client.post("/recognise", files=files)
            statuses.append(answer.status_code)
            assert MARKER not in answer.text
        # Public answers are kept in memory for everybody; nothing of an upload is among them.
        for path in PUBLIC:
            shown = client.get(path)
            assert shown.status_code == 200
            assert MARKER.encode() not in shown.content
            assert "set-cookie" not in shown.headers
        refused = client.post("/recognise", files={"image": (NAME, sent[0][: len(sent[0]) // 3], "image/jpeg")})
        while_running = everything_in([tmp_path, Path(f"/proc/{process.pid}/fd")])
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    assert set(statuses) == {200}
    assert refused.status_code == 422
    kept = {**while_running, **everything_in([tmp_path])}
    assert log.read_bytes().count(b'"message": "request"') >= UPLOADS
    looked_for = {"marker": MARKER.encode(), "name": NAME.encode(), "address": b"127.0.0.1:5"}
    looked_for |= {f"place {number}": trace for number, trace in enumerate(place_as_bytes())}
    for number, data in enumerate(sent):
        looked_for |= {f"{what} of {number}": trace for what, trace in traces_of(data).items()}
    together = b"\0".join(kept.values())
    found = [what for what, trace in looked_for.items() if trace in together]
    assert not found, [(what, [path for path, data in kept.items() if looked_for[what] in data]) for what in found[:5]]
    assert [path for path in temporary.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("trace", ["pixels", "tables", "sha256", "sha256 in bytes"])
def test_a_trace_would_be_found(tmp_path: Path, trace: str) -> None:
    data = photo(3)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(os.urandom(1000) + traces_of(data)[trace] + os.urandom(1000))
    assert any(traces_of(data)[trace] in held for held in everything_in([tmp_path]).values())


def test_a_trace_in_a_row_would_be_found(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.sqlite") as database:
        database.execute("CREATE TABLE seen (name TEXT)")
        database.execute("INSERT INTO seen VALUES (?)", (MARKER,))
    assert any(path.endswith(" seen") and MARKER.encode() in held for path, held in everything_in([tmp_path]).items())
