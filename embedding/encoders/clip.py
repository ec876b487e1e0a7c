"""CLIP models through open_clip, on the CPU or CUDA, from a folder of the store or of this package.

A folder has open_clip_config.json, open_clip_model.safetensors and, where the model needs them, its tokenizer's
files; open_clip reads it under its local-dir: schema. Pulled, imported and shipped weights are all loaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import open_clip
import torch

from embedding.encoders import clip_config
from embedding.encoders.card import ModelCard
from embedding.encoders.inputs import Images
from embedding.encoders.protocol import Vectors
from embedding.encoders.tensors import batch_size, encode, pick_device, precision, unit
from embedding.encoders.weights.locate import verified
from embedding.errors import ModelUnavailable, TextUnsupported


class OpenClipEncoder:
    """Both towers of a CLIP model. Satisfies the Encoder protocol."""

    def __init__(self, card: ModelCard, device: str | None = None) -> None:
        """Load a card of the open_clip family.

        Raises:
            ModelUnavailable: the weights are missing, not the card's, or do not fit the architecture of their folder.
        """
        path, sha256 = verified(card)
        source = f"local-dir:{path.parent}"
        config = clip_config.read(path.parent)
        self._device = pick_device(device)
        try:
            model = open_clip.create_model(source, device=self._device, require_pretrained=True)
            tokenizer = open_clip.get_tokenizer(source, **_tokenizer_options(config)) if card.text else None
        except (RuntimeError, OSError, ValueError, KeyError, TypeError, ImportError) as error:
            raise ModelUnavailable(
                f"{card.name} does not load from {path.parent}: {_first_line(error)}; "
                f"delete that folder and pull or import the model again"
            ) from error
        # The folder's configuration takes precedence over the card, because it came with the weights.
        preprocess = clip_config.preprocess(config, card.preprocess)
        self._card = replace(card, sha256=sha256, preprocess=preprocess, dimension=config["model_cfg"]["embed_dim"])
        self._tokenizer = tokenizer
        self._model = model.eval()
        if self._device.type == "cuda":
            self._model = self._model.to(memory_format=torch.channels_last)

    @property
    def card(self) -> ModelCard:
        """The model's card, with the SHA-256 of its weights and the preprocessing that they came with."""
        return self._card

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images. On CUDA the network runs in half precision, the normalisation in single."""
        return encode(images, self._card, self._device, self._model.encode_image)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See Encoder.encode_texts."""
        if self._tokenizer is None:
            raise TextUnsupported(
                f"{self._card.name} cannot search by words here: its tokenizer's files did not come with its weights; "
                "search by picture, or pull or import it again with them"
            )
        rows = []
        step = batch_size(self._device)
        for start in range(0, len(texts), step):
            tokens = self._tokenizer(list(texts[start : start + step])).to(self._device)
            with precision(self._device):
                features = self._model.encode_text(tokens)
            rows.append(unit(features))
        return np.concatenate(rows) if rows else np.empty((0, self._card.dimension), np.float32)

    @property
    def image_tower(self) -> torch.nn.Module:
        """Normalised float32 [n, 3, size, size] -> features [n, d]."""
        return _ClipTower(self._model, "encode_image")

    @property
    def text_tower(self) -> torch.nn.Module | None:
        """Tokens int64 [n, length] -> features [n, d]; None without a text side."""
        return None if self._tokenizer is None else _ClipTower(self._model, "encode_text")

    @property
    def tokenizer(self) -> Any:
        """open_clip's tokenizer; None without a text side."""
        return self._tokenizer


class _ClipTower(torch.nn.Module):
    """The image or the text encoder of a CLIP model, as a module of its own."""

    def __init__(self, model: torch.nn.Module, method: str) -> None:
        super().__init__()
        self.model, self._method = model, method

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = getattr(self.model, self._method)(inputs)
        return features


def _tokenizer_options(config: clip_config.Config) -> dict[str, Any]:
    # Only tokenizers of the transformers library have this option; without it they would use the network.
    return {"local_files_only": True} if clip_config.wants_tokenizer_files(config) else {}


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300] if lines else type(error).__name__
