"""How fast compiled encoders are compared with a plain loop, and how well both agree.

    python -m benchmarks.encoders DATA [--pictures 256] [--rounds 3] [--report docs/benchmarks.md]

DATA is a folder of sets, each with gallery.csv and queries.csv (or photos.csv, of which every photo is a query for the
others). For each model, in turn and in one run: JPEG files on the disk to stored vectors, by a plain loop (Pillow,
torch's DataLoader with one worker for each core, open_clip's or timm's network in single precision) and by this
project's pipeline with the compiled model; one prepared picture through both networks; how well both agree. ViT-B-32
has random weights, on which speed does not depend, so that no model hub is needed. Its agreement says little, because
with random weights all vectors are similar. With the starter model, whose weights are real, every set is searched, in
torch and compiled.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.encoders_figures import Quality, Speed
from benchmarks.encoders_report import write_report
from benchmarks.report import page_for
from embedding.encoders.agreement import Samples, overlap
from embedding.encoders.card import ModelCard
from embedding.encoders.choose import load
from embedding.encoders.inputs import Images
from embedding.encoders.openvino.compiled import CompiledEncoder
from embedding.encoders.openvino.compiling import compile_encoder
from embedding.encoders.openvino.exporting import Towers
from embedding.encoders.protocol import Encoder, Vectors
from embedding.encoders.weights.importing import import_file
from embedding.image.decode import decode
from embedding.image.preprocess import prepare
from embedding.image.regions import WHOLE
from embedding.pipeline import embed_stream
from index.jobs.evaluate import evaluate
from index.progress import Unwatched
from index.stores.objects.folder import FolderObjects
from index.stores.row_keys import RowKey
from index.stores.vectors import VectorStore

BATCH = 32
# Single pictures: number of turns, and of pictures in each.
SINGLE_TURNS, SINGLE_EACH = 6, 5
CALIBRATING = 300
TOP_K = 10
RANDOM = "ViT-B-32-random"


class Files(Dataset[torch.Tensor]):
    """Pictures for the plain loop."""

    def __init__(self, paths: Sequence[Path], transform: Callable[[Image.Image], torch.Tensor]) -> None:
        self._paths, self._transform = paths, transform

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, at: int) -> torch.Tensor:
        return self._transform(Image.open(self._paths[at]).convert("RGB"))


def plain_loop(paths: Sequence[Path], encoder: Towers, folder: Path) -> Vectors:
    """Files to a .npy file, as a script would do it. Returns the vectors."""
    config = encoder.card.preprocess
    cfg = PreprocessCfg(config.size, "RGB", config.mean, config.std, config.interpolation, config.fit, config.fill)
    files = Files(paths, image_transform_v2(cfg, is_train=False))
    tower, rows = encoder.image_tower.eval(), []
    with torch.inference_mode():
        for batch in DataLoader(files, batch_size=BATCH, num_workers=os.cpu_count() or 1):
            rows.append(torch.nn.functional.normalize(tower(batch), dim=-1).numpy())
    vectors = np.concatenate(rows)
    np.save(folder / "vectors.npy", vectors)
    return vectors


def our_pipeline(paths: Sequence[Path], encoder: Encoder, folder: Path) -> Vectors:
    """Files to a vector store, each batch flushed to disk before the next. Returns the vectors."""
    config = encoder.card.preprocess

    def prepared(path: Path) -> npt.NDArray[np.uint8]:
        return prepare(decode(path.read_bytes()), config)[None]

    store = VectorStore.open(FolderObjects(folder), encoder.card)
    rows = []
    for batch in embed_stream(paths, prepared, encoder):
        found = np.concatenate([vectors for _, vectors in batch.items])
        names = [f"{paths.index(path):064x}" for path, _ in batch.items]
        store.append([RowKey(name, WHOLE) for name in names], found)
        rows.append(found)
    return np.concatenate(rows)


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def speed(original: Towers, compiled: CompiledEncoder, paths: Sequence[Path], rounds: int, folder: Path) -> Speed:
    """Measure both ways in turn, so that other work on the machine affects both."""
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    found: dict[str, Vectors] = {}
    methods: tuple[tuple[str, Callable[[Path], Vectors]], ...] = (
        ("plain", partial(plain_loop, paths, original)),
        ("ours", partial(our_pipeline, paths, compiled)),
    )
    for number in range(rounds):
        for name, method in methods:
            place = folder / f"{compiled.card.name}-{name}-{number}"
            place.mkdir()
            started = time.perf_counter()
            found[name] = method(place)
            rates[name].append(len(paths) / (time.perf_counter() - started))
    single = _single(original, compiled, prepare(decode(paths[0].read_bytes()), compiled.card.preprocess)[None])
    plain, ours = found["plain"], found["ours"]
    return Speed(
        name=compiled.card.name,
        plain=tuple(rates["plain"]),
        ours=tuple(rates["ours"]),
        plain_single=tuple(single["plain"]),
        ours_single=tuple(single["ours"]),
        cosine=float((plain * ours).sum(axis=1).mean()),
        overlap=overlap(*(_nearest(one, one, leave_out=True) for one in (plain, ours))),
        steps=_steps(paths, compiled, folder),
    )


def _single(original: Encoder, compiled: Encoder, picture: Images) -> dict[str, list[float]]:
    """Seconds for one picture, several in a turn, because torch's threads spin for a while and slow the other down."""
    single: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(SINGLE_TURNS):
        for name, encoder in (("plain", original), ("ours", compiled)):
            once = partial(encoder.encode_images, picture)
            once()
            single[name] += [timed(once) for _ in range(SINGLE_EACH)]
    return single


def _steps(paths: Sequence[Path], encoder: CompiledEncoder, folder: Path) -> dict[str, float]:
    """Processor milliseconds a picture of each step of the pipeline, one after the other."""
    spent: dict[str, float] = {}

    def step(name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        result = work()
        spent[name] = 1000 * (time.process_time() - started) / len(paths)
        return result

    data = step("reading", lambda: [path.read_bytes() for path in paths])
    pictures = step("decoding", lambda: [decode(one) for one in data])
    squares = step("scaling", lambda: np.stack([prepare(one, encoder.card.preprocess) for one in pictures]))
    vectors = step("encoding", lambda: encoder.encode_images(squares))
    store = VectorStore.open(FolderObjects(folder / f"{encoder.card.name}-steps"), encoder.card)
    keys = [RowKey(f"{number:064x}", WHOLE) for number in range(len(paths))]
    step("storing", lambda: store.append(keys, vectors))
    return spent


def quality(data: Path, original: Encoder, compiled: Encoder, folder: Path) -> Iterator[Quality]:
    """Every set below a folder, searched by embeddings alone with the code of `traceobject evaluate`."""
    for gallery, queries in _sets(data):
        name = gallery.parent.name
        evaluations = [
            evaluate(gallery, queries, encoder, folder, Unwatched(), reranked=False) for encoder in (original, compiled)
        ]
        # `evaluate` gives the ranks of right products only, but here whole lists are compared.
        pictures = [_prepared(path, original.card) for path in (gallery, queries)]
        gallery_vectors, query_vectors = (
            [encoder.encode_images(part) for encoder in (original, compiled)] for part in pictures
        )
        lists = [
            _nearest(q, g, leave_out=gallery == queries) for q, g in zip(query_vectors, gallery_vectors, strict=True)
        ]
        yield Quality(
            name=name,
            queries=evaluations[0].queries,
            recall_1=(evaluations[0].metrics["recall_at_1"], evaluations[1].metrics["recall_at_1"]),
            recall_10=(evaluations[0].metrics["recall_at_10"], evaluations[1].metrics["recall_at_10"]),
            overlap=overlap(*lists),
            cosine=float((query_vectors[0] * query_vectors[1]).sum(axis=1).mean()),
        )


def _sets(data: Path) -> Iterator[tuple[Path, Path]]:
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        gallery, queries, photos = (folder / f"{name}.csv" for name in ("gallery", "queries", "photos"))
        if queries.is_file():
            yield gallery, queries
        elif photos.is_file():
            yield photos, photos


def _listed(csv_file: Path) -> list[Path]:
    with csv_file.open(encoding="utf-8-sig", newline="") as file:
        return [csv_file.parent / row["path"] for row in csv.DictReader(file)]


def _prepared(csv_file: Path, card: ModelCard) -> npt.NDArray[np.uint8]:
    return np.stack([prepare(decode(path.read_bytes()), card.preprocess) for path in _listed(csv_file)])


def _nearest(queries: Vectors, gallery: Vectors, *, leave_out: bool = False) -> npt.NDArray[np.intp]:
    scores = queries @ gallery.T
    if leave_out:
        np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :TOP_K]


def random_clip(folder: Path) -> ModelCard:
    """ViT-B-32 with random weights, imported into the store from a file."""
    import open_clip
    from safetensors.torch import save_file

    torch.manual_seed(0)
    weights = folder / "random.safetensors"
    save_file(open_clip.create_model("ViT-B-32").state_dict(), weights)
    return import_file(weights, "ViT-B-32:laion2b_s34b_b79k", name=RANDOM)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compiled encoders compared with a plain loop.")
    parser.add_argument("data", type=Path, help="a folder of sets of pictures")
    parser.add_argument("--pictures", type=int, default=256, help="how many files are embedded in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=["starter", RANDOM], choices=["starter", RANDOM])
    parser.add_argument("--report", type=page_for("encoders"), help="write the tables there")
    options = parser.parse_args()
    # Spread over all files: catalogue pictures, shop photos and clothes.
    files = sorted(options.data.glob("*/*/*.jpg"))
    chosen = [files[at] for at in np.linspace(0, len(files) - 1, options.pictures + CALIBRATING).astype(int)]
    order = np.random.default_rng(0).permutation(len(chosen))
    paths, calibrating = (
        [chosen[at] for at in order[: options.pictures]],
        [chosen[at] for at in order[options.pictures :]],
    )
    speeds, qualities = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["TRACEOBJECT_MODELS"] = str(folder / "models")
        for model in options.models:
            card = random_clip(folder) if model == RANDOM else None
            original = load(card.name if card else model, "cpu")
            assert isinstance(original, Towers)
            samples = Samples.of((decode(path.read_bytes()) for path in calibrating), original.card.preprocess)
            compiled_card = compile_encoder(original, "int8", samples, ["a red mug"], min_overlap=0).card
            compiled = CompiledEncoder(compiled_card)
            speeds.append(speed(original, compiled, paths, options.rounds, folder))
            if model == "starter":
                qualities = list(quality(options.data, original, compiled, folder / "evaluate"))
    write_report(options.report, speeds, qualities, len(paths))


if __name__ == "__main__":
    main()
