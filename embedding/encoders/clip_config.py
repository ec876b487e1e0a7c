"""open_clip_config.json: the architecture, preprocessing and tokenizer of the weights in a folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedding.encoders import model_store as store
from embedding.errors import ModelUnavailable
from embedding.image.preprocess import Preprocess

Config = dict[str, Any]
REQUIRED_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
TOKENIZER_FILES = (*REQUIRED_TOKENIZER_FILES, "special_tokens_map.json")
_INTERPOLATIONS = ("bicubic", "bilinear")
_FITS = ("shortest", "longest", "squash")


def read(folder: Path) -> Config:
    """The configuration in a folder.

    Raises:
        ModelUnavailable: it is missing, is not JSON, or describes no model.
    """
    path = folder / store.CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}): pull or import the model again") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_cfg"), dict):
        raise ModelUnavailable(f"{path} describes no model (it has no model_cfg): pull or import the model again")
    return config


def write(folder: Path, model_cfg: Config, preprocess_config: Preprocess) -> None:
    """Write a configuration as open_clip writes it, from an architecture and a preprocessing."""
    preprocess_cfg = {
        "mean": list(preprocess_config.mean),
        "std": list(preprocess_config.std),
        "interpolation": preprocess_config.interpolation,
        "resize_mode": preprocess_config.fit,
        "fill_color": preprocess_config.fill,
    }
    text = json.dumps({"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg}, indent=2)
    (folder / store.CONFIG).write_text(text + "\n", encoding="utf-8")


def wants_tokenizer_files(config: Config) -> bool:
    """Whether the model's tokenizer needs files beside the weights; open_clip has the others built in."""
    return bool(config["model_cfg"].get("text_cfg", {}).get("hf_tokenizer_name"))


def preprocess(config: Config, card: Preprocess) -> Preprocess:
    """The card's preprocessing, overridden by whatever the configuration states.

    Raises:
        ModelUnavailable: it states a preprocessing that is not supported.
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
