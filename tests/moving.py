"""A workspace with something in most tables and stores, and all that it has, to compare it before and after a move."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from click.testing import CliRunner

from embedding.image.regions import WHOLE
from embedding.text.reading import Reading
from index.generations.generations import open_live
from index.jobs.alerts import Alert, add_alerts
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.filters import Filter
from index.records.schema import metadata as catalogue_tables
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.text import open_text
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.leads import Leads
from service.app.recorded_search import replay, search_record
from service.app.search_request import SearchRequest
from service.cli.main import main
from service.tables import metadata as service_tables
from service.tables import open_service_database
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.local_features import record_of
from tests.service.conftest import make_workspace

COUNT = 3


def made_in(folder: Path) -> Workspace:
    """Two generations, alerts, a recorded search, features and text: something in most tables and stores."""
    workspace = make_workspace(folder)
    add_feed(workspace, "third", "catalogue", write_feed(folder / "third", [{"product_id": "T"}], [300]))
    reindex(workspace, ColourEncoder(), Unwatched())
    images = sorted(open_live(workspace).records.images())[:COUNT]
    features = FeatureStore(workspace.objects, ImageStore(workspace.objects))
    features.append({image: record_of(number) for number, image in enumerate(images)})
    with closing(open_text(workspace.objects, "fake-1")) as text:
        text.append({image: Reading() for image in images})
    seen = ("police", "2024-0", "luma", "A/1", "Object 0", "Thing 1", "Luma", "", "", images[1], images[0])
    with Catalogue.open(workspace.database_url) as catalogue:
        add_alerts(catalogue.database, [Alert(*seen, 0.9, 2, "2026-01-05T00:00:00+00:00")])
    with closing(open_service_database(workspace)) as database, closing(open_live(workspace)) as generation:
        request = SearchRequest((b"",), (WHOLE,), "", "catalogue", (), 10, (images[0],))
        query = Query((QueryImage(ImageStore(workspace.objects).pixels(images[0])),))
        answer = search(query, generation, ColourEncoder())
        record = search_record(request, query, generation, ColourEncoder().card, None, answer)
        for number in range(3):
            Audit(database).append("search", f"ines-{number}", object=None, **record)
        (wanted, *_), (product, *_) = (list(generation.records.entries(name)) for name in ("objects", "catalogue"))
        Leads(database, Audit(database)).keep(wanted, product, "ines", 1, note="the same seam")
    return workspace


def rows(workspace):
    """Every row of every table, in the order of its key, as text."""
    found = {}
    with closing(open_service_database(workspace)) as service, Catalogue.open(workspace.database_url) as catalogue:
        for database, metadata in ((catalogue.database, catalogue_tables), (service, service_tables)):
            with database.connect() as connection:
                for table in metadata.sorted_tables:
                    lines = map(repr, connection.execute(sa.select(table)))
                    found[table.name] = sorted(line for line in lines if not line.startswith("('live generation'"))
    return found


def files(folder):
    """The content of every file that is kept by content, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("images", "generations")
        for path in (folder / name).rglob("*")
        if path.is_file() and path.name != "verified.json"
    }


def stored(workspace):
    """What the stores of vectors, features and text have, by image."""
    images = sorted(open_live(workspace).records.images())
    features = FeatureStore(workspace.objects, ImageStore(workspace.objects))
    with closing(open_text(workspace.objects, "fake-1")) as text:
        readings = dict(text.get(images))
    have = [image for image in images if image not in features.missing(images)]
    keypoints = {image: each.keypoints.tolist() for image, each in zip(have, features.get(have), strict=True)}
    return readings, keypoints, {image: ImageStore(workspace.objects).read(image) for image in images}


def answers(workspace):
    with closing(open_live(workspace)) as generation:
        found = [
            search(Query((QueryImage(render(seed)),), filters=filters), generation, ColourEncoder())
            for seed in (1, 3, 300)
            for filters in ((), (Filter("brand", "Luma"),))
        ]
    return [[(one.entry.source, one.entry.fields.entry_id, one.score) for one in each.candidates] for each in found]


def run(workspace, *options, status=0):
    done = CliRunner().invoke(main, ["--workspace", str(workspace.root), "move", *options])
    assert done.exit_code == status, done.output
    return done.output


def check_replay(workspace):
    with closing(open_service_database(workspace)) as database:
        audit = Audit(database)
        verified, record = audit.verify(), audit.search("2")
    assert replay(record, workspace, ColourEncoder(), None, {}).is_same
    return verified


def put_aside(workspace, folder):
    """Move away what the workspace's folder had: the records and the objects."""
    folder.mkdir()
    for name in ("catalogue.sqlite", "service.sqlite", "images", "vectors", "features", "text", "CURRENT"):
        for path in workspace.root.glob(f"{name}*"):
            path.rename(folder / path.name)
