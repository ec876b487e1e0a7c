"""What stages hold can be sent to another process, small, and is loaded there once."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from embedding.encoders import registry
from embedding.errors import ModelUnavailable
from embedding.text.reader import OcrReader
from index import models
from index.jobs.embed import Embedding
from index.jobs.make_features import Features
from index.jobs.read_text import ReadingText
from index.models import LazyEncoder, encoder_of
from index.sources.copying import Copying
from index.stores.images import ImageStore, ListedImages
from index.stores.objects.bucket import BucketObjects
from service.app.gate import FaceGate, face_gate
from tests.fakes import ColourEncoder

CARD = replace(ColourEncoder().card, name="travelling")


def there(sent):
    """What arrives in another process, as far as this one can be one."""
    data = pickle.dumps(sent)
    assert len(data) < 2000
    return pickle.loads(data)  # noqa: S301 - as Ray does


@pytest.fixture
def loaded(monkeypatch):
    """Counts how often the model is loaded; `loaded.card` is what its weights say."""

    class Loaded(list):
        card = CARD

    made = Loaded()

    def load(name):
        encoder = ColourEncoder()
        encoder.card = made.card
        made.append(name)
        return encoder

    monkeypatch.setattr(models, "load", load)
    encoder_of.cache_clear()
    yield made
    encoder_of.cache_clear()


def test_a_model_arrives_as_its_card_and_is_loaded_once(loaded):
    here = LazyEncoder(CARD, lambda: pytest.fail("loaded here"))
    first, second = there(here), there(here)
    assert first is second
    assert first.card == CARD
    assert loaded == []
    for _ in range(2):
        first.encode_images(np.zeros((1, 32, 32, 3), np.uint8))
    assert loaded == ["travelling"]


def test_other_weights_are_refused_there(loaded):
    arrived = there(LazyEncoder(CARD, lambda: pytest.fail("loaded here")))
    loaded.card = replace(CARD, sha256="0" * 64)
    with pytest.raises(ModelUnavailable, match=r"other weights here .*model store of every machine"):
        arrived.encode_texts(["mug"])


def test_the_gate_and_the_reader_of_text_arrive_without_their_networks():
    assert there(FaceGate(0.5)) is face_gate(0.5)
    assert there(OcrReader()).version == OcrReader().version


def test_stages_arrive_without_the_listing_of_a_bucket():
    images = ListedImages(BucketObjects("memory", "bucket"), np.zeros(10_000, "S32"))
    stages = [Copying(images, FaceGate(0.5)), Features(images), ReadingText(images, OcrReader())]
    stages.append(Embedding(images, LazyEncoder(registry.get("tiny-clip"), lambda: pytest.fail("loaded here"))))
    for stage in stages:
        arrived = there(stage)
        assert (arrived.name, arrived.partition, arrived.on_gpu) == (stage.name, stage.partition, stage.on_gpu)
        assert isinstance(arrived.images, ImageStore)
        assert not isinstance(arrived.images, ListedImages)
        assert arrived.images.objects.name == images.objects.name
