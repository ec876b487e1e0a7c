"""The HTML report of a re-index, and its metrics for Prometheus."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from embedding.image.normalised_copy import normalised_copy
from index.generations.manifest import SelfTest
from index.records.catalogue import Changes
from index.records.feed_records import Refusal
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from service.reports.metrics import write_metrics
from service.reports.report import MAX_ALERTS, render
from service.reports.run_record import MAX_QUOTED, RunRecord
from tests.fakes import render as picture
from tests.service.pages.page_checks import Page
from tests.service.reports.test_run_record import WHEN, alert, record

HOSTILE = '"><script>alert(1)</script><img src=https://evil.example/x onerror=alert(1)>'


@pytest.fixture
def images(tmp_path):
    store = ImageStore(FolderObjects(tmp_path))
    store.add("c" * 64, normalised_copy(picture(1), 96))
    return store


def full(**fields):
    return record(
        **{
            "alerts": (alert(crop="c" * 64, image="d" * 64, link="https://shop.example/p?a=1&b=2"),),
            "changes": {"shop": Changes(added=1)},
            "refused": (Refusal("feed.csv:2", "bad-json", "no"),),
            "failed": ("other: is missing",),
            "warnings": ("the disk is slow",),
            "seconds": {"embedding": 1.5},
            "self_test": SelfTest(30, 0.9, 0.95, 1.0, 0.05, 0.97),
        }
        | fields
    )


def test_the_page_has_all_of_the_run(images):
    page = render(full(), images)
    for text in ("1 alert, generation 2 published", "a cup", "Cup", "likelihood 0.90", "other: is missing",
                 "the disk is slow", "feed.csv:2", "bad-json: 1", "embedding", "90 %", "shop"):  # fmt: skip
        assert text in page


def test_it_loads_nothing_and_shows_only_pictures_that_are_there(images):
    page = Page(render(full(), images))
    assert [source[:23] for source in page.attributes("img", "src")] == ["data:image/jpeg;base64,"]
    assert page.attributes("a", "href") == ["https://shop.example/p?a=1&b=2"]
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object"}


def test_hostile_texts_stay_texts(images):
    names = ("object_id", "product_id", "source", "object_source", "object_title", "title", "brand", "retailer")
    hostile = full(
        alerts=(alert(**dict.fromkeys(names, HOSTILE), link=f"javascript:{HOSTILE}"),),
        changes={HOSTILE: Changes()},
        refused=(Refusal(HOSTILE, HOSTILE, HOSTILE),),
        failed=(HOSTILE,),
        warnings=(HOSTILE,),
        seconds={HOSTILE: 1.0},
        model=HOSTILE,
    )
    for night in (hostile, RunRecord(WHEN, WHEN, 1.0, "failed", error=HOSTILE)):
        page = Page(render(night, images))
        assert not {tag for tag, _ in page.elements} & {"script", "img", "a"}
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_an_error_is_shown_as_it_was_written(images):
    """Paths and codes in an error keep their letters."""
    page = render(RunRecord(WHEN, WHEN, 1.0, "failed", error="/Data/X cannot be written: ENOSPC"), images)
    assert "/Data/X cannot be written: ENOSPC</p>" in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (89.0, "1 min"),
        (3569.0, "59 min"),
        (3600.0, "1 h 00 min"),
        (36660, "10 h 11 min"),
    ],
)
def test_durations_are_readable(images, seconds, text):
    assert f">{text}</td>" in render(full(seconds={"embedding": seconds}), images)


def test_long_lists_are_cut_and_counted(images):
    long = full(
        alerts=tuple(alert(product_id=f"p{n}") for n in range(MAX_ALERTS + 3)),
        refused=tuple(Refusal(f"feed.csv:{n}", "bad-json", "no") for n in range(MAX_QUOTED + 5)),
    )
    page = render(long, images)
    assert page.count('class="alert"') == MAX_ALERTS
    assert "and 3 more: traceobject alerts" in page
    assert page.count("feed.csv:") == MAX_QUOTED
    assert "and 5 more" in page


def test_a_copy_that_cannot_be_read_leaves_a_gap(images):
    assert render(full(), images).count("no picture") == 1
    images.add("c" * 64, b"damaged")
    page = render(full(), images)
    assert Page(page).attributes("img", "src") == []
    assert page.count("no picture") == 2


def read(path):
    """Every sample, by name and labels, as Prometheus' own parser reads it."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_the_figures_are_a_textfile_that_prometheus_reads(tmp_path):
    path = tmp_path / "traceobject.prom"
    run = full(changes={"shop": Changes(added=3, gone=1), "two": Changes(added=1)}, embedded=4)
    assert write_metrics(run, path) == ""
    got = read(path)
    assert got["traceobject_reindex_outcome", "published"] == 1
    assert got["traceobject_reindex_outcome", "failed"] == 0
    assert got["traceobject_reindex_entries", "added"] == 4
    assert got["traceobject_reindex_embedded_images",] == 4
    assert got["traceobject_reindex_alerts",] == 1
    assert got["traceobject_reindex_refused_inputs",] == 1
    assert got["traceobject_reindex_failed_sources",] == 1
    assert got["traceobject_reindex_step_seconds", "embedding"] == 1.5
    assert got["traceobject_reindex_self_test_recall_at_1",] == 0.9
    assert got["traceobject_reindex_finished_timestamp_seconds",] == 1767582000
    assert write_metrics(RunRecord(WHEN, WHEN, 2.0, "failed", error="x"), path) == ""
    got = read(path)
    assert got["traceobject_reindex_outcome", "failed"] == 1
    assert got["traceobject_reindex_entries", "added"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["traceobject.prom"]


def test_any_step_can_be_a_label(tmp_path):
    path = tmp_path / "traceobject.prom"
    name = 'pictures of "a\\b"\nsecond line'
    assert write_metrics(full(seconds={name: 1.0}), path) == ""
    assert read(path)["traceobject_reindex_step_seconds", name] == 1.0


def test_a_file_that_cannot_be_written_is_reported(tmp_path):
    assert "missing" in write_metrics(full(), tmp_path / "missing" / "traceobject.prom")
