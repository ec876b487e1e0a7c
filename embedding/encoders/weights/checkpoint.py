"""What a safetensors file holds, read from its head alone: no weights are loaded, nothing is unpickled."""

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


def misfit(given: Shapes, wanted: Shapes) -> str | None:
    """Why tensors do not fit an architecture, in one line; None where they do.

    A scalar may come as one number in a row, and a bias of the logits may be missing: open_clip mends both.
    """
    missing = sorted(name for name in wanted if name not in given and name != "logit_bias")
    unknown = sorted(name for name in given if name not in wanted)
    wrong = sorted(name for name in given if name in wanted and _plain(given[name]) != _plain(wanted[name]))
    reasons = []
    if missing:
        reasons.append(f"{len(missing)} tensors are missing ({_few(missing)})")
    if unknown:
        reasons.append(f"{len(unknown)} are not in the architecture ({_few(unknown)})")
    if wrong:
        first = wrong[0]
        reasons.append(f"{len(wrong)} have another shape ({first} is {given[first]}, not {wanted[first]})")
    return "; ".join(reasons) or None


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    return () if shape == (1,) else shape


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
