"""prepare makes the same pixels as open_clip's own transform, for every shape of picture."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from embedding.image.preprocess import Preprocess, prepare

FITS = ("shortest", "longest", "squash")
FILTERS = ("bicubic", "bilinear")


@pytest.fixture(scope="module")
def open_clip_pixels():
    """open_clip's transform up to the picture that it would normalise."""
    transform = pytest.importorskip("open_clip.transform", reason="the extra clip is not installed")

    def pixels(image, preprocess):
        cfg = transform.PreprocessCfg(
            size=preprocess.size,
            resize_mode=preprocess.fit,
            interpolation=preprocess.interpolation,
            fill_color=preprocess.fill,
        )
        steps = transform.image_transform_v2(cfg, is_train=False).transforms
        assert [type(step).__name__ for step in steps[-3:]] == ["MaybeConvertMode", "MaybeToTensor", "Normalize"]
        picture = Image.fromarray(image)
        for step in steps[:-2]:
            picture = step(picture)
        return np.asarray(picture)

    return pixels


def config(fit, interpolation="bicubic", size=224, fill=255):
    return Preprocess(
        size=size, fit=fit, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), interpolation=interpolation, fill=fill
    )


def noise(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    fit=st.sampled_from(FITS),
    interpolation=st.sampled_from(FILTERS),
    size=st.sampled_from([1, 7, 32, 60, 224, 235]),
    fill=st.integers(0, 255),
)
@settings(max_examples=400)
def test_the_pixels_are_those_of_open_clip(open_clip_pixels, width, height, fit, interpolation, size, fill):
    assume(max(width, height) <= 16 * min(width, height))
    # open_clip's own transform fails where the short side would be scaled to nothing.
    assume(fit != "longest" or round(min(width, height) / (max(width, height) / size)) > 0)
    preprocess = config(fit, interpolation, size, fill)
    image = noise(width, height)
    made = prepare(image, preprocess)
    assert made.shape == (size, size, 3)
    assert made.dtype == np.uint8
    assert np.array_equal(made, open_clip_pixels(image, preprocess))


@given(
    short=st.integers(1, 40),
    aspect=st.floats(16.01, 120),
    upright=st.booleans(),
    fit=st.sampled_from(FITS),
    interpolation=st.sampled_from(FILTERS),
    size=st.sampled_from([16, 60, 96]),
)
@settings(max_examples=120)
def test_very_thin_pictures_are_within_one_level_of_open_clip(
    open_clip_pixels, short, aspect, upright, fit, interpolation, size
):
    long = int(short * aspect) + 1
    assume(fit != "longest" or round(short / (long / size)) > 0)
    image = noise(short, long) if upright else noise(long, short)
    preprocess = config(fit, interpolation, size)
    difference = np.abs(prepare(image, preprocess).astype(int) - open_clip_pixels(image, preprocess))
    assert difference.max() <= 1
    if fit != "shortest":
        assert difference.max() == 0


@pytest.mark.parametrize("size", [224, 256, 336, 378, 384])
@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (481, 640), (1000, 999), (224, 224), (384, 500), (2000, 125)]
)
@pytest.mark.parametrize("fit", FITS)
def test_the_sizes_of_real_models(open_clip_pixels, size, width, height, fit):
    image = noise(width, height)
    preprocess = config(fit, size=size, fill=127)
    assert np.array_equal(prepare(image, preprocess), open_clip_pixels(image, preprocess))


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize(("width", "height"), [(1, 20_000), (20_000, 1), (1, 1), (3, 30_000), (30_000, 500), (1, 2)])
def test_any_shape_is_prepared_in_little_memory(width, height, fit, interpolation):
    image = np.full((height, width, 3), (10, 200, 90), np.uint8)
    tracemalloc.start()
    made = prepare(image, config(fit, interpolation))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made.shape == (224, 224, 3)
    # A flat picture stays flat, and "longest" pads with the fill.
    colours = {tuple(pixel) for pixel in made.reshape(-1, 3).tolist()}
    assert (10, 200, 90) in colours
    assert colours <= ({(10, 200, 90), (255, 255, 255)} if fit == "longest" else {(10, 200, 90)})
    assert peak < 20_000_000 + 3 * image.nbytes


def test_a_very_thin_picture_is_cropped_at_its_centre():
    """A ramp along 20,000 pixels: the crop shows its centre."""
    ramp = np.repeat(np.linspace(0, 255, 20_000)[:, None, None].astype(np.uint8), 3, axis=2)
    assert set(np.unique(prepare(ramp, config("shortest")))) <= {127, 128}


def test_a_picture_of_the_right_size_is_left_as_it_is():
    image = noise(224, 224)
    for fit in FITS:
        assert np.array_equal(prepare(image, config(fit)), image)


def test_a_slice_of_a_picture_is_prepared_like_its_copy():
    image = noise(500, 400)
    part = image[37:300, 11:411]
    assert np.array_equal(prepare(part, config("shortest")), prepare(part.copy(), config("shortest")))
