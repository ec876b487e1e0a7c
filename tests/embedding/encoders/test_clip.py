"""CLIP through open_clip: the tiny CLIP is loaded by the same code as pulled and imported models."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import embedding.tiny_clip
from embedding.encoders import clip_config, registry
from embedding.encoders import model_store as store
from embedding.encoders.choose import load
from embedding.encoders.protocol import Encoder
from embedding.errors import ModelUnavailable, TextUnsupported
from embedding.image.preprocess import prepare
from sample.tiny_clip import shapes

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

FOLDER = Path(embedding.tiny_clip.__file__).parent


@pytest.fixture(scope="module")
def tiny() -> Encoder:
    return load("tiny-clip", device="cpu")


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path / "models"))


@pytest.fixture
def photo() -> np.ndarray:
    ramp = np.linspace(0, 255, 90 * 140 * 3).reshape(90, 140, 3).astype(np.uint8)
    return np.roll(ramp, 37, axis=2)


def test_vectors_equal_those_of_open_clips_own_transform_and_model(tiny: Encoder, photo: np.ndarray) -> None:
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{FOLDER}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{FOLDER}")
    with torch.inference_mode():
        theirs = model.eval().encode_image(transform(Image.fromarray(photo))[None], normalize=True).numpy()
        words = model.encode_text(tokenizer(["a blue dotted star"]), normalize=True).numpy()
    ours = tiny.encode_images(prepare(photo, tiny.card.preprocess)[None])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_allclose(tiny.encode_texts(["a blue dotted star"]), words, atol=1e-5)


@pytest.mark.parametrize(
    "card", [card for card in registry.CARDS if card.weights.startswith("hub:")], ids=lambda card: card.name
)
def test_pictures_of_every_card_are_prepared_as_open_clip_prepares_them(card: object, photo: np.ndarray) -> None:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    config = card.preprocess
    cfg = PreprocessCfg(config.size, "RGB", config.mean, config.std, config.interpolation, config.fit, config.fill)
    theirs = image_transform_v2(cfg, is_train=False)(Image.fromarray(photo)).permute(1, 2, 0).numpy()
    ours = (prepare(photo, config) / 255 - np.array(config.mean)) / np.array(config.std)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(
    "card", [card for card in registry.CARDS if card.weights.startswith("hub:")], ids=lambda card: card.name
)
def test_every_clip_architecture_can_be_built_and_gives_the_cards_dimension(card: object) -> None:
    from embedding.encoders.weights import importing

    wanted = importing._expected_shapes(open_clip.get_model_config(card.architecture), card.architecture)
    assert sum(int(np.prod(shape)) for shape in wanted.values()) > 100e6
    assert "logit_scale" in wanted


def test_the_folders_preprocessing_overrides_the_cards(tmp_path: Path) -> None:
    card = registry.get("ViT-B-32")
    config = {
        "model_cfg": {"vision_cfg": {"image_size": [96, 96]}},
        "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "resize_mode": "squash", "interpolation": "bilinear"},
    }
    preprocess = clip_config.preprocess(config, card.preprocess)
    assert preprocess == replace(card.preprocess, size=96, mean=(0.1, 0.2, 0.3), fit="squash", interpolation="bilinear")
    assert clip_config.preprocess({"model_cfg": {}}, card.preprocess) == card.preprocess
    for unsupported in ({"interpolation": "random"}, {"resize_mode": "seam"}):
        with pytest.raises(ModelUnavailable, match="not known here"):
            clip_config.preprocess({"model_cfg": {}, "preprocess_cfg": unsupported}, card.preprocess)


def _stored(name: str, config: dict) -> store.Path:
    """The tiny CLIP's weights in the store under another configuration."""
    folder = store.folder(name)
    folder.mkdir(parents=True)
    shutil.copy(FOLDER / store.WEIGHTS, folder)
    (folder / store.CONFIG).write_text(json.dumps(config))
    tiny = registry.get("tiny-clip")
    store.record(replace(tiny, name=name, weights=f"file:{store.WEIGHTS}"))
    return folder


def test_a_folder_that_does_not_load_is_reported_in_one_line(tmp_path: Path) -> None:
    config = json.loads((FOLDER / store.CONFIG).read_text())
    config["model_cfg"]["vision_cfg"]["width"] = 64
    folder = _stored("odd", config)
    with pytest.raises(ModelUnavailable, match=r"odd does not load from .*delete that folder") as raised:
        load("odd")
    assert "\n" not in str(raised.value)
    (folder / store.CONFIG).write_text("no json")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load("odd")
    (folder / store.CONFIG).write_text("{}")
    with pytest.raises(ModelUnavailable, match="no model_cfg"):
        load("odd")


def test_without_its_tokenizer_a_model_has_no_text_side(tiny: Encoder) -> None:
    _stored("dumb", json.loads((FOLDER / store.CONFIG).read_text()))
    card = replace(store.recorded("dumb"), text=False)
    store.record(card)
    encoder = load("dumb")
    pictures = np.zeros((1, card.preprocess.size, card.preprocess.size, 3), np.uint8)
    np.testing.assert_array_equal(encoder.encode_images(pictures), tiny.encode_images(pictures))
    with pytest.raises(TextUnsupported, match="tokenizer"):
        encoder.encode_texts(["red"])


def test_a_siglip_like_model_reads_its_tokenizer_from_its_folder(tmp_path: Path) -> None:
    """The default model's structure, but small: a timm tower, a custom text tower, a transformers tokenizer."""
    tokenizers = pytest.importorskip("tokenizers")
    from safetensors.torch import save_file

    from embedding.encoders.weights import importing

    name = "small-siglip"
    folder = store.folder(name)
    folder.mkdir(parents=True)
    config = open_clip.get_model_config("ViT-B-16-SigLIP2")
    config["embed_dim"] = config["text_cfg"]["width"] = 64
    config["vision_cfg"] |= {"image_size": 160, "timm_model_name": "test_vit", "timm_pool": "avg"}
    config["text_cfg"] |= {"layers": 1, "heads": 2, "vocab_size": 64}
    clip_config.write(folder, config, registry.get("ViT-B-16-SigLIP2").preprocess)
    words = ["<pad>", "<eos>", "<unk>", "a", "red", "circle"]
    vocabulary = tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>")
    tokenizer = tokenizers.Tokenizer(vocabulary)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
    tokenizer_config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    torch.manual_seed(3)
    made = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    save_file(made.state_dict(), folder / store.WEIGHTS)
    card = replace(
        registry.get("ViT-B-16-SigLIP2"), name=name, weights="file:x", sha256=store.digest(folder / store.WEIGHTS)
    )
    store.record(card)

    encoder = load(name, device="cpu")
    assert encoder.card.preprocess.size == 160
    assert encoder.card.dimension == 64
    rows = encoder.encode_texts(["a red circle", "a red", "A Red Circle!"])
    assert rows.shape == (3, 64)
    np.testing.assert_allclose(rows[0], rows[2], atol=1e-6)  # "canonicalize": case and punctuation do not count
    assert rows[0] @ rows[1] < 0.9999
    pictures = np.random.default_rng(0).integers(0, 256, (3, 160, 160, 3), np.uint8)
    np.testing.assert_allclose(np.linalg.norm(encoder.encode_images(pictures), axis=1), 1, atol=1e-5)
    assert (
        importing.checkpoint.misfit(
            importing.checkpoint.shapes(folder / store.WEIGHTS), importing._expected_shapes(config, name)
        )
        is None
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_half_precision_on_cuda_agrees_with_the_cpu(tiny: Encoder) -> None:
    on_gpu = load("tiny-clip", device="cuda")
    rng = np.random.default_rng(1)
    pictures = np.stack([shapes.render(spec, rng) for spec in shapes.ALL_SPECS[::40]])
    captions = [shapes.full_caption(spec) for spec in shapes.ALL_SPECS[::40]]
    cosine = (on_gpu.encode_images(pictures) * tiny.encode_images(pictures)).sum(1)
    assert cosine.min() > 0.999
    assert (on_gpu.encode_texts(captions) * tiny.encode_texts(captions)).sum(1).min() > 0.999


def test_half_precision_gives_the_vectors_of_single(tiny: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA runs in float16; the CPU stands in for it with bfloat16."""
    rng = np.random.default_rng(2)
    pictures = np.stack([shapes.render(spec, rng) for spec in shapes.ALL_SPECS[::40]])
    single = tiny.encode_images(pictures)
    for module in ("clip", "tensors"):
        path = f"embedding.encoders.{module}.precision"
        monkeypatch.setattr(path, lambda device: torch.autocast(device.type, dtype=torch.bfloat16))
    half = tiny.encode_images(pictures)
    assert half.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(half, axis=1), 1, atol=1e-5)
    assert (half * single).sum(1).min() > 0.99
