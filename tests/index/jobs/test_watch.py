"""Open objects as standing queries: each product is alerted once for each object, and only while it is open."""

from datetime import date, timedelta

import pytest

from embedding.errors import ImageRefused
from embedding.image.regions import WHOLE
from index.generations.generations import open_live
from index.generations.manifest import SelfTest
from index.jobs.alerts import list_alerts
from index.jobs.reindex import reindex
from index.jobs.watch import is_watched, watch
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.answer import Answer, Candidate, Evidence
from index.stores.images import ImageStore
from index.workspace import Workspace
from tests.fakes import LIKELY, ColourEncoder, add_feed, write_feed

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

DAY = date(2026, 1, 5)


def shop(workspace, folder, products, name="shop"):
    rows = [{"product_id": product, "title": f"title of {product}"} for product in products]
    add_feed(workspace, name, "catalogue", write_feed(folder / name, rows, list(products.values())))


def publish(workspace, folder, objects):
    """Publish objects: their status, and the seeds of their crops."""
    rows, seeds = [], []
    for name, (status, *crops) in objects.items():
        rows += [{"object_id": name, "status": status, "title": f"object {name}"}] * len(crops)
        seeds += crops
    add_feed(workspace, "Europol", "objects", write_feed(folder / "list", rows, seeds))


def run(workspace, night=0, **options):
    return reindex(workspace, ColourEncoder(), Unwatched(), today=DAY + timedelta(night), **options)


@pytest.fixture
def workspace(tmp_path):
    return Workspace.create(tmp_path / "workspace", "colour-64")


class FakeSearch:
    """A search whose candidates have given likelihoods, by product; it records its queries."""

    def __init__(self, generation, **likelihoods):
        self.generation, self.likelihoods, self.queries = generation, likelihoods, []
        generation.likelihood = object()

    def __call__(self, query):
        self.queries.append(query)
        found = []
        for product, likelihood in self.likelihoods.items():
            for entry in self.generation.records.find("catalogue", product):
                similarity = tuple(0.1 * (number + 1) for number in range(len(query.images)))
                evidence = Evidence(similarity, None, WHOLE)
                found.append(Candidate(len(found) + 1, entry, 1.0, likelihood, entry.images[0], evidence))
        return Answer("q", "candidates", self.generation.number, "m", "catalogue", tuple(found))


@pytest.fixture
def watching(workspace):
    """Watch the live generation with a FakeSearch: returns alerts, warnings and queries."""

    def run_watch(**likelihoods):
        generation = open_live(workspace)
        fake_search = FakeSearch(generation, **likelihoods)
        with Catalogue.open(workspace.database_url) as catalogue:
            store = ImageStore(workspace.objects)
            alerts, warnings = watch(
                generation, fake_search, catalogue.database, store, 0.5, "2026-01-05T03:00", Unwatched()
            )
            assert is_watched(catalogue.database, generation.number)
            assert not is_watched(catalogue.database, generation.number + 1)
        return alerts, warnings, fake_search.queries

    return run_watch


@pytest.fixture
def two_open(workspace, tmp_path):
    shop(workspace, tmp_path, {"a": 1, "b": 2})
    publish(workspace, tmp_path, {"E-1": ("open", 11, 12, 13), "E-2": ("open", 14), "E-3": ("identified", 15)})
    run(workspace)


def test_all_crops_of_an_object_are_one_query(watching, two_open):
    _, warnings, queries = watching(a=0.9)
    assert warnings == ()
    assert [len(query.images) for query in queries] == [3, 1]


def test_products_at_or_above_the_threshold_become_alerts_once(watching, two_open, workspace):
    alerts, _, _ = watching(a=0.5, b=0.4999)
    assert [(alert.object_id, alert.product_id) for alert in alerts] == [("E-1", "a"), ("E-2", "a")]
    first = alerts[0]
    assert (first.object_title, first.title, first.source, first.object_source) == (
        "object E-1", "title of a", "shop", "Europol",
    )  # fmt: skip
    records = open_live(workspace).records
    assert first.crop == records.find("objects", "E-1")[0].images[2]
    assert first.image == records.find("catalogue", "a")[0].images[0]
    assert watching(a=0.99, b=0.1)[0] == []
    assert [alert.product_id for alert in watching(a=0.99, b=0.7)[0]] == ["b", "b"]
    with Catalogue.open(workspace.database_url) as catalogue:
        assert len(list_alerts(catalogue.database)) == 4


def test_a_candidate_without_likelihood_is_no_alert(watching, two_open):
    assert watching(a=None)[0] == []


def test_a_closed_object_is_not_searched_for(watching, two_open, workspace, tmp_path):
    publish(workspace, tmp_path, {"E-1": ("closed", 11, 12, 13), "E-2": ("open", 14), "E-3": ("open", 15)})
    run(workspace, 1)
    alerts, _, queries = watching(a=0.9)
    assert [alert.object_id for alert in alerts] == ["E-2", "E-3"]
    assert len(queries) == 2


def test_an_unreadable_crop_is_a_warning_and_other_objects_are_searched_for(watching, two_open, workspace):
    crop = open_live(workspace).records.find("objects", "E-1")[0].images[0]
    ImageStore(workspace.objects).discard([crop])
    alerts, warnings, _ = watching(a=0.9)
    assert [alert.object_id for alert in alerts] == ["E-2"]
    assert "E-1 of Europol could not be watched" in warnings[0]


def test_more_crops_than_a_query_takes_are_cut_to_the_first(watching, workspace, tmp_path):
    shop(workspace, tmp_path, {"a": 1})
    publish(workspace, tmp_path, {"E-1": ("open", *range(100, 112))})
    run(workspace)
    _, warnings, queries = watching(a=0.9)
    assert (warnings, len(queries[0].images)) == ((), 8)


def test_watches_that_were_interrupted_are_repeated_by_the_next_night(workspace, tmp_path, monkeypatch):
    shop(workspace, tmp_path, {"a": 1})
    publish(workspace, tmp_path, {"E-1": ("open", 11)})
    watched = []

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("index.jobs.reindex.watch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(workspace)
    assert open_live(workspace).number == 1
    monkeypatch.setattr("index.jobs.reindex.watch", lambda live, *_: (watched.append(live.number), ([], ()))[1])
    assert not run(workspace).published
    assert watched == [1]


def test_a_refused_crop_affects_only_its_object(watching, two_open, monkeypatch):
    real = ImageStore.pixels

    def refuse(store, name, calls=[]):  # noqa: B006
        calls.append(name)
        if len(calls) == 1:
            raise ImageRefused("broken", "the copy is broken")
        return real(store, name)

    monkeypatch.setattr(ImageStore, "pixels", refuse)
    alerts, warnings, _ = watching(a=0.9)
    assert ([alert.object_id for alert in alerts], len(warnings)) == (["E-2"], 1)


def test_a_watched_object_gets_one_alert_when_its_product_appears(workspace, tmp_path, monkeypatch):
    """Several nights with the real search; only the calibration is fixed, as the catalogue is too small to have one.

    It makes a cosine of 1 likely and one of 0.95 unlikely.
    """
    measured = SelfTest(30, 1.0, 1.0, 1.0, 0.0, 1.0)
    monkeypatch.setattr("index.jobs.build.self_test", lambda *_: (measured, LIKELY, {}))
    products = {f"p{n}": n for n in range(20)}
    shop(workspace, tmp_path, products)
    publish(workspace, tmp_path, {"E-1": ("open", 500), "E-2": ("open", 600), "E-3": ("closed", 500)})
    assert run(workspace, 0).alerts == ()
    shop(workspace, tmp_path, {f"q{n}": 200 + n for n in range(3)}, "unrelated")
    assert run(workspace, 1).alerts == ()
    shop(workspace, tmp_path, {"wanted": 500, "other": 300}, "later")
    report = run(workspace, 2)
    assert [(alert.object_id, alert.product_id) for alert in report.alerts] == [("E-1", "wanted")]
    assert report.alerts[0].likelihood >= 0.5
    assert run(workspace, 3).alerts == ()
    shop(workspace, tmp_path, {"wanted": 500, "other": 300, "more": 301}, "later")
    report = run(workspace, 4)
    assert (report.published, report.alerts) == (True, ())
    publish(workspace, tmp_path, {"E-1": ("identified", 500), "E-2": ("open", 600), "E-4": ("open", 500)})
    assert [(alert.object_id, alert.product_id) for alert in run(workspace, 5).alerts] == [("E-4", "wanted")]
    shop(workspace, tmp_path, {"again": 500}, "a third shop")
    assert [alert.object_id for alert in run(workspace, 6).alerts] == ["E-4"]
