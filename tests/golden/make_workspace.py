"""A golden workspace: small, of everything that a workspace can hold, packed into one archive.

    python -m tests.golden.make_workspace tests/golden/workspaces/format-N.tar.xz

makes it with the code as it is. An archive is made once, with the last code that writes its format, committed, and
never made again: test_golden_workspaces.py holds every later version to it. What is in it:

    workspace/       what `traceobject` keeps: three generations, the third live
    feeds/           what its sources read: a folder of pictures, a shop's CSV, an authority's CSV
    sent.jpg         the picture of the recorded searches
    expected.json    what a test has to find, with the folder that it was made in (the records hold absolute paths)

Pictures are drawn shapes, all from SEED; times and secrets are of the day on which it was made.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
import tarfile
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from starlette.testclient import TestClient

from embedding.encoders.protocol import Encoder
from index.generations.generations import live_number, numbers, open_live
from index.jobs.alerts import list_alerts
from index.jobs.forget import find_entry, forget
from index.jobs.reindex import Report, reindex
from index.models import workspace_encoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.rerank import reranker_for
from index.sources.gate import FACE, quarantined
from index.workspace import Workspace
from sample.tiny_clip.shapes import ALL_SPECS, Spec, render
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.audit import COMMAND_LINE, Audit
from service.app.desk import Desk
from service.app.gate import PUBLISHED_THRESHOLD, gate_of
from service.app.leads import Leads
from service.application import create_app
from service.reports.night import reported_run
from service.reports.run_history import RunHistory
from service.tables import open_service_database
from tests.drawn_face import draw_face

SEED = 20260105
# One folder for all, so that an archive tells nothing of the machine that made it.
PLACE = Path("/tmp/traceobject-golden")
LIMIT = 1_000_000
NIGHTS = (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7))
USER, PASSWORD = "ines", "correct horse battery"
GONE, FORGOTTEN, WANTED = "S-03", "S-05", "S-00"
# How many products each source has: with fewer in all, a generation is not tested and has no likelihood.
OF_FOLDER, OF_SHOP = 20, 14
SIDE = 120

Pixels = npt.NDArray[np.uint8]


def main(archive: Path, place: Path = PLACE) -> None:
    """Make the workspace in a new folder and pack it.

    Args:
        place: where it is made; the folder must not exist, and is deleted at the end.
    """
    place.mkdir()
    try:
        make(place)
        pack(place, archive)
    finally:
        shutil.rmtree(place)


def make(place: Path) -> None:
    """Make workspace, feeds and expectations in a folder that exists."""
    feeds = place / "feeds"
    specs = _draw_feeds(feeds)
    workspace = Workspace.create(place / "workspace", "tiny-clip")
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source("shapes", "catalogue", str(feeds / "shapes"), "folder")
        catalogue.add_source("shop", "catalogue", str(feeds / "shop.csv"), "csv")
        catalogue.add_source("police", "objects", str(feeds / "police.csv"), "csv")
    workspace, encoder = workspace_encoder(workspace, lambda _: None)
    _night(workspace, encoder, 0)
    approved = _curate(workspace, specs)
    _write_shop(feeds, specs, second=True)
    _night(workspace, encoder, 1)
    forget(workspace, find_entry(workspace, "catalogue", FORGOTTEN))
    _write_police(feeds, later=True)
    _night(workspace, encoder, 2)
    sent = place / "sent.jpg"
    _save(sent, _picture(specs[WANTED], SEED + 900))
    searched = _investigate(workspace, encoder, sent)
    expected = {"made_in": str(place), "user": USER, "password": PASSWORD, **searched, **_expected(workspace, approved)}
    (place / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True), encoding="utf-8")
    # They would only fill the archive, and are made again where they are missing.
    shutil.rmtree(workspace.root / "features")


def pack(place: Path, archive: Path) -> None:
    """Pack a folder: sorted, of nobody, without what only this machine could use."""
    left = ("verified.json", "writer.lock")
    with tarfile.open(archive, "w:xz", format=tarfile.PAX_FORMAT, preset=9) as packed:
        for path in sorted(place.rglob("*")):
            if path.name not in left:
                packed.add(path, path.relative_to(place), recursive=False, filter=_of_nobody)
    if (size := archive.stat().st_size) > LIMIT:
        raise SystemExit(f"{archive} has {size} bytes, more than {LIMIT}: keep fewer pictures")


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)
    return member


def _draw_feeds(feeds: Path) -> dict[str, Spec]:
    """Draw every picture and write the feeds of the first night; what each product is, by its id."""
    rng = np.random.default_rng(SEED)
    chosen = [ALL_SPECS[index] for index in rng.choice(len(ALL_SPECS), OF_FOLDER + OF_SHOP + 1, replace=False)]
    for number, spec in enumerate(chosen[:OF_FOLDER]):
        # The first is a product of several pictures; the others lie in a folder, which is their category.
        folder = feeds / "shapes" / ("set" if number == 0 else "")
        for view in range(2 if number == 0 else 1):
            _save(folder / f"{spec.colour}-{spec.pattern}-{spec.shape}-{view}.jpg", _picture(spec, SEED + number, view))
    (feeds / "shapes" / "broken.jpg").write_bytes(b"no picture")
    os.utime(feeds / "shapes" / "broken.jpg", (1_767_000_000, 1_767_000_000))
    specs = {f"S-{number:02d}": spec for number, spec in enumerate(chosen[OF_FOLDER:])}
    for number, (product, spec) in enumerate(specs.items()):
        _save(feeds / "shop" / f"{product}.jpg", _picture(spec, SEED + 100 + number))
    _write_shop(feeds, specs, second=False)
    _save(feeds / "crops" / "wanted.jpg", _picture(specs[WANTED], SEED + 200))
    _save(feeds / "crops" / "elsewhere.jpg", _picture(Spec("white", "dotted", "arrow"), SEED + 201))
    _save(feeds / "crops" / "found.jpg", _picture(specs["S-07"], SEED + 202))
    for size, name in ((320, "face.jpg"), (288, "doll.jpg")):
        _save(feeds / "crops" / name, draw_face(size))
    _write_police(feeds, later=False)
    return specs


def _write_shop(feeds: Path, specs: dict[str, Spec], *, second: bool) -> None:
    """The shop's list; on the second night a product is gone, one is new, and one has another title."""
    rows = []
    for number, (product, spec) in enumerate(specs.items()):
        if product == (GONE if second else f"S-{OF_SHOP:02d}"):
            continue
        title = f"{spec.colour} {spec.shape}" if second and product == "S-01" else f"A {spec.colour} {spec.shape}"
        brand, link = ("Luma", "Nova")[number % 2], f"https://shop.example/{product}"
        about = [brand, f"Shapes/{spec.shape}", "Shape Shop", "NL", f"{number}.50 EUR", link]
        more = ["PT | ES", f"7351353{number % 10}" if number == 7 else "", f"A shape of {spec.colour} paper."]
        rows.append([product, title, *about, *more, f"shop/{product}.jpg"])
    # One without an id, and one whose picture is not there.
    rows += [
        ["", "A shape without id", "Luma", *[""] * 8, "shop/S-00.jpg"],
        ["S-90", "A shape never photographed", "Luma", *[""] * 8, "shop/S-90.jpg"],
    ]
    head = ["product_id", "title", "brand", "category", "retailer", "country", "price", "link"]
    head += ["made_in", "ean", "description", "path"]
    _write_csv(feeds / "shop.csv", head, rows)


def _write_police(feeds: Path, *, later: bool) -> None:
    """The authority's list; on the third night one of its objects is identified."""
    rows = [
        ["E-1", "Shape on a shelf", "open", "shape", "2026-01-02", "case 1", "2014", "crops/wanted.jpg"],
        ["E-2", "Arrow on a wall", "open", "sign", "2026-01-02", "case 1", "", "crops/elsewhere.jpg"],
        ["E-3", "Shape on a bag", "identified" if later else "open", "shape", "2026-01-03", "", "", "crops/found.jpg"],
        ["E-4", "A print", "open", "print", "2026-01-03", "", "", "crops/face.jpg"],
        ["E-5", "A doll", "open", "doll", "2026-01-03", "", "", "crops/doll.jpg"],
    ]
    head = ["object_id", "title", "status", "kind", "published", "series", "seen_from", "path"]
    _write_csv(feeds / "police.csv", head, rows)


def _curate(workspace: Workspace, specs: dict[str, Spec]) -> str:
    """A curator approves the doll and publishes an object of their own; the doll's SHA-256."""
    with closing(open_service_database(workspace)) as database:
        desk = Desk(workspace, database, Audit(database), gate_of(workspace, PUBLISHED_THRESHOLD))
        approved = next(crop.sha256 for crop in desk.quarantined() if crop.object_id == "E-5")
        desk.approve(approved, COMMAND_LINE)
        crop = workspace.root.parent / "crop.jpg"
        _save(crop, _picture(specs["S-09"], SEED + 300))
        about = {"authority": "Police of Utrecht", "object_id": "U-1", "title": "A shape in a room", "kind": "shape"}
        desk.publish(about, [crop.read_bytes()], COMMAND_LINE)
        crop.unlink()
    return approved


def _night(workspace: Workspace, encoder: Encoder, number: int) -> None:
    run = partial(
        reindex, workspace, encoder, Unwatched(), reranker_for(workspace), today=NIGHTS[number],
        gate=gate_of(workspace, PUBLISHED_THRESHOLD),
    )  # fmt: skip
    report: Report = reported_run(workspace, run, lambda _: None)
    if report.failed or report.warnings or report.generation != number + 1:
        raise SystemExit(f"night {number} went wrong: {report}")


def _investigate(workspace: Workspace, encoder: Encoder, sent: Path) -> dict[str, Any]:
    """An account with a session and a token searches over HTTP, and keeps leads; what came of it."""
    with closing(open_service_database(workspace)) as database:
        accounts = Accounts(database)
        accounts.add(USER, Role.INVESTIGATOR, PASSWORD)
        token, secret = accounts.issue(USER, ("search",), 3650)
        Audit(database).append("account", COMMAND_LINE, account=USER, change="added as investigator")
    app = create_app(workspace, encoder, reranker_for(workspace))
    origin = {"Sec-Fetch-Site": "same-origin"}
    with TestClient(app, base_url="http://127.0.0.1", headers=origin) as client:
        form = {name: (None, text) for name, text in (("name", USER), ("password", PASSWORD))}
        session = client.post("/sign-in", files=form, follow_redirects=False).cookies["session"]
        crop = client.get("/v1/objects/E-1").json()["images"][0]
        page = client.get("/workbench/search", params={"crop": crop, "object": "E-1", "source": "police"})
        if page.status_code != 200:
            raise SystemExit(f"the workbench answers {page.status_code}: {page.text[:500]}")
        for rerank in ("false", "true"):
            found = client.post(
                "/v1/search",
                files={"image": ("sent.jpg", sent.read_bytes())},
                data={"limit": "5", "box": "0,0,1,0.95", "rerank": rerank},
                headers={"Authorization": f"Bearer {secret}"},
            ).json()
    ranked = [[one["source"], one["product_id"]] for one in found["candidates"]]
    with closing(open_service_database(workspace)) as database, closing(open_live(workspace)) as generation:
        leads = Leads(database, Audit(database))
        [wanted] = generation.records.find("objects", "E-1")
        [product] = generation.records.find("catalogue", WANTED)
        lead, _ = leads.keep(wanted, product, USER, generation.number, note="Same shape.", query_id=found["query_id"])
        leads.change(lead.id, USER, generation.number, state="confirmed", note="The shop knows it.")
        [other] = generation.records.find("objects", "E-2")
        leads.keep(other, None, USER, generation.number)
        kept = {str(one.id): [one.state, len(one.changes)] for one in leads.all()}
        count, head = Audit(database).verify()
        searches = [record["number"] for record in Audit(database).records() if record["kind"] == "search"]
    return {
        "token_id": token.id,
        "token": secret,
        "session": session,
        "searches": searches,
        "ranked": ranked,
        "leads": kept,
        "audit": [count, head],
    }


def _expected(workspace: Workspace, approved: str) -> dict[str, Any]:
    """What the records tell, and what this file was made to put there."""
    with Catalogue.open(workspace.database_url) as catalogue:
        alerts = [[alert.object_id, alert.product_id] for alert in list_alerts(catalogue.database)]
        refused = sorted([item.reason, "gate" if item.reason == FACE else ""] for item in catalogue.refusals())
        stopped = [crop.sha256 for crop in quarantined(catalogue)]
        counts = catalogue.counts()
    if not alerts or len(stopped) != 1:
        raise SystemExit(f"alerts {alerts}, quarantined {stopped}: this workspace is not what it should be")
    return {
        "live": live_number(workspace),
        "generations": numbers(workspace),
        "counts": counts,
        "alerts": alerts,
        "refused": refused,
        "quarantined": stopped,
        "approved": approved,
        "gone": ["shop", GONE],
        "forgotten": ["shop", FORGOTTEN],
        "wanted": ["shop", WANTED],
        "published": ["published/police-of-utrecht", "U-1"],
        "nights": len(RunHistory.of(workspace).records()),
    }


def _picture(spec: Spec, seed: int, view: int = 0) -> Pixels:
    """A drawn shape, uint8 [SIDE = 120

    SIDE, 3]."""
    small = render(spec, np.random.default_rng([seed, view]))
    return np.asarray(Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _save(path: Path, picture: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, quality=80)
    # Whole seconds are what an archive keeps of a time.
    os.utime(path, (1_767_000_000, 1_767_000_000))


def _write_csv(path: Path, head: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    os.utime(path, (int(path.stat().st_mtime), int(path.stat().st_mtime)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
