"""Writes the sample to a folder: pictures, feeds and the truth about every query."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from embedding.encoders.openvino.inference import cores
from sample.catalogue_pictures import studio_picture
from sample.families import FAMILIES
from sample.pixels import Pixels
from sample.plan import Plan, Product, PublishedObject, draw_up
from sample.staging import furnish
from sample.wear import phone_photo, published_crop
from service.demo.sample import CATALOGUE, OBJECTS, Sample, write_table, write_truth

SEED = 7
"""The seed of the sample that is installed with the demo."""
PRODUCTS = 150
"""How many products that sample has."""
WILD = (520, 470)
PHONE = (600, 450)
WEBP_QUALITY, JPEG_QUALITY = 80, 85
PRODUCT_COLUMNS = (
    "path", "product_id", "title", "brand", "category", "retailer", "country", "price", "link", "first_seen",
    "last_seen"
)  # fmt: skip
OBJECT_COLUMNS = (
    "path", "object_id", "title", "authority", "kind", "country", "published", "status", "tip_page"
)  # fmt: skip
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class _Job:
    """Pictures drawn by one process in one go: products that share their shots, or the views of one object."""

    folder: Path
    seed: int
    products: tuple[Product, ...] = ()
    wanted: PublishedObject | None = None


def render_sample(
    folder: Path,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
    products: int | None = None,
    workers: int | None = None,
) -> Sample:
    """Renders the sample into `folder`: a seed gives the same bytes every time, with the same libraries.

    Writes catalogue/*.webp and catalogue.csv, objects/*.jpg and objects.csv, photos/*.jpg, and truth.csv (path,
    collection, right_id). `progress` gets the number of pictures done and in all. `products` draws only that many
    products, taken from all families in turn. `workers` counts processes: None fits the machine, 1 stays here.
    """
    plan = draw_up(seed, products)
    for name in ("catalogue", "objects", "photos"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    jobs = _jobs(plan, folder, seed)
    total = sum(len(p.views) for p in plan.products) + sum(o.crops + 1 for o in plan.objects)
    count = cores() if workers is None else workers
    done = 0
    for finished in _draw_all(jobs, max(min(count, 8), 1)):
        done += finished
        if progress is not None:
            progress(done, total)
    return write_tables(plan, folder)


def _jobs(plan: Plan, folder: Path, seed: int) -> list[_Job]:
    groups: dict[tuple[str, str], list[Product]] = {}
    for product in plan.products:
        groups.setdefault((product.design.family, product.design.variant), []).append(product)
    # The longest first, so that no process is left with a long one at the end.
    studio = sorted((_Job(folder, seed, tuple(group)) for group in groups.values()), key=lambda job: -len(job.products))
    return studio + [_Job(folder, seed, wanted=wanted) for wanted in plan.objects]


def _draw_all(jobs: Sequence[_Job], workers: int) -> Iterable[int]:
    """Draws everything; yields how many pictures each job made, in the order they finish."""
    if workers == 1:
        threads = cv2.getNumThreads()
        _quiet()
        try:
            yield from map(_draw, jobs)
        finally:
            cv2.setNumThreads(threads)
        return
    # Spawned, not forked: the caller may hold threads and locks that a fork would copy half-way.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet) as pool:
        for future in as_completed([pool.submit(_draw, job) for job in jobs]):
            yield future.result()


def _quiet() -> None:
    """One thread each: the pictures are small, and the processes share the machine already."""
    cv2.setNumThreads(1)


def _draw(job: _Job) -> int:
    if job.wanted is not None:
        return _draw_wanted(job.folder, job.seed, job.wanted)
    made = 0
    # View by view, so that a shot is made once for all products that share it.
    for view in range(max(len(p.views) for p in job.products)):
        for product in job.products:
            if view < len(product.views):
                rng = _rng(job.seed, product.product_id, view)
                picture = studio_picture(FAMILIES[product.design.family], product.design, product.views[view], rng)
                _save_webp(picture, job.folder / "catalogue" / product.picture(view))
                made += 1
    return made


def _draw_wanted(folder: Path, seed: int, wanted: PublishedObject) -> int:
    design = wanted.product.design
    family = FAMILIES[design.family]
    for number in range(wanted.crops):
        rng = _rng(seed, wanted.object_id, number)
        crop = published_crop(furnish(family, design, rng, WILD), rng)
        _save_jpeg(crop, folder / "objects" / wanted.picture(number))
    rng = _rng(seed, wanted.object_id, 99)
    upright = rng.uniform() < 0.4
    size = PHONE[::-1] if upright else PHONE
    photo = phone_photo(furnish(family, design, rng, size), rng)
    # Phones store what the sensor saw and a note on how it was held.
    held = int(rng.choice([1, 1, 3, 6, 8]))
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[held]
    _save_jpeg(np.ascontiguousarray(np.rot90(photo, turns)), folder / "photos" / wanted.photo, held)
    return wanted.crops + 1


def _rng(seed: int, name: str, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, number, *name.encode()])


def _save_webp(picture: Pixels, path: Path) -> None:
    Image.fromarray(picture).save(path, "WEBP", quality=WEBP_QUALITY, method=6)


def _save_jpeg(picture: Pixels, path: Path, orientation: int = 1) -> None:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    Image.fromarray(picture).save(path, "JPEG", quality=JPEG_QUALITY, optimize=True, exif=exif)


def write_tables(plan: Plan, folder: Path) -> Sample:
    """Writes catalogue.csv, objects.csv and truth.csv, and reads the sample that is then complete."""
    products = (
        (f"catalogue/{p.picture(k)}", p.product_id, p.title, p.brand, p.category, p.retailer, p.country, p.price,
         p.link, p.first_seen, p.last_seen)
        for p in plan.products
        for k in range(len(p.views))
    )  # fmt: skip
    write_table(folder / CATALOGUE, PRODUCT_COLUMNS, products)
    objects = (
        (f"objects/{o.picture(k)}", o.object_id, o.title, o.authority.name, o.kind, o.country, o.published, o.status,
         o.tip_page)
        for o, k in _crops(plan)
    )  # fmt: skip
    write_table(folder / OBJECTS, OBJECT_COLUMNS, objects)
    crops = ((f"objects/{o.picture(k)}", "catalogue", o.product.product_id) for o, k in _crops(plan))
    photos = ((f"photos/{o.photo}", "objects", o.object_id) for o in plan.objects)
    return write_truth(folder, (*crops, *photos))


def _crops(plan: Plan) -> Iterator[tuple[PublishedObject, int]]:
    """Every object with the number of each of its crops."""
    return ((wanted, number) for wanted in plan.objects for number in range(wanted.crops))
