"""Text to a CLIP model's tokens without torch: open_clip's tokenizers, rebuilt on the library `tokenizers`.

The byte-pair encoding is that of CLIP (Radford et al., 2021) or whatever a model's tokenizer.json says; tests compare
the tokens with open_clip's own.
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
# U+0345 is a mark whose upper case is a letter, so that open_clip's case-insensitive pattern matches it nowhere.
_TOKEN_PATTERN = rf"{_START}|{_END}|(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{{L}}+|\p{{N}}|[^\s\p{{L}}\p{{N}}\x{{345}}]+"


@dataclass(frozen=True)
class Tokenizer:
    """Cleans texts and splits them into tokens.

    `clean`: how texts are cleaned first: "lower", "whitespace" or "canonicalize", as open_clip calls it.
    `zeroed`: a token that is replaced by 0; None where none is.
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
        """One that gives the same tokens as an open_clip tokenizer.

        Raises:
            ModelUnavailable: it is of a kind that is not supported.
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
        """Tokens int64 [n, context length], truncated or padded to that length."""
        cleaned = [_CLEAN[self.clean](text) for text in texts]
        tokens = np.array([found.ids for found in self.native.encode_batch(cleaned)], np.int64)
        return tokens if self.zeroed is None else np.where(tokens == self.zeroed, 0, tokens)


def _byte_pairs(tokenizer: Any) -> tokenizers.Tokenizer:
    """CLIP's byte-pair encoding: split by a pattern, bytes as letters, merged by rank, the last byte marked."""
    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.get)
    native = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab=dict(tokenizer.encoder), merges=merges, end_of_word_suffix="</w>")
    )
    native.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(_TOKEN_PATTERN), behavior="removed", invert=True),
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


def _fix_encoding(text: str) -> str:
    return html.unescape(html.unescape(ftfy.fix_text(text))).strip()


def _lower(text: str) -> str:
    return _normalise_spaces(text).lower()


def _normalise_spaces(text: str) -> str:
    return " ".join(_fix_encoding(text).split())


def _canonical(text: str) -> str:
    bare = _fix_encoding(text).replace("_", " ").translate(str.maketrans("", "", string.punctuation))
    return " ".join(bare.lower().split())


_CLEAN: dict[str, Callable[[str], str]] = {"lower": _lower, "whitespace": _normalise_spaces, "canonicalize": _canonical}
