"""The model of a workspace: chosen once and pinned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from embedding.encoders import registry
from embedding.encoders.card import ModelCard
from embedding.encoders.choose import choose, load, preferred
from embedding.encoders.protocol import Encoder, Vectors
from embedding.errors import ModelUnavailable
from index.errors import GenerationError, WorkspaceError
from index.settings import Settings
from index.workspace import SETTINGS, Workspace


class LazyEncoder:
    """A model that is loaded on first use: a re-index that finds nothing changed needs only its card.

    Pickled it is its card alone; whichever process gets that loads the model once.
    """

    def __init__(self, card: ModelCard, load: Callable[[], Encoder]) -> None:
        self._card, self._load = card, load
        self._loaded: Encoder | None = None

    @property
    def card(self) -> ModelCard:
        """The card, with the SHA-256 that is pinned."""
        return self._card

    def encode_images(self, images: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> Vectors:
        """See Encoder.encode_images, and `workspace_encoder` for the errors."""
        return self._model().encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See Encoder.encode_texts, and `workspace_encoder` for the errors."""
        return self._model().encode_texts(texts)

    def __reduce__(self) -> tuple[Callable[[ModelCard], LazyEncoder], tuple[ModelCard]]:
        return encoder_of, (self._card,)

    def _model(self) -> Encoder:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded


@cache
def encoder_of(card: ModelCard) -> LazyEncoder:
    """The model of a card, loaded on first use; with other weights than the card's that raises ModelUnavailable."""

    def load_same() -> Encoder:
        encoder = load(card.name)
        if encoder.card.sha256 != card.sha256:
            raise ModelUnavailable(
                f"{card.name} has other weights here ({encoder.card.sha256}) than where the job was started "
                f"({card.sha256}): put the same into the model store of every machine"
            )
        return encoder

    return LazyEncoder(card, load_same)


def lazy_encoder(workspace: Workspace, say: Callable[[str], None]) -> tuple[Workspace, Encoder]:
    """The workspace's model, loaded on first use; loaded at once if none is pinned yet.

    For re-indexing: if the store has a compiled form of the pinned model that suits this machine better, the workspace
    moves to that.

    Raises:
        ModelUnavailable, WorkspaceError: see `workspace_encoder`; also on first use.
    """
    card = _pinned_card(workspace.settings)
    if card is None:
        workspace, loaded = workspace_encoder(workspace, say)
        return workspace, LazyEncoder(loaded.card, lambda: loaded)
    if (other := preferred(card)) != card:
        say(f"moving from {card.name} to {other.name}, its compiled form: every picture is embedded anew")
        return workspace, LazyEncoder(other, lambda: load(other.name))
    return workspace, LazyEncoder(card, lambda: workspace_encoder(workspace, say)[1])


def _pinned_card(settings: Settings) -> ModelCard | None:
    """The registry's card of the pinned model, with the pinned weights."""
    if settings.model == "auto" or not settings.model_sha256:
        return None
    try:
        return replace(registry.get(settings.model), sha256=settings.model_sha256)
    except ModelUnavailable:
        return None


def workspace_encoder(workspace: Workspace, say: Callable[[str], None]) -> tuple[Workspace, Encoder]:
    """Load the workspace's model; "auto" is decided, reported by `say` and pinned at the first call.

    Raises:
        ModelUnavailable: the pinned model cannot be loaded.
        WorkspaceError: it loads, but with other weights than those the vectors here were made with.
    """
    settings = workspace.settings
    if settings.model == "auto":
        encoder, choice = choose()
        say(choice.why)
        return workspace.pin_model(encoder.card.name, encoder.card.sha256 or "", choice.why), encoder
    # Without any vectors yet, the compiled form may be chosen.
    encoder = load(settings.model if settings.model_sha256 else preferred(registry.get(settings.model)).name)
    sha256 = encoder.card.sha256 or ""
    if settings.model_sha256 and sha256 != settings.model_sha256:
        raise WorkspaceError(
            f"{workspace.root} was indexed with {settings.model} {settings.model_sha256[:12]}, but the weights "
            f"here are {sha256[:12]}: put the former ones back, or clear model_sha256 in its settings and re-index"
        )
    if not settings.model_sha256:
        workspace = workspace.pin_model(encoder.card.name, sha256, settings.model_why or "named by the operator")
    return workspace, encoder


def require_served(workspace: Workspace, model: str, sha256: str, say: Callable[[str], None]) -> None:
    """Check that a server over this workspace, which loads the pinned model, can search a generation made by a model.

    Raises:
        ModelUnavailable, WorkspaceError: see `workspace_encoder`.
        GenerationError: another model made it.
    """
    settings = workspace.settings
    used = settings.model, settings.model_sha256
    if not settings.model_sha256 or used == (model, sha256):
        card = workspace_encoder(workspace, say)[1].card
        used = card.name, card.sha256 or ""
    if used != (model, sha256):
        raise GenerationError(
            f"that generation was made by the model {model} {sha256[:12]}, and this workspace uses {used[0]} "
            f"{used[1][:12]}, so no server could answer from it: to go back to that model, write "
            f'model = "{model}" and model_sha256 = "{sha256}" into {workspace.root / SETTINGS}, and try again'
        )


def other_encoder(name: str) -> Encoder:
    """Load a model to move a workspace to; it is pinned when the first generation made with it is published.

    Raises:
        ModelUnavailable: the name is unknown, or its weights or libraries are missing.
    """
    loaded = load(registry.get(name).name)
    return LazyEncoder(loaded.card, lambda: loaded)
