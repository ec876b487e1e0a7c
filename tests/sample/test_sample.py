import csv
import hashlib
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from sample.camera import frame
from sample.families import FAMILIES
from sample.light import STUDIO
from sample.mesh import ball, bounds, curve, refined
from sample.names import OBJECT_TITLES
from sample.noise import fractal
from sample.palettes import COLOURWAYS
from sample.patterns import PRINTS, draw_print
from sample.pixels import field, film, to_linear, to_srgb
from sample.plan import draw_up
from sample.render import shoot
from sample.write import PRODUCTS, render_sample, write_tables
from service.demo.sample import PICTURES, TRUTH, copy_sample

PLAN = draw_up(7)
SMALL = 17
# Mean levels of 255 by which a picture may differ that other versions of the libraries rendered and compressed.
TOLERANCE = 4.0


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    seen = []
    sample = render_sample(folder, products=SMALL, workers=1, progress=lambda done, total: seen.append((done, total)))
    return sample, seen


def test_the_plan_has_enough_of_everything():
    assert len(PLAN.products) >= 200
    assert len({product.design.family for product in PLAN.products}) >= 10
    assert len(PLAN.objects) >= 40
    assert len({wanted.authority.name for wanted in PLAN.objects}) == 2
    assert len({product.country for product in PLAN.products}) >= 5
    assert sum(len(product.views) > 1 for product in PLAN.products) >= 20
    assert any(wanted.crops > 1 for wanted in PLAN.objects)
    assert {wanted.status for wanted in PLAN.objects} == {"open", "identified", "closed"}


def test_ids_and_designs_are_unique():
    assert len({product.product_id for product in PLAN.products}) == len(PLAN.products)
    assert len({product.design for product in PLAN.products}) == len(PLAN.products)
    assert len({wanted.object_id for wanted in PLAN.objects}) == len(PLAN.objects)


@pytest.mark.parametrize("products", [PRODUCTS, None])
def test_every_product_has_a_rival_that_differs_in_print_or_colour_alone(products):
    designs = {product.design for product in draw_up(7, products).products}
    for one in designs:
        assert any(one.variant == other.variant and one != other for other in designs), one


def test_dates_are_in_order_and_links_lead_nowhere_real():
    for product in PLAN.products:
        assert product.first_seen < product.last_seen <= date(2026, 6, 30)
        assert product.link.startswith("https://example.org/")
    for wanted in PLAN.objects:
        assert wanted.tip_page.startswith("https://example.org/")


def test_an_object_is_not_published_under_its_products_name():
    for wanted in PLAN.objects:
        assert wanted.title in OBJECT_TITLES[wanted.kind]
        assert wanted.title != wanted.product.title


@given(st.integers(0, 2**31 - 1), st.integers(1, 60))
@settings(max_examples=8)
def test_fewer_products_are_the_first_of_all(seed, count):
    assert draw_up(seed, count).products == draw_up(seed).products[:count]


def test_another_seed_is_another_sample():
    assert draw_up(8).products != PLAN.products


@pytest.mark.slow
def test_the_folder_holds_what_the_tables_say(small):
    sample, seen = small
    for feed, key in ((sample.catalogue, "product_id"), (sample.objects, "object_id")):
        rows = table(feed)
        assert rows
        for row in rows:
            with Image.open(sample.folder / row["path"]) as picture:
                assert picture.format == ("WEBP" if key == "product_id" else "JPEG")
                assert min(picture.size) >= 48
            assert row[key] in row["path"]
    assert len({row["product_id"] for row in table(sample.catalogue)}) == SMALL
    written = {f"catalogue/{path.name}" for path in (sample.folder / "catalogue").iterdir()}
    assert written == {row["path"] for row in table(sample.catalogue)}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.slow
def test_the_truth_names_products_and_objects_that_exist(small):
    sample, _ = small
    products = {row["product_id"] for row in table(sample.catalogue)}
    objects = {row["object_id"] for row in table(sample.objects)}
    for query in sample.queries:
        assert query.path.is_file()
        assert query.right_id in (products if query.collection == "catalogue" else objects)
    crops = {query.path for query in sample.queries_in("catalogue")}
    assert crops == {sample.folder / row["path"] for row in table(sample.objects)}
    assert {query.path.parent for query in sample.queries_in("objects")} == {sample.folder / "photos"}
    rows = [(row["path"], row["collection"], row["right_id"]) for row in table(sample.folder / TRUTH)]
    told = [(q.path.relative_to(sample.folder).as_posix(), q.collection, q.right_id) for q in sample.queries]
    assert rows == told


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_other_processes_too(small, tmp_path):
    first, _ = small
    second = render_sample(tmp_path, products=SMALL, workers=2)
    assert len(second.queries) >= 4

    def digests(folder):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests(first.folder) == digests(second.folder)


@pytest.mark.slow
def test_the_installed_pictures_are_rendered_again_alike(small, tmp_path):
    sample, _ = small
    installed = copy_sample(tmp_path, SMALL)
    for name in (sample.catalogue.name, sample.objects.name, TRUTH):
        assert (sample.folder / name).read_bytes() == (installed.folder / name).read_bytes()
    pictures = [path.relative_to(sample.folder) for path in sample.folder.glob("*/*.*")]
    assert len(pictures) >= SMALL + 4
    for path in pictures:
        one, other = (Image.open(folder / path) for folder in (sample.folder, PICTURES))
        assert one.size == other.size
        assert one.getexif() == other.getexif()
        levels = [np.asarray(picture.convert("RGB"), np.float32) for picture in (one, other)]
        assert np.abs(levels[0] - levels[1]).mean() < TOLERANCE, path


def test_the_installed_tables_are_those_of_the_plan(tmp_path):
    written = write_tables(draw_up(7, PRODUCTS), tmp_path)
    for name in (written.catalogue.name, written.objects.name, TRUTH):
        assert (tmp_path / name).read_bytes() == (PICTURES / name).read_bytes()


@pytest.mark.slow
def test_studio_pictures_are_on_clean_white(small):
    sample, _ = small
    for row in table(sample.catalogue):
        picture = np.asarray(Image.open(sample.folder / row["path"]).convert("RGB"), np.float32)
        assert picture.shape == (520, 520, 3)
        if row["path"].endswith("-1.webp"):
            corners = np.stack([picture[:12, :12], picture[:12, -12:]])
            assert corners.min() > 240, row["title"]
        middle = picture[130:390, 130:390]
        assert middle.std() > 4, row["title"]


@pytest.mark.slow
def test_photos_come_upright_whatever_their_orientation(small):
    sample, _ = small
    for path in (sample.folder / "photos").iterdir():
        with Image.open(path) as picture:
            turned = picture.getexif().get(0x0112, 1) in (6, 8)
            upright = ImageOps.exif_transpose(picture)
        assert (upright.size != picture.size) == turned
        assert sorted(upright.size) == [450, 600]


@pytest.mark.parametrize("name", list(PRINTS))
def test_prints_repeat_without_a_seam(name):
    tile = draw_print(name, "teal", size=128).astype(np.float32)
    assert tile.shape == (128, 128, 3)
    assert tile.std() > 3
    inside = np.abs(np.diff(tile, axis=1)).mean(axis=(0, 2))
    seam = np.abs(tile[:, 0] - tile[:, -1]).mean()
    # A seam shows as a step that is larger than any within the print.
    assert seam <= inside.max() * 1.5 + 2


def test_colourways_of_a_print_share_their_drawing():
    one, other = (draw_print("dinosaur", way, size=128).astype(int) for way in ("teal", "plum"))
    edges = [np.abs(np.diff(p.sum(axis=2), axis=1)) > 60 for p in (one, other)]
    assert not np.array_equal(one, other)
    assert (edges[0] & edges[1]).sum() > 0.5 * min(edges[0].sum(), edges[1].sum())


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_surfaces_cover_every_slot_and_things_stand_on_the_ground(family):
    for variant in {design.variant: design for design in family.designs}.values():
        covered = family.surfaces(variant)
        for view in family.views:
            shape = family.shape(variant.variant, view.arrangement)
            assert {patch.slot for patch in shape} <= set(covered)
            assert all(np.isfinite(patch.grid).all() for patch in shape)
            if family.grounded:
                assert abs(float(bounds(shape)[0][1])) < 0.02, (family.name, variant.variant)


def test_a_ball_is_round_lit_from_above_and_casts_a_shadow():
    shape = (ball("ball", (0, 0.1, 0), (0.1, 0.1, 0.1)),)
    camera = frame(shape, 0, 12, 200, fill=0.6)
    shot = shoot(shape, camera, STUDIO)
    mask = np.zeros(200 * 200, bool)
    mask[shot.seen[0].pixel] = True
    area = mask.reshape(200, 200)
    across, along = np.flatnonzero(area.any(axis=0)), np.flatnonzero(area.any(axis=1))
    assert abs(len(across) - 120) <= 2
    assert abs(len(along) - 120) <= 2
    assert mask.sum() == pytest.approx(np.pi * 60**2, rel=0.03)
    seen = shot.seen[0]
    assert np.allclose(np.linalg.norm(seen.point - [0, 0.1, 0], axis=1), 0.1, atol=0.002)
    up = seen.normal[:, 1]
    assert seen.light[up > 0.7].mean() > 1.3 * seen.light[up < -0.5].mean()
    assert shot.floor.min() < 0.7
    assert shot.floor[0].min() == 1.0


@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_refining_keeps_the_given_points_and_straight_things_straight(m, n, rows, cols, straight):
    y, x = np.mgrid[:m, :n]
    plane = field(np.stack([x * 2.0 + y, y - 3.0 * x, x * 0.5], axis=-1))
    fine = refined(plane, rows, cols, straight)
    assert fine.shape == ((m - 1) * rows + 1, (n - 1) * cols + 1, 3)
    assert np.allclose(fine[::rows, ::cols], plane, atol=1e-4)
    assert np.allclose(np.diff(fine, 2, axis=0), 0, atol=1e-4)
    assert np.allclose(np.diff(fine, 2, axis=1), 0, atol=1e-4)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=8))
def test_a_curve_runs_through_its_ends(points):
    line = curve(points, 33)
    assert np.allclose(line[[0, -1]], [points[0], points[-1]], atol=1e-4)


def test_light_survives_the_way_to_linear_and_back():
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.abs(to_srgb(to_linear(codes)).astype(int) - codes).max() <= 1
    shown = film(field(np.linspace(0, 8, 200)))
    assert (np.diff(shown) >= 0).all()
    assert shown.max() <= 1.0


@given(st.integers(1, 12), st.integers(0, 1000))
def test_noise_repeats_at_its_edges(cells, seed):
    noise = fractal(96, cells, np.random.default_rng(seed))
    within = max(np.abs(np.diff(noise, axis=0)).max(), np.abs(np.diff(noise, axis=1)).max())
    assert np.abs(noise[0] - noise[-1]).max() <= 1.5 * within
    assert np.abs(noise[:, 0] - noise[:, -1]).max() <= 1.5 * within


def test_dark_grounds_still_have_a_paper_to_draw_on():
    for way in COLOURWAYS.values():
        assert sum(way.paper) > 480, way.name
        for ink in way.on_paper.inks[:1]:
            assert np.abs(np.subtract(ink, way.paper)).sum() > 90, way.name
