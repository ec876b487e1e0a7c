"""Words to a CLIP model's tokens without torch: open_clip's tokenizers, rebuilt on the library `tokenizers`.

The byte-pair encoding is that of CLIP (Radford et al., 2021) or whatever a model's tokenizer.json says; tests hold the
tokens to open_clip's own.
"""

from __future__ import annotations

import html
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ftfy
import numpy as np
import numpy.typing as npt
import tokenizers

from embedding.errors import ModelUnavailable

Tokens = npt.NDArray[np.int64]

_START, _END = "<start_of_text>", "<end_of_text>"
# U+0345 is a mark whose capital is a letter: open_clip's pattern, which ignores case, has it in no piece.
_PIECES = rf"{_START}|{_END}|(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{{L}}+|\p{{N}}|[^\s\p{{L}}\p{{N}}\x{{345}}]+"


@dataclass(frozen=True)
class Tokenizer:
    """Cleans words and cuts them into tokens.

    `clean`: how words are cleaned first: "lower", "whitespace" or "canonicalize", as open_clip calls it.
    `zeroed`: a token that becomes 0; None where none does.
    """

    native: tokenizers.Tokenizer
    clean: str
    zeroed: int | None = None

    @classmethod
    def open(cls, path: Path, clean: str, zeroed: int | None) -> Tokenizer:
        """Read what `save` wrote; the caller has verified the file."""
        return cls(tokenizers.Tokenizer.from_file(str(path)), clean, zeroed)

    @classmethod
    def of(cls, tokenizer: Any) -> Tokenizer:
        """One that gives the very tokens of an open_clip tokenizer.

        Raises:
            ModelUnavailable: it is of a kind that is not known here.
        """
        clean = tokenizer.clean_fn.__name__.removeprefix("_clean_")
        known = clean in _CLEAN and not getattr(tokenizer, "tokenizer_mode", "")
        if known and getattr(tokenizer, "bpe_ranks", None) and tokenizer.reduction_fn is None:
            return cls(_byte_pairs(tokenizer), clean)
        inner: Any = getattr(tokenizer, "tokenizer", None)
        if known and (native := getattr(inner, "backend_tokenizer", None)) is not None:
            native = tokenizers.Tokenizer.from_str(native.to_str())
            _fix_length(native, tokenizer.context_length, inner.pad_token_id, inner.pad_token, inner.padding_side)
            return cls(native, clean, inner.sep_token_id if tokenizer.strip_sep_token else None)
        raise ModelUnavailable(
            f"a tokenizer of the kind {type(tokenizer).__name__} ({clean}) cannot be compiled: use the model as it is"
        )

    def save(self, path: Path) -> None:
        """Write the vocabulary and how it is applied, as JSON."""
        self.native.save(str(path))

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Tokens int64 [n, context length], cut where there are too many and filled up where there are too few."""
        cleaned = [_CLEAN[self.clean](text) for text in texts]
        tokens = np.array([found.ids for found in self.native.encode_batch(cleaned)], np.int64)
        return tokens if self.zeroed is None else np.where(tokens == self.zeroed, 0, tokens)


def _byte_pairs(tokenizer: Any) -> tokenizers.Tokenizer:
    """CLIP's own: pieces by a pattern, bytes as letters, merged by rank; the last byte of a piece is marked."""
    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.get)
    native = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab=dict(tokenizer.encoder), merges=merges, end_of_word_suffix="</w>")
    )
    native.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(_PIECES), behavior="removed", invert=True),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    native.add_special_tokens([_START, _END])
    native.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{_START} $A {_END}",
        special_tokens=[(token, tokenizer.encoder[token]) for token in (_START, _END)],
    )
    _fix_length(native, tokenizer.context_length, 0, "", "right")
    return native


def _fix_length(native: tokenizers.Tokenizer, length: int, pad: int, pad_token: str, side: str) -> None:
    native.enable_truncation(length)
    native.enable_padding(length=length, pad_id=pad, pad_token=pad_token, direction=side)


def _mended(text: str) -> str:
    return html.unescape(html.unescape(ftfy.fix_text(text))).strip()


def _lower(text: str) -> str:
    return _spaced(text).lower()


def _spaced(text: str) -> str:
    return " ".join(_mended(text).split())


def _canonical(text: str) -> str:
    bare = _mended(text).replace("_", " ").translate(str.maketrans("", "", string.punctuation))
    return " ".join(bare.lower().split())


_CLEAN: dict[str, Callable[[str], str]] = {"lower": _lower, "whitespace": _spaced, "canonicalize": _canonical}
