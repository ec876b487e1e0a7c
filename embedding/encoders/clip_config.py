"""open_clip_config.json: what a folder of weights says of its architecture, preprocessing and tokenizer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedding.encoders import model_store as store
from embedding.errors import ModelUnavailable
from embedding.image.preprocess import Preprocess

Config = dict[str, Any]
TOKENIZER_NEEDS = ("tokenizer.json", "tokenizer_config.json")
TOKENIZER_FILES = (*TOKENIZER_NEEDS, "special_tokens_map.json")
_INTERPOLATIONS = ("bicubic", "bilinear")
_FITS = ("shortest", "longest", "squash")


def read(folder: Path) -> Config:
    """The configuration in a folder.

    Raises:
        ModelUnavailable: it is missing, no JSON, or without a model in it.
    """
    path = folder / store.CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}): pull or import the model again") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_cfg"), dict):
        raise ModelUnavailable(f"{path} describes no model (it has no model_cfg): pull or import the model again")
    return config


def write(folder: Path, model_cfg: Config, how: Preprocess) -> None:
    """Write a configuration as open_clip writes it, from an architecture and a preprocessing."""
    preprocess_cfg = {
        "mean": list(how.mean),
        "std": list(how.std),
        "interpolation": how.interpolation,
        "resize_mode": how.fit,
        "fill_color": how.fill,
    }
    text = json.dumps({"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg}, indent=2)
    (folder / store.CONFIG).write_text(text + "\n", encoding="utf-8")


def wants_tokenizer_files(config: Config) -> bool:
    """Whether the model's tokenizer is one whose files must lie beside the weights; else open_clip carries it."""
    return bool(config["model_cfg"].get("text_cfg", {}).get("hf_tokenizer_name"))


def preprocess(config: Config, card: Preprocess) -> Preprocess:
    """The card's preprocessing, overruled by whatever the configuration states.

    Raises:
        ModelUnavailable: it asks for a preprocessing that is not known here.
    """
    stated = config.get("preprocess_cfg") or {}
    size = config["model_cfg"].get("vision_cfg", {}).get("image_size", card.size)
    if isinstance(size, list):
        size = size[0] if len(set(size)) == 1 else None
    fit, interpolation = stated.get("resize_mode", card.fit), stated.get("interpolation", card.interpolation)
    if not isinstance(size, int) or fit not in _FITS or interpolation not in _INTERPOLATIONS:
        raise ModelUnavailable(
            f"the model wants a preprocessing that is not known here (size {size}, {fit}, {interpolation}): "
            "choose another model"
        )
    return replace(
        card,
        size=size,
        fit=fit,
        interpolation=interpolation,
        mean=tuple(stated.get("mean", card.mean)),
        std=tuple(stated.get("std", card.std)),
        fill=stated.get("fill_color", card.fill),
    )
