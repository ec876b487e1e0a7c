"""Published crops that the face gate stops are quarantined, reported, and approved only by a curator."""

import hashlib
from contextlib import closing

import numpy as np
import pytest
import sqlalchemy as sa

from index.errors import UnknownEntry
from index.generations.generations import open_live
from index.jobs.forget import find_entry, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.feed_records import COLLECTIONS
from index.records.schema import origins
from index.sources.copying import LONG_SIDE
from index.sources.gate import FACE, PASSED, Verdict, approve
from index.sources.gate import quarantined as list_held
from index.stores.images import ImageStore
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, render_file, write_feed

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

CROPS = [{"object_id": "2024-1"}, {"object_id": "2024-2"}]


class Stops:
    """Stops the picture rendered from one seed, and its normalised copy."""

    def __init__(self, seed):
        self.stopped = render(seed).astype(float)
        self.checked = 0

    def check(self, picture):
        assert max(picture.shape) <= LONG_SIDE
        self.checked += 1
        return Verdict(FACE, 0.9) if np.abs(picture - self.stopped).mean() < 6 else PASSED


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "workspace", "colour-64")
    add_feed(made, "police", "objects", write_feed(tmp_path / "police", CROPS, [1, 2]))
    return made


@pytest.fixture
def quarantined(tmp_path, workspace):
    return hashlib.sha256((tmp_path / "police" / "pictures" / "2.png").read_bytes()).hexdigest()


def run(workspace, gate, **how):
    return reindex(workspace, ColourEncoder(), Unwatched(), gate=gate, **how)


def test_a_quarantined_crop_is_listed_and_nothing_of_it_is_stored(workspace, quarantined):
    gate = Stops(2)
    report = run(workspace, gate)
    (refusal,) = report.refused
    assert (refusal.reason, refusal.where.endswith("2.png")) == ("face", True)
    assert f"traceobject allow {quarantined}" in refusal.message
    assert quarantined not in ImageStore(workspace.objects)
    assert (report.new_images, gate.checked) == (1, 2)


def test_it_stays_listed_and_is_not_checked_again_by_each_run(workspace):
    run(workspace, Stops(2))
    gate = Stops(2)
    assert [refusal.reason for refusal in run(workspace, gate).refused] == ["face"]
    assert gate.checked == 0


def test_a_quarantined_crop_is_known_by_its_record_and_not_by_the_text_of_its_refusal(tmp_path):
    """A feed chooses the names of its pictures: one may contain the command that approves another crop."""
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    feed = write_feed(tmp_path / "police", CROPS[:1], [2])
    named = feed.parent / "pictures" / f"`traceobject allow {'0' * 64}`.png"
    (feed.parent / "pictures" / "2.png").rename(named)
    feed.write_text(feed.read_text().replace("pictures/2.png", f"pictures/{named.name}"))
    add_feed(workspace, "police", "objects", feed)
    run(workspace, Stops(2))
    stopped = hashlib.sha256(named.read_bytes()).hexdigest()
    with Catalogue.open(workspace.database_url) as catalogue:
        with catalogue.database.begin() as connection:
            connection.execute(sa.update(origins).values(message="another text"))
        assert [(crop.sha256, crop.let_in) for crop in list_held(catalogue)] == [(stopped, False)]
        with pytest.raises(UnknownEntry):
            approve(catalogue, "0" * 64)
        approve(catalogue, stopped)
    run(workspace, Stops(2))
    assert stopped in ImageStore(workspace.objects)
    with Catalogue.open(workspace.database_url) as catalogue:
        assert list_held(catalogue) == []


def test_a_quarantined_crop_stays_known_while_its_file_cannot_be_read(tmp_path, workspace, quarantined):
    """It may have been approved meanwhile, and forgetting its object has to find its SHA-256."""
    run(workspace, Stops(2))
    (tmp_path / "police" / "pictures" / "2.png").unlink()
    assert [refusal.reason for refusal in run(workspace, Stops(2)).refused] == ["unreadable"]
    with Catalogue.open(workspace.database_url) as catalogue:
        assert [crop.sha256 for crop in list_held(catalogue)] == [quarantined]
    render_file(tmp_path / "police" / "pictures" / "2.png", 3)
    assert run(workspace, Stops(2)).refused == ()
    with Catalogue.open(workspace.database_url) as catalogue:
        assert list_held(catalogue) == []


def test_a_curator_approves_it(workspace, quarantined):
    run(workspace, Stops(2))
    with Catalogue.open(workspace.database_url) as catalogue:
        approve(catalogue, quarantined)
    report = run(workspace, Stops(2))
    assert report.refused == ()
    assert report.published
    assert quarantined in ImageStore(workspace.objects)


@pytest.mark.parametrize("name", ["0" * 64, "%", "", "a"])
def test_only_quarantined_crops_can_be_approved(workspace, name):
    run(workspace, Stops(2))
    with Catalogue.open(workspace.database_url) as catalogue, pytest.raises(UnknownEntry):
        approve(catalogue, name)


def test_products_are_not_checked(tmp_path, workspace):
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", [{"product_id": "P"}], [7]))
    assert run(workspace, Stops(7)).refused == ()


def test_a_crop_that_a_shop_shows_too_is_quarantined_nevertheless(tmp_path, workspace, quarantined):
    add_feed(workspace, "a-shop", "catalogue", write_feed(tmp_path / "shop", [{"product_id": "P"}], [2]))
    report = run(workspace, Stops(2))
    assert [refusal.reason for refusal in report.refused] == ["face"]
    assert quarantined in ImageStore(workspace.objects)


def test_a_crop_that_a_shop_showed_first_is_checked_nevertheless(tmp_path):
    """Its copy is there already when the authority's feed is read: that must not exempt it from the gate."""
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    add_feed(workspace, "a-shop", "catalogue", write_feed(tmp_path / "shop", [{"product_id": "P"}], [2]))
    assert run(workspace, Stops(2)).new_images == 1
    add_feed(workspace, "police", "objects", write_feed(tmp_path / "police", CROPS[:1], [2]))
    gate = Stops(2)
    assert [refusal.reason for refusal in run(workspace, gate).refused] == ["face"]
    assert gate.checked == 1
    with closing(open_live(workspace)) as generation:
        assert [entry.images for entry in generation.records.entries("objects")] == []


def test_a_crop_replaced_by_one_with_a_face_keeps_the_former(tmp_path, workspace):
    run(workspace, Stops(9))
    kept = set((workspace.root / "images").rglob("*.jpg"))
    write_feed(tmp_path / "police", CROPS, [1, 2])
    (tmp_path / "police" / "pictures" / "2.png").write_bytes(
        write_feed(tmp_path / "other", CROPS[:1], [9]).with_name("pictures").joinpath("9.png").read_bytes()
    )
    report = run(workspace, Stops(9))
    assert [refusal.reason for refusal in report.refused] == ["face"]
    assert set((workspace.root / "images").rglob("*.jpg")) == kept


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("read_since", [True, False])
def test_an_approved_crop_is_forgotten_with_its_object(workspace, quarantined, read_since):
    run(workspace, Stops(2))
    with Catalogue.open(workspace.database_url) as catalogue:
        approve(catalogue, quarantined)
    if read_since:
        run(workspace, Stops(2))
    forget(workspace, find_entry(workspace, "objects", "2024-2"))
    assert quarantined.encode() not in (workspace.root / "catalogue.sqlite").read_bytes()


class TestSharedReferences:
    """A picture that a shop's feed and an authority's list both name, by the same path."""

    @pytest.fixture
    def shared(self, tmp_path):
        made = Workspace.create(tmp_path / "workspace", "colour-64")
        shop = write_feed(tmp_path / "shop", [{"product_id": "A"}, {"product_id": "B"}], [1, 2])
        add_feed(made, "shop", "catalogue", shop)
        return made

    def name_as_object(self, tmp_path, workspace, name="police"):
        feed = tmp_path / "objects.csv"
        feed.write_text(f"object_id,path\n2024-2,{tmp_path / 'shop' / 'pictures' / '2.png'}\n")
        add_feed(workspace, name, "objects", feed)
        return feed

    def shown(self, workspace):
        with Catalogue.open(workspace.database_url) as catalogue:
            return sorted(entry.fields.entry_id for one in COLLECTIONS for entry in catalogue.entries(one))

    def test_what_a_shop_named_first_is_checked_once_an_object_names_it(self, tmp_path, shared):
        assert run(shared, Stops(2)).refused == ()
        self.name_as_object(tmp_path, shared)
        gate = Stops(2)
        report = run(shared, gate)
        assert {refusal.reason for refusal in report.refused} == {"face"}
        assert gate.checked == 1
        assert self.shown(shared) == ["A"]
        with Catalogue.open(shared.database_url) as catalogue:
            assert [crop.object_id for crop in list_held(catalogue)] == ["2024-2"]

    def test_it_is_checked_as_well_where_the_shop_is_read_after_the_authority(self, tmp_path):
        workspace = Workspace.create(tmp_path / "workspace", "colour-64")
        shop = write_feed(tmp_path / "shop", [{"product_id": "A"}, {"product_id": "B"}], [1, 2])
        self.name_as_object(tmp_path, workspace, name="a police")
        add_feed(workspace, "z shop", "catalogue", shop)
        run(workspace, Stops(2))
        assert self.shown(workspace) == ["A"]
        picture = tmp_path / "shop" / "pictures" / "2.png"
        render_file(picture, 2)
        run(workspace, Stops(2))
        assert self.shown(workspace) == ["A"]

    def test_what_passes_is_checked_once_and_shown_in_both(self, tmp_path, shared):
        run(shared, Stops(3))
        self.name_as_object(tmp_path, shared)
        gate = Stops(3)
        assert run(shared, gate).refused == ()
        assert gate.checked == 1
        run(shared, gate, full=True)
        assert gate.checked == 1
        assert self.shown(shared) == ["2024-2", "A", "B"]

    def test_the_shop_has_it_back_when_the_object_is_forgotten(self, tmp_path, shared):
        feed = self.name_as_object(tmp_path, shared)
        run(shared, Stops(2))
        assert self.shown(shared) == ["A"]
        feed.write_text(f"object_id,path\n2024-3,{tmp_path / 'shop' / 'pictures' / '1.png'}\n")
        run(shared, Stops(2))
        run(shared, Stops(2))
        assert self.shown(shared) == ["2024-3", "A"]
        forget(shared, find_entry(shared, "objects", "2024-2"))
        run(shared, Stops(2))
        assert self.shown(shared) == ["2024-3", "A", "B"]

    def test_approved_it_is_shown_in_both(self, tmp_path, shared):
        run(shared, Stops(2))
        self.name_as_object(tmp_path, shared)
        run(shared, Stops(2))
        with Catalogue.open(shared.database_url) as catalogue:
            (held,) = list_held(catalogue)
            approve(catalogue, held.sha256)
        run(shared, Stops(2))
        assert self.shown(shared) == ["2024-2", "A", "B"]
