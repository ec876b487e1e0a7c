"""Pictures from files, tar shards and URLs, each read or requested only when it may have changed."""

import io
import os
import tarfile
from datetime import date

import pytest
from PIL import Image

from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.entries import EntryFields
from index.sources.acquire import acquire
from index.sources.fetching.outcomes import Fetched, FetchRefused, NotModified, Reason
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from tests.fakes import render, render_file

pytestmark = pytest.mark.databases("sqlite", "postgres")

MONDAY, TUESDAY, NEXT_WEEK = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 13)


def png(seed):
    out = io.BytesIO()
    Image.fromarray(render(seed)).save(out, "PNG")
    return out.getvalue()


class Web:
    """A fetcher with fixed answers; `requests` has those of the last call."""

    def __init__(self):
        self.answers = {}
        self.requests = []

    def __call__(self, requests):
        self.requests = list(requests)
        for request in self.requests:
            yield self.answers[request.url](request)


@pytest.fixture
def place(database_url, tmp_path):
    class Place:
        store = ImageStore(FolderObjects(tmp_path))
        web = Web()

        def run(self, pictures, today=MONDAY):
            source = catalogue.begin_reading(catalogue.add_source("shop", "catalogue", "/feed.csv", "csv"))
            catalogue.record(source, [(EntryFields("p"), [str(picture) for picture in pictures])], today)
            catalogue.finish_reading(source, today)
            return acquire(source, catalogue, self.store, self.web, today, Unwatched())

        def images(self):
            return [image for entry in catalogue.entries("catalogue") for image in entry.images]

    with Catalogue.open(database_url) as catalogue:
        yield Place()


def test_an_unchanged_file_is_not_read_again(place, tmp_path, monkeypatch):
    picture = render_file(tmp_path / "a.png", 1)
    assert place.run([picture]).new == 1
    monkeypatch.setattr("index.sources.acquire.read_picture", lambda *_: pytest.fail("read again"))
    assert place.run([picture]).new == 0


def test_a_touched_file_with_the_same_bytes_is_no_new_image(place, tmp_path):
    picture = render_file(tmp_path / "a.png", 1)
    place.run([picture])
    os.utime(picture, (1, 1))
    assert place.run([picture]).new == 0


def test_a_lost_copy_is_made_again(place, tmp_path):
    picture = render_file(tmp_path / "a.png", 1)
    place.run([picture])
    place.store.discard(place.images()[:1])
    assert place.run([picture]).new == 1


def test_copies_are_bounded_and_carry_no_metadata(place, tmp_path):
    image = Image.fromarray(render(1, 2000))
    exif = Image.Exif()
    exif[0x010E] = "Rue de la Paix"
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    place.run([tmp_path / "a.jpg"])
    kept = place.store.read(place.images()[0])
    assert b"Rue de la Paix" not in kept
    assert max(Image.open(io.BytesIO(kept)).size) == 1024


def test_a_member_of_a_shard_is_a_picture(place, tmp_path):
    shard = tmp_path / "00000.tar"
    with tarfile.open(shard, "w") as tar:
        data = png(1)
        member = tarfile.TarInfo("000000001.png")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    assert place.run([f"{shard}#000000001.png"]).new == 1


def test_a_url_is_requested_again_conditionally_and_not_by_each_run(place):
    url = "https://shop.example/1.png"
    place.web.answers[url] = lambda request: Fetched(request, png(1), '"tag"', "Mon")
    assert place.run([url], MONDAY).new == 1
    place.run([url], TUESDAY)
    assert place.web.requests == [] or len(place.web.requests) == 1
    place.web.requests = []
    assert place.run([url], TUESDAY).new == 0
    assert place.web.requests == []
    place.web.answers[url] = NotModified
    assert place.run([url], NEXT_WEEK).new == 0
    assert [(request.etag, request.last_modified) for request in place.web.requests] == [('"tag"', "Mon")]
    assert len(place.images()) == 1


def test_a_picture_that_cannot_be_fetched_keeps_its_former_copy(place):
    url = "https://shop.example/1.png"
    place.web.answers[url] = lambda request: Fetched(request, png(1))
    place.run([url], MONDAY)
    before = place.images()
    place.web.answers[url] = lambda request: FetchRefused(request, Reason.HOST_GIVEN_UP, "no answer", True)
    report = place.run([url], NEXT_WEEK)
    assert [item.reason for item in report.refused] == [str(Reason.HOST_GIVEN_UP)]
    assert place.images() == before
    place.web.answers[url] = NotModified
    assert place.run([url], NEXT_WEEK).refused == ()
    assert len(place.web.requests) == 1


def test_a_final_refusal_is_listed_but_not_requested_by_each_run(place):
    url = "https://shop.example/1.png"
    place.web.answers[url] = lambda request: FetchRefused(request, Reason.OPTED_OUT, "noai", False)
    assert len(place.run([url], MONDAY).refused) == 1
    place.web.requests = []
    assert len(place.run([url], TUESDAY).refused) == 1
    assert place.web.requests == []


def test_what_is_no_picture_is_refused_whatever_the_server_called_it(place):
    url = "https://shop.example/1.png"
    place.web.answers[url] = lambda request: Fetched(request, b"<html>not found</html>")
    report = place.run([url])
    assert report.new == 0
    assert url in report.refused[0].message
    assert place.images() == []
