"""The demo's sample over PostgreSQL, S3 and Milvus: it gives what one machine gives, and comes back as it was."""

from __future__ import annotations

import itertools
from contextlib import closing

import pytest

from embedding.encoders.choose import load
from embedding.encoders.registry import STARTER
from embedding.image.decode import decode
from embedding.image.regions import WHOLE
from index.generations import generations
from index.generations.generations import open_live
from index.generations.segments import prefix
from index.jobs.alerts import list_alerts
from index.jobs.forget import find_entry, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.feed_records import COLLECTIONS
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from index.search.rerank import reranker_for
from index.search.search import search
from index.stores.images import ImageStore
from index.workspace import SETTINGS, Workspace
from service.app.audit import Audit
from service.app.recorded_search import replay, search_record
from service.app.search_request import SearchRequest
from service.tables import open_service_database
from tests import milvus
from tests.browser import test_investigator
from tests.browser.site import make_workspace, serving
from tests.databases import copied
from tests.fakes import add_feed, write_feed
from tests.moving import files, put_aside, rows, run

FILTERS = ((), ("country=NL",), ("brand=Umbra",), ("brand=Umbra", "made_in=KR"), ("seen_before=2015-01-01",))
# Of each collection.
QUERIES = 3
FORGOTTEN = "late-4711"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("moved"))


@pytest.fixture(scope="module")
def one(made, tmp_path_factory):
    """A copy that stays on one machine."""
    return copied(made[0], tmp_path_factory.mktemp("one") / "workspace")


class Servers:
    """A PostgreSQL server, an S3 server and a Milvus server, and moves there and back by the command."""

    def __init__(self, postgres, s3, milvus_server, folder):
        self.postgres, self.s3, self.milvus, self._folder = postgres, s3, milvus_server, folder
        self._numbers = itertools.count()

    def move_there(self, workspace):
        """The workspace moved; what its folder had is put aside."""
        self.bucket = self.s3.bucket(versioned=True)
        places = ("--database", self.postgres.database(), "--objects", f"s3://{self.bucket}/demo")
        run(workspace, *places, "--engine", self.milvus.url)
        put_aside(workspace, self._folder / str(next(self._numbers)))
        return Workspace.open(workspace.root)

    def move_back(self, workspace):
        run(workspace, "--database", "folder", "--objects", "folder", "--engine", "folder")
        return Workspace.open(workspace.root)


@pytest.fixture(scope="module")
def servers(postgres_server, s3_server, milvus_server, tmp_path_factory):
    return Servers(postgres_server, s3_server, milvus_server, tmp_path_factory.mktemp("aside"))


@pytest.fixture(scope="module")
def moved(made, one, servers):
    """Moved after the copy was made."""
    return servers.move_there(made[0])


@pytest.fixture
def site(made, moved):
    with serving(moved, *made[1:]) as running:
        yield running


@pytest.fixture(scope="module")
def encoder():
    return load(STARTER)


def answers(workspace, sample, encoder, filters_of_each=FILTERS[:2]):
    """What queries of the sample find: crops among products, photos among objects, with filters and without."""
    reranker, found = reranker_for(workspace), []
    chosen = [
        asked
        for collection in COLLECTIONS
        for asked in [each for each in sample.queries if each.collection == collection][:QUERIES]
    ]
    with closing(open_live(workspace)) as generation:
        for asked in chosen:
            picture = QueryImage(decode(asked.path.read_bytes()))
            for filters in filters_of_each:
                conditions = tuple(map(Filter.parse, filters))
                query = Query((picture,), collection=asked.collection, filters=conditions, limit=8)
                found.append(search(query, generation, encoder, reranker))
    return found


def check_same(found, wanted):
    """The same entries in the same order, with the same scores, likelihoods and verdicts."""
    assert [each.verdict for each in found] == [each.verdict for each in wanted]
    for one, other in zip(found, wanted, strict=True):
        ids = [
            [(each.entry.source, each.entry.fields.entry_id) for each in answer.candidates] for answer in (one, other)
        ]
        assert ids[0] == ids[1]
        for name in ("score", "likelihood"):
            told = [[getattr(each, name) or 0.0 for each in answer.candidates] for answer in (one, other)]
            assert told[0] == pytest.approx(told[1], abs=1e-3)


def record_search(workspace, encoder, number):
    """Search for the picture of an entry, and record it; gives what identifies the record."""
    with closing(open_live(workspace)) as generation, closing(open_service_database(workspace)) as database:
        image = sorted(generation.records.images())[number]
        request = SearchRequest((b"",), (WHOLE,), "", "catalogue", (), 10, (image,))
        query = Query((QueryImage(ImageStore(workspace.objects).pixels(image)),))
        answer = search(query, generation, encoder)
        record = search_record(request, query, generation, encoder.card, None, answer)
        Audit(database).append("search", "ines", object=None, **record)
        return answer.query_id


def replayed(workspace, encoder, query_id):
    with closing(open_service_database(workspace)) as database:
        Audit(database).verify()
        records = [each for each in Audit(database).records() if each.get("query_id") == query_id]
    assert len(records) == 1
    return replay(records[0], workspace, encoder, None, {})


def alerts(workspace):
    with Catalogue.open(workspace.database_url) as catalogue:
        return [(each.object_id, each.product_id) for each in list_alerts(catalogue.database)]


def test_it_gives_what_one_machine_gives(made, one, moved, encoder):
    assert (moved.settings.database[:5], moved.settings.objects[:5], moved.settings.engine[:6]) == (
        "postg", "s3://", "milvus",
    )  # fmt: skip
    assert not (moved.root / "images").exists()
    assert rows(moved) == rows(one)
    assert alerts(moved) == alerts(one)
    assert alerts(moved)
    wanted = answers(one, made[1], encoder, FILTERS)
    assert sum(bool(answer.candidates) for answer in wanted) > len(wanted) / 4
    check_same(answers(moved, made[1], encoder, FILTERS), wanted)


def test_an_investigator_has_a_day_there(site, visitor):
    test_investigator.test_a_day_at_the_desk(site, visitor, "en-GB", 1)


def test_it_comes_back_as_it_was(one, moved, servers, encoder):
    there = record_search(moved, encoder, 3)
    assert replayed(moved, encoder, there).is_same
    before = rows(moved)
    back = servers.move_back(moved)
    assert rows(back) == before
    assert files(back.root) == files(one.root)
    assert (back.root / SETTINGS).read_bytes() == (one.root / SETTINGS).read_bytes()
    assert replayed(back, encoder, there).is_same


def test_nights_rollback_and_forget_give_what_they_give_on_one_machine(made, one, servers, encoder, tmp_path):
    """Also a search that was recorded before the move is replayed after it."""
    recorded = record_search(one, encoder, 5)
    workspace = copied(one, tmp_path / "workspace")
    there = servers.move_there(workspace)
    assert replayed(there, encoder, recorded).is_same
    feed = write_feed(tmp_path / "late", [{"product_id": FORGOTTEN, "title": "Late"}], [7])
    reports = []
    for each in (one, there):
        add_feed(each, "late shop", "catalogue", feed)
        reports.append(reindex(each, encoder, Unwatched(), reranker_for(each)))
        assert reports[-1].generation == 2
    here, there_too = ((each.embedded, each.new_images, each.refused, each.self_test) for each in reports)
    assert here == there_too
    assert alerts(there) == alerts(one)
    check_same(answers(there, made[1], encoder), answers(one, made[1], encoder))
    for each in (one, there):
        assert generations.rollback(each) == 1
    check_same(answers(there, made[1], encoder), answers(one, made[1], encoder))
    secret = FORGOTTEN.encode()
    assert any(secret in content for content in servers.s3.everything(servers.bucket).values())
    for each in (one, there):
        assert generations.rollback(each, 2) == 2
        forget(each, find_entry(each, "catalogue", FORGOTTEN))
    assert not any(secret in content for content in servers.s3.everything(servers.bucket).values())
    check_same(answers(there, made[1], encoder), answers(one, made[1], encoder))
    assert milvus.on_server(servers.milvus.url, prefix(there))
