"""Train the tiny CLIP: `python -m sample.tiny_clip.train [FOLDER]`. Some minutes on two cores, seeded.

open_clip's own CLIP class, tokenizer and loss; the pictures and captions are those of shapes.py. One combination of
colour, pattern and shape in eight is never shown, so that tests can search for combinations that are new to the model.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from open_clip.loss import ClipLoss
from safetensors.torch import save_file
from tqdm import tqdm

import embedding.tiny_clip
from embedding.encoders import clip_config
from embedding.encoders import model_store as store
from embedding.image.preprocess import Preprocess
from sample.tiny_clip import shapes
from sample.tiny_clip.evaluate import held_out

SEED = 20240229
PREPROCESS = Preprocess(shapes.SIZE, "squash", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
MODEL: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": shapes.SIZE, "patch_size": 10, "width": 96, "head_width": 32, "layers": 3},
    # CLIP's vocabulary, so that its tokenizer can be used; it is most of the file.
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
BATCH = 256

WEIGHTS_FOLDER = Path(embedding.tiny_clip.__file__).parent


def train(pictures: int, steps: int, seed: int) -> Any:
    """Render `pictures` and train for `steps` batches; returns the model in evaluation mode, on the CPU."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model: Any = open_clip.CLIP(**MODEL)
    tokenizer = open_clip.SimpleTokenizer(context_length=MODEL["text_cfg"]["context_length"])
    held_out_specs = set(held_out())
    seen_specs = [spec for spec in shapes.ALL_SPECS if spec not in held_out_specs]
    specs = [seen_specs[i] for i in rng.integers(len(seen_specs), size=pictures)]
    images = np.stack([shapes.render(spec, rng) for spec in tqdm(specs, "render", unit="picture")])

    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.05},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98))
    loss_of = ClipLoss()
    model.train()
    bar = tqdm(range(steps), "train", unit="batch")
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = 1.5e-3 * min(1.0, (step + 1) / 60) * 0.5 * (1 + math.cos(math.pi * step / steps))
        chosen = rng.integers(pictures, size=BATCH)
        tokens = tokenizer([shapes.caption(specs[i], rng) for i in chosen])
        pixels = _tensor(_augmented(images[chosen], rng))
        image_features, text_features, scale = model(pixels, tokens)
        loss = loss_of(image_features, text_features, scale)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        bar.set_postfix(loss=f"{loss.item():.3f}")
    _zero_unseen_tokens(model, tokenizer)
    return model.eval()


def save(model: Any, folder: Path) -> str:
    """Write the weights in half precision and their configuration; returns the weights' SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / store.WEIGHTS)
    clip_config.write(folder, MODEL, PREPROCESS)
    return store.digest(folder / store.WEIGHTS)


def _tensor(images: npt.NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def _augmented(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The batch moved by up to three pixels, the edge repeated, and mirrored half of the time."""
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="edge")
    top, left = rng.integers(0, 7, 2)
    moved = padded[:, top : top + shapes.SIZE, left : left + shapes.SIZE]
    return np.ascontiguousarray(moved[:, :, ::-1] if rng.random() < 0.5 else moved)


def _zero_unseen_tokens(model: Any, tokenizer: open_clip.SimpleTokenizer) -> None:
    """Zero the embeddings of tokens never trained on: they add no noise to a caption, and the file compresses well."""
    rng = np.random.default_rng(0)
    captions = [shapes.caption(spec, rng) for spec in shapes.ALL_SPECS for _ in range(20)]
    used = torch.unique(tokenizer(captions))
    table = model.token_embedding
    kept = torch.zeros(table.num_embeddings, 1)
    kept[used] = 1
    with torch.no_grad():
        table.weight *= kept


def main() -> None:
    """Train, save beside this file or in FOLDER, and print the checksum to put into the registry."""
    parser = argparse.ArgumentParser(description="Train the tiny CLIP.")
    parser.add_argument("folder", nargs="?", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--pictures", type=int, default=16_000)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = train(options.pictures, options.steps, options.seed)
    sha256 = save(model, options.folder)
    size = (options.folder / store.WEIGHTS).stat().st_size
    print(f"{options.folder / store.WEIGHTS}: {size:,} bytes, SHA-256 {sha256}")  # noqa: T201


if __name__ == "__main__":
    main()
