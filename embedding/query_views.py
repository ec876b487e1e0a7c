"""How a query is looked at: the whole, sanitised areas filled, and a second time as its kind asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder, Vectors
from embedding.image.foreground import plain_border
from embedding.image.preprocess import prepare
from embedding.image.regions import Region
from embedding.redaction.masks import fill, mask

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# What people photograph is in the middle; before a plain background the whole is the object already.
CENTRE = Region(0.15, 0.15, 0.85, 0.85)
_PLAIN = 0.5
SAME = 0.97
_Picture = TypeVar("_Picture", Image, npt.NDArray[np.bool_])


@dataclass(frozen=True, eq=False)
class QueryViews:
    """How one query picture, or its box, is looked at.

    `image`: uint8 [h, w, 3], as it is; `pictures`: what is embedded, the whole first; `hidden`: bool [h, w], where the
    image was sanitised, or None. `turn`: by how many quarters, counter-clockwise, all of it was turned.
    """

    image: Image
    pictures: tuple[Image, ...]
    hidden: npt.NDArray[np.bool_] | None
    turn: int = 0

    def turned(self, quarters: int) -> QueryViews:
        """The same, turned by so many quarters more."""
        return QueryViews(
            _turned(self.image, quarters),
            tuple(_turned(picture, quarters) for picture in self.pictures),
            None if self.hidden is None else _turned(self.hidden, quarters),
            (self.turn + quarters) % 4,
        )

    def as_given(self, points: Floats) -> Floats:
        """Points float32 [n, 2] of `image`, x and y in fractions, as points of the picture before it was turned."""
        x, y = points[:, 0], points[:, 1]
        for _ in range(self.turn):
            x, y = 1 - y, x
        return np.stack([x, y], axis=1)


def query_views(image: Image) -> QueryViews:
    """The views of an upright query uint8 [h, w, 3]: one or two pictures.

    A studio picture with hidden parts is seen as it is, too: the outline that a filled box breaks tells much there. Of
    512 such pictures 48 in 100 then have their product among the first 20, 44 without; of scenes 72 instead of 79.
    """
    hidden = mask(image)
    whole = fill(image, hidden)
    views = [whole]
    if plain_border(image)[1] < _PLAIN:
        views.append(CENTRE.of(whole))
    elif hidden.any():
        views.append(image)
    return QueryViews(image, tuple(views), hidden if hidden.any() else None)


def embed_views(seen: Sequence[QueryViews], encoder: Encoder) -> tuple[Vectors, ...]:
    """The embeddings of the views of each query picture: float32 [v, d] each, all in one call of the encoder."""
    if not seen:
        return ()
    prepared = [prepare(picture, encoder.card.preprocess) for one in seen for picture in one.pictures]
    ends = np.cumsum([len(one.pictures) for one in seen])
    return tuple(np.split(encoder.encode_images(np.stack(prepared)), ends[:-1]))


def combine(cosines: Floats) -> Floats:
    """One cosine for each candidate from those of the views, float32 [v, n] to [n]: halfway from mean to best.

    The best alone lets one odd view decide; the mean alone asks every view to show the object. Only where the whole is
    all but the same picture is there nothing more to ask.
    """
    combined: Floats = ((cosines.max(axis=0) + cosines.mean(axis=0)) / 2).astype(np.float32)
    return np.where(cosines[0] >= SAME, cosines[0], combined)


def _turned(picture: _Picture, quarters: int) -> _Picture:
    return np.ascontiguousarray(np.rot90(picture, quarters))
