"""A card's files from the model hub into the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from embedding.encoders import clip_config
from embedding.encoders import model_store as store
from embedding.encoders.card import ModelCard
from embedding.encoders.weights import checkpoint
from embedding.encoders.weights.locate import verified
from embedding.encoders.weights.not_fetched import GIVE_UP_SECONDS, NotThere
from embedding.errors import ModelUnavailable

_HUB = "https://huggingface.co"


def hub() -> str:
    """Where models are fetched from: the variable HF_ENDPOINT (a mirror), else the hub."""
    return (os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")


def pull(card: ModelCard, give_up: float = GIVE_UP_SECONDS) -> ModelCard:
    """Fetch what is missing of a model, with progress bars on stderr; returns its card with its SHA-256.

    A call that was broken off is resumed by the next. A model that is already here is only checked.

    Args:
        give_up: seconds after which a hub that does not answer is given up.

    Raises:
        ModelUnavailable: the model is not one that is fetched, or could not be; the message says what to do.
    """
    scheme, _, rest = card.weights.partition(":")
    if scheme != "hub" or store.recorded(card.name):
        _, sha256 = verified(card)
        return replace(card, sha256=sha256)
    owner, repository, file = rest.split("/", 2)
    source = f"{hub()}/{owner}/{repository}/resolve/main"
    folder = store.folder(card.name)

    # Imported here: what it takes is slow to import, and nothing else needs it.
    try:
        from embedding.encoders.weights.download import download
    except ImportError as error:
        raise ModelUnavailable(
            f"fetching a model needs huggingface_hub, which does not load ({error}): pip install 'traceobject[clip]'"
        ) from error

    # The small files first: they tell at once whether the hub answers.
    fetch = partial(download, give_up=give_up)
    _fetch_config(card, source, fetch)
    sha256 = fetch(f"{source}/{file}", folder / store.WEIGHTS, card.sha256)
    try:
        checkpoint.shapes(folder / store.WEIGHTS)
    except ModelUnavailable:
        (folder / store.WEIGHTS).unlink()  # A proxy's own page, say, where the hub told no checksum.
        raise
    store.record(replace(card, sha256=sha256))
    return replace(card, sha256=sha256)


def _fetch_config(card: ModelCard, source: str, fetch: Callable[[str, Path], str]) -> None:
    folder = store.folder(card.name)
    fetch(f"{source}/{store.CONFIG}", folder / store.CONFIG)
    try:
        config = clip_config.read(folder)
    except ModelUnavailable as error:
        (folder / store.CONFIG).unlink()
        raise ModelUnavailable(f"{source}/{store.CONFIG} is no description of a model: {error}") from error
    if not clip_config.wants_tokenizer_files(config):
        return
    for name in clip_config.TOKENIZER_FILES:
        try:
            fetch(f"{source}/{name}", folder / name)
        except NotThere:
            if name in clip_config.TOKENIZER_NEEDS:
                raise
