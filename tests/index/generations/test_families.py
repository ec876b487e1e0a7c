import io

import numpy as np
import pytest
from PIL import Image

from embedding.image.preprocess import prepare
from index.generations.families import Availability, availability, find_families
from index.records.entries import Entry, EntryFields
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from tests.fakes import ColourEncoder, render


def saved_again(picture, quality, side):
    out = io.BytesIO()
    Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def catalogue(tmp_path):
    """Ten products; the first three sold again by another shop, saved smaller; one in another colour."""
    store = ImageStore(FolderObjects(tmp_path))
    pictures = [saved_again(render(seed), 90, 96) for seed in range(10)]
    pictures += [saved_again(render(seed), 60, 70) for seed in range(3)]
    pictures.append(saved_again(255 - render(5), 90, 96))
    names = [f"{number:064x}" for number in range(len(pictures))]
    for name, data in zip(names, pictures, strict=True):
        store.add(name, data)
    encoder = ColourEncoder()
    prepared = np.stack([prepare(store.pixels(name), encoder.card.preprocess) for name in names])
    return list(range(len(names))), names, encoder.encode_images(prepared).__getitem__, store


def test_the_same_picture_in_two_shops_is_one_family(catalogue):
    families = find_families(*catalogue)
    assert [families[entry] for entry in (10, 11, 12)] == [0, 1, 2]
    assert [families[entry] for entry in range(10)] == list(range(10))
    assert families[13] == 13


def test_entries_that_share_an_image_are_one_family_whatever_the_embedding(catalogue):
    entries, names, vectors, store = catalogue
    names[7] = names[3]
    assert find_families(entries, names, vectors, store)[7] == 3


def test_pictures_of_equal_embeddings_but_different_pixels_are_no_family(tmp_path):
    """For example two objects before the same background: nearly equal embeddings, different pixels."""
    store = ImageStore(FolderObjects(tmp_path))
    pictures = [saved_again(picture, 90, 96) for picture in (render(1), render(2))]
    pictures.append(saved_again(render(1), 60, 70))
    names = [f"{number:064x}" for number in range(len(pictures))]
    for name, data in zip(names, pictures, strict=True):
        store.add(name, data)
    equal = np.zeros((len(names), 64), np.float32)
    equal[:, 0] = 1
    assert find_families([0, 1, 2], names, equal.__getitem__, store) == {0: 0, 1: 1, 2: 0}


def test_families_reach_across_a_product_with_several_pictures(catalogue):
    entries, names, vectors, store = catalogue
    entries[12] = 11
    families = find_families(entries, names, vectors, store)
    assert {families[1], families[2], families[11]} == {1}


def test_no_entries_have_no_families(tmp_path):
    assert find_families([], [], np.empty((0, 64), np.float32).__getitem__, ImageStore(FolderObjects(tmp_path))) == {}


def entry(number, **fields):
    return Entry(number, "catalogue", f"source {number}", EntryFields(f"p{number}", **fields), ())


def test_availability_says_where_and_when():
    family = [
        entry(1, retailer="Nord", country="SE", first_seen="2015-03-01", last_seen="2018-01-01"),
        entry(2, retailer="Süd", country="AT", first_seen="2016-01-01", last_seen="2020-05-05"),
        entry(3, country="AT", last_seen="2019-01-01"),
    ]
    assert availability(family) == Availability(
        3, ("Nord", "Süd", "source 3"), ("AT", "SE"), "2015-03-01", "2020-05-05", family=1
    )
    assert availability([*family, entry(4, retailer="Nord")]).last_seen == ""
