"""Local features made at night: every picture once, bounded in time, resumed, repaired."""

from dataclasses import replace

import pytest

from index.errors import UnknownEntry
from index.jobs import make_features
from index.jobs.context import JobContext
from index.jobs.make_features import make_missing
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.rerank import Reranker
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.local_features import record_of

BATCH = 3
PICTURES = 8


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A night's features: run(minutes, hours a look at the clock takes) -> warnings; `made` lists the pictures."""
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    rows = [{"product_id": f"p{number}"} for number in range(PICTURES)]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, list(range(PICTURES))))
    reindex(workspace, ColourEncoder(), Unwatched())
    made = []

    def record(images, image):
        images.pixels(image)
        made.append(image)
        return record_of(len(made))

    monkeypatch.setattr(make_features, "record", record)
    monkeypatch.setattr(make_features, "BATCH", BATCH)

    def run(minutes=0, hours=0.0):
        hour = [0.0]

        def clock():
            hour[0] += 3600 * hours
            return hour[0]

        settings = replace(workspace.settings, features_minutes=minutes)
        with Catalogue.open(workspace.database_url) as catalogue:
            images = ImageStore(workspace.objects)
            reranker = Reranker(FeatureStore(workspace.objects, images))
            context = JobContext(
                replace(workspace, settings=settings), catalogue, images, ColourEncoder(), reranker, Unwatched()
            )
            return make_missing(context, clock)

    return workspace, made, run


def test_every_picture_once(night):
    workspace, made, run = night
    with Catalogue.open(workspace.database_url) as catalogue:
        images = catalogue.images()
    assert len(images) == PICTURES
    assert run() == ()
    assert sorted(made) == sorted(images)
    assert run() == ()
    assert len(made) == PICTURES


def test_no_longer_than_it_may_and_the_next_night_goes_on(night):
    _, made, run = night
    warnings = run(minutes=90, hours=1)
    assert len(made) == BATCH
    assert warnings == (
        f"{PICTURES - BATCH} pictures are left without local features: features_minutes was over; the next run goes on",
    )
    assert run() == ()
    assert len(made) == PICTURES


def test_an_interruption_loses_no_more_than_a_batch(night, monkeypatch):
    _, made, run = night
    real = make_features.record

    def stopping(images, image):
        if len(made) > BATCH:
            raise KeyboardInterrupt
        return real(images, image)

    monkeypatch.setattr(make_features, "record", stopping)
    with pytest.raises(KeyboardInterrupt):
        run()
    kept = set(made[:BATCH])
    monkeypatch.setattr(make_features, "record", real)
    run()
    assert kept.isdisjoint(made[BATCH + 1 :])


def test_damaged_ones_are_made_again_and_a_picture_that_is_lost_is_left_out(night, monkeypatch):
    workspace, made, run = night
    run()
    (path,) = (workspace.root / "features").rglob("*.features")
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)
    store = FeatureStore(workspace.objects, ImageStore(workspace.objects))
    lost = made[0]
    store.discard_unused(set(made) - {lost})
    ImageStore(workspace.objects).discard([lost])
    with pytest.raises(UnknownEntry):
        ImageStore(workspace.objects).pixels(lost)
    warnings = run()
    assert len(made) in (PICTURES, PICTURES + 1)
    assert FeatureStore(workspace.objects, ImageStore(workspace.objects)).missing(made) == [lost]
    assert len(warnings) == len(made) - PICTURES


def test_without_a_re_ranker_nothing_is_made(night):
    workspace, made, _ = night
    with Catalogue.open(workspace.database_url) as catalogue:
        context = JobContext(workspace, catalogue, ImageStore(workspace.objects), ColourEncoder(), None, Unwatched())
        assert make_missing(context) == ()
    assert made == []


def test_what_another_job_has_made_meanwhile_is_kept(night):
    workspace, made, run = night
    with Catalogue.open(workspace.database_url) as catalogue:
        images = sorted(catalogue.images())
    opened_before = Reranker(FeatureStore(workspace.objects, ImageStore(workspace.objects)))
    run()
    kept = FeatureStore(workspace.objects, ImageStore(workspace.objects)).get(images)
    with Catalogue.open(workspace.database_url) as catalogue:
        store = ImageStore(workspace.objects)
        context = JobContext(workspace, catalogue, store, ColourEncoder(), opened_before, Unwatched())
        assert make_missing(context) == ()
    assert len(made) == PICTURES
    after = FeatureStore(workspace.objects, ImageStore(workspace.objects)).get(images)
    for before, now in zip(kept, after, strict=True):
        assert before.to_record().tobytes() == now.to_record().tobytes()
