"""A card's files are fetched from the model hub into the store."""

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
from embedding.encoders.weights.not_fetched import HUB_TIMEOUT_SECONDS, NotOnHub
from embedding.errors import ModelUnavailable

_HUB = "https://huggingface.co"


def hub() -> str:
    """The address that models are fetched from: the variable HF_ENDPOINT (a mirror), else the hub."""
    return (os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")


def pull(card: ModelCard, timeout: float = HUB_TIMEOUT_SECONDS) -> ModelCard:
    """Fetch what is missing of a model, with progress bars on stderr; returns its card with its SHA-256.

    The next call resumes one that was interrupted. A model that is already in the store is only checked.

    Args:
        timeout: seconds to wait for a hub's answer.

    Raises:
        ModelUnavailable: the model cannot be fetched; the message says what to do.
    """
    scheme, _, rest = card.weights.partition(":")
    if scheme != "hub" or store.recorded(card.name):
        _, sha256 = verified(card)
        return replace(card, sha256=sha256)
    owner, repository, file = rest.split("/", 2)
    source = f"{hub()}/{owner}/{repository}/resolve/main"
    folder = store.folder(card.name)

    # Imported here, because its libraries are slow to import and nothing else needs them.
    try:
        from embedding.encoders.weights.download import download
    except ImportError as error:
        raise ModelUnavailable(
            f"fetching a model needs huggingface_hub, which does not load ({error}): pip install 'traceobject[clip]'"
        ) from error

    # The small files first, to notice at once if the hub does not answer.
    fetch = partial(download, timeout=timeout)
    _fetch_config(card, source, fetch)
    sha256 = fetch(f"{source}/{file}", folder / store.WEIGHTS, card.sha256)
    try:
        checkpoint.shapes(folder / store.WEIGHTS)
    except ModelUnavailable:
        (folder / store.WEIGHTS).unlink()  # It may be a proxy's error page, where the hub stated no checksum.
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
        except NotOnHub:
            if name in clip_config.REQUIRED_TOKENIZER_FILES:
                raise
