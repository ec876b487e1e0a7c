"""Text is read at night: once, bounded in time, resumed, kept in the generation, and forgotten with its picture."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace

import pytest

from embedding.text.reading import Reading
from index.generations import generations
from index.generations.generations import Generation, open_live
from index.jobs.context import JobContext
from index.jobs.forget import find_entry, forget
from index.jobs.read_text import BATCH, read_missing
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.stores.images import ImageStore
from index.stores.text_file import TextFile
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.written import FakeReader, line

SECRET = "quetzalcoatl"


class Reader(FakeReader):
    """Every picture says its mean colour, so that no two say the same; but the secret one."""

    def __init__(self, version: str = "fake-1") -> None:
        super().__init__(version=version)
        self.hidden: list[bool] = []
        self.write(render(2), Reading((line(SECRET),)))

    def read(self, picture, hidden=None):
        self.hidden.append(hidden is not None)
        return super().read(picture, hidden) or Reading((line("word " + "xyz"[self.count % 3] * 5),))


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace.create(tmp_path / "workspace", "colour-64", self_test_products=0)
    feed(workspace, tmp_path / "shop", {f"p{seed}": seed for seed in range(20)})
    return workspace


def feed(workspace, folder, products, name="shop", collection="catalogue"):
    key = "product_id" if collection == "catalogue" else "object_id"
    rows = [{key: entry, "title": f"title {entry}"} for entry in products]
    add_feed(workspace, name, collection, write_feed(folder, rows, list(products.values())))


def run(workspace, reader, **options):
    return reindex(workspace, ColourEncoder(), Unwatched(), text_reader=reader, **options)


def entries_with(workspace, word, number=None):
    opened = open_live(workspace) if number is None else Generation(workspace.generations / str(number))
    index = opened.text.index("catalogue")
    nats, _ = index.weigh({word: 1.0})
    return [opened.records.entry(n).fields.entry_id for n in index.entries[nats > 0].tolist()]


def test_every_picture_is_read_once_for_each_version(workspace):
    first = Reader()
    run(workspace, first)
    assert first.count == 20
    assert entries_with(workspace, SECRET) == ["p2"]
    again = Reader()
    assert run(workspace, again).published is False
    assert again.count == 0
    other = Reader("fake-2")
    assert run(workspace, other).published is True
    assert other.count == 20
    assert open_live(workspace).text.version == "fake-2"


def test_without_a_reader_titles_are_still_found(workspace):
    run(workspace, None)
    assert entries_with(workspace, "p7") == ["p7"]
    assert entries_with(workspace, SECRET) == []
    assert open_live(workspace).text.version == ""
    # Once there is a reader, what it reads is worth a generation.
    assert run(workspace, Reader()).published is True


def test_the_setting_turns_it_off(workspace):
    off = replace(workspace, settings=replace(workspace.settings, text="off"))
    reader = Reader()
    run(off, reader)
    assert reader.count == 0


def test_a_night_reads_no_longer_than_it_may_and_the_next_goes_on(workspace, tmp_path):
    feed(workspace, tmp_path / "shop", {f"p{seed}": seed for seed in range(3 * BATCH)})
    run(workspace, None)
    hour = [0.0]

    def clock():
        hour[0] += 3600
        return hour[0]

    def night(reader, minutes):
        settings = replace(workspace.settings, text_minutes=minutes)
        with Catalogue.open(workspace.database_url) as catalogue:
            store = ImageStore(workspace.objects)
            context = JobContext(
                replace(workspace, settings=settings), catalogue, store, ColourEncoder(), None, Unwatched(), reader
            )
            return read_missing(context, clock)

    reader = Reader()
    first = night(reader, 90)
    assert reader.count == BATCH
    assert len(first.images) == BATCH
    assert first.warnings == (
        f"{2 * BATCH} pictures are left whose text was not read: text_minutes was over; the next run goes on",
    )
    second = night(reader, 0)
    assert reader.count == 3 * BATCH
    assert (len(second.images), second.warnings) == (3 * BATCH, ())


def test_an_interruption_loses_no_more_than_a_batch(workspace, tmp_path, monkeypatch):
    feed(workspace, tmp_path / "shop", {f"p{seed}": seed for seed in range(2 * BATCH)})
    stopped = Reader()
    append = TextFile.append

    def interrupted(self, readings):
        append(self, readings)
        raise KeyboardInterrupt

    monkeypatch.setattr(TextFile, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(workspace, stopped)
    monkeypatch.setattr(TextFile, "append", append)
    resumed = Reader()
    run(workspace, resumed)
    assert (stopped.count, resumed.count) == (BATCH, BATCH)


def test_damaged_readings_are_made_again(workspace):
    run(workspace, Reader())
    with sqlite3.connect(workspace.root / "text" / "fake-1.sqlite") as connection:
        connection.execute("UPDATE readings SET crc = 1 WHERE image IN (SELECT image FROM readings LIMIT 3)")
    reader = Reader()
    report = run(workspace, reader)
    assert reader.count == 3
    assert "3 stored readings of text were damaged and were made again: check that disk" in report.warnings


def test_a_lost_folder_of_text_costs_time_alone(workspace):
    run(workspace, Reader())
    shutil.rmtree(workspace.root / "text")
    reader = Reader()
    assert run(workspace, reader).published is False
    assert reader.count == 20


def test_sanitised_areas_are_looked_for_in_published_crops_alone(workspace, tmp_path):
    feed(workspace, tmp_path / "list", {"E-1": 77}, "Europol", "objects")
    reader = Reader()
    run(workspace, reader)
    assert sorted(reader.hidden) == [False] * 20 + [True]


def test_forgotten_text_is_gone_from_every_file(workspace):
    run(workspace, Reader())
    run(workspace, Reader("fake-2"))
    assert any(SECRET.encode() in path.read_bytes() for path in files(workspace))
    forget(workspace, find_entry(workspace, "catalogue", "p2"))
    assert [path for path in files(workspace) if SECRET.encode() in path.read_bytes()] == []
    for number in generations.numbers(workspace):
        assert entries_with(workspace, SECRET, number) == []
        assert entries_with(workspace, "p7", number) == ["p7"]
    # What forget left is what a re-index would build.
    assert run(workspace, Reader("fake-2")).published is False


def test_a_generation_with_damaged_words_is_not_opened(workspace):
    run(workspace, Reader())
    words = workspace.generations / "1" / "catalogue.words"
    words.write_bytes(words.read_bytes()[:-1] + b"?")
    with pytest.raises(generations.GenerationError, match=r"catalogue\.words is missing or was changed"):
        open_live(workspace)


def files(workspace):
    return [path for path in workspace.root.rglob("*") if path.is_file()]
