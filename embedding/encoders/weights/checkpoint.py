"""The tensors of a safetensors file, read from its header: no weights are loaded, nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from embedding.errors import ModelUnavailable

Shapes = dict[str, tuple[int, ...]]


def shapes(path: Path) -> Shapes:
    """The name and shape of every tensor in a safetensors file.

    Raises:
        ModelUnavailable: the file cannot be read, or is of another kind.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise ModelUnavailable(
            f"{path} is not a whole safetensors file ({error}); pickled checkpoints (.bin, .pt, .pth) are not taken: "
            "ask for the model's safetensors file"
        ) from error


def misfit(found: Shapes, expected: Shapes) -> str | None:
    """Why tensors do not fit an architecture, in one line; None where they do.

    A scalar may have the shape [1], and a bias of the logits may be missing: open_clip handles both.
    """
    missing = sorted(name for name in expected if name not in found and name != "logit_bias")
    unknown = sorted(name for name in found if name not in expected)
    wrong = sorted(name for name in found if name in expected and _squeezed(found[name]) != _squeezed(expected[name]))
    reasons = []
    if missing:
        reasons.append(f"{len(missing)} tensors are missing ({_first_few(missing)})")
    if unknown:
        reasons.append(f"{len(unknown)} are not in the architecture ({_first_few(unknown)})")
    if wrong:
        first = wrong[0]
        reasons.append(f"{len(wrong)} have another shape ({first} is {found[first]}, not {expected[first]})")
    return "; ".join(reasons) or None


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return () if shape == (1,) else shape


def _first_few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
