"""The tiny CLIP finds rendered shapes by picture, by text and by both, on pictures that training never showed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import embedding.tiny_clip
from embedding.encoders import model_store as store
from embedding.encoders import registry
from embedding.encoders.choose import load
from embedding.encoders.protocol import Encoder
from sample.tiny_clip import shapes
from sample.tiny_clip.evaluate import Findings, evaluate, held_out

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")

FOLDER = Path(embedding.tiny_clip.__file__).parent


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load("tiny-clip", device="cpu")


UNSEEN = held_out()[::2]
GALLERY = tuple(sorted({*UNSEEN, *shapes.ALL_SPECS[::5]}))  # about 150; right by chance within five: 3 %


@pytest.fixture(scope="module")
def findings(encoder: Encoder) -> Findings:
    return evaluate(encoder, UNSEEN, seed=4, among=GALLERY)


def test_the_shipped_files_are_small_and_those_of_the_card() -> None:
    assert (FOLDER / store.WEIGHTS).stat().st_size < 5e6
    assert store.digest(FOLDER / store.WEIGHTS) == registry.get("tiny-clip").sha256
    assert not registry.get("tiny-clip").weights.startswith("hub:"), "auto considers models of the hub only"


def test_unseen_combinations_are_found_by_picture(findings: Findings) -> None:
    assert findings.by_picture.gallery == len(GALLERY)
    assert findings.by_picture.at_1 >= 0.30
    assert findings.by_picture.at_5 >= 0.85


def test_unseen_combinations_are_found_by_text(findings: Findings) -> None:
    assert findings.by_text.at_1 >= 0.50
    assert findings.by_text.at_5 >= 0.90


def test_this_shape_but_blue_is_found_by_picture_and_word(findings: Findings) -> None:
    assert findings.by_both.at_5 >= 0.60


@pytest.mark.slow
def test_unseen_combinations_are_found_among_all_six_hundred(encoder: Encoder) -> None:
    """The card's figures, on other renders than theirs; right by chance within five: 0.8 %."""
    found = evaluate(encoder, held_out(), seed=4)
    assert found.by_picture.at_5 >= 0.55
    assert found.by_text.at_5 >= 0.80
    assert found.by_both.at_5 >= 0.25


def test_a_word_moves_the_query_towards_its_meaning(encoder: Encoder) -> None:
    """A red striped circle and the word blue are nearer to blue circles than the picture alone is."""
    rng = np.random.default_rng(5)
    red, blue = (
        encoder.encode_images(
            np.stack([shapes.render(shapes.Spec(colour, "striped", "circle"), rng) for _ in range(8)])
        )
        for colour in ("red", "blue")
    )
    both = red + encoder.encode_texts(["blue"])
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    assert (both @ blue.T).mean() > (red @ blue.T).mean() + 0.1


def test_wrong_texts_find_nothing(encoder: Encoder) -> None:
    """The tests above can fail: they do for an encoder whose texts are shuffled."""

    class MixedUp:
        card = encoder.card
        encode_images = staticmethod(encoder.encode_images)

        @staticmethod
        def encode_texts(texts: Sequence[str]) -> np.ndarray:
            return encoder.encode_texts([texts[i] for i in np.random.default_rng(6).permutation(len(texts))])

    assert evaluate(MixedUp(), UNSEEN, seed=4, among=UNSEEN).by_text.at_1 < 0.2


def test_renders_follow_their_seed_and_show_their_colour() -> None:
    spec = shapes.Spec("blue", "plain", "square")
    one, same, other = (shapes.render(spec, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one.shape == (shapes.SIZE, shapes.SIZE, 3)
    assert one.dtype == np.uint8
    near = np.abs(one.astype(int) - shapes.COLOURS["blue"]).max(axis=2) < 45
    assert 0.12 < near.mean() < 0.7


def test_captions_describe_the_picture_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    for spec in shapes.ALL_SPECS[::7]:
        others = {*shapes.COLOURS, *shapes.PATTERNS, *shapes.SHAPES} - {spec.colour, spec.pattern, spec.shape}
        for _ in range(5):
            assert not others & set(shapes.caption(spec, rng).split())
    assert shapes.full_caption(shapes.Spec("orange", "dotted", "heart")) == "an orange dotted heart"


@pytest.mark.slow
def test_training_runs_learns_and_saves_what_loads(tmp_path: Path) -> None:
    from embedding.encoders.clip_config import read
    from sample.tiny_clip import train

    model = train.train(pictures=256, steps=12, seed=1)
    sha256 = train.save(model, tmp_path)
    assert store.digest(tmp_path / store.WEIGHTS) == sha256
    assert read(tmp_path)["model_cfg"] == train.MODEL == read(FOLDER)["model_cfg"]
    from open_clip import create_model

    again = create_model(f"local-dir:{tmp_path}").eval()
    pixels = torch.zeros(1, 3, shapes.SIZE, shapes.SIZE)
    with torch.inference_mode():
        cosine = torch.cosine_similarity(again.encode_image(pixels), model.encode_image(pixels))
    assert cosine.item() > 0.999


@pytest.mark.slow
def test_the_same_seed_trains_the_same_model() -> None:
    from sample.tiny_clip import train

    one, two = (train.train(pictures=64, steps=2, seed=9).state_dict() for _ in range(2))
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)
