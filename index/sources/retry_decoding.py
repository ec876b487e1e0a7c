"""Pictures that another version of the decoder refused are read again: this one may read them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa

from embedding import image
from embedding.image.decode import REFUSAL_REASONS
from index.records.catalogue import Catalogue
from index.records.facts import fact, set_fact
from index.records.schema import origins

_DECODER = "digest of the decoder of pictures"


def retry_decoding(catalogue: Catalogue) -> None:
    """Once for each version of the decoder, forget that refused pictures have not changed since."""
    digest = decoder_digest()
    with catalogue.database.begin() as connection:
        if fact(connection, _DECODER) == digest:
            return
        refused = origins.c.refused.in_(REFUSAL_REASONS)
        connection.execute(sa.update(origins).where(refused).values(size=-1, asked_on=""))
        set_fact(catalogue.database, connection, _DECODER, digest)


@cache
def decoder_digest() -> str:
    """A digest of the code that decodes pictures, and of the versions of its libraries."""
    digest = hashlib.sha256(f"{version('pillow')} {version('pillow-heif')}".encode())
    for path in sorted(Path(str(image.__file__)).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
