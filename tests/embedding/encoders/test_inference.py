"""Networks compiled for this machine are cached, reused, and never run damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino")

from embedding.encoders.openvino import inference
from embedding.errors import ModelUnavailable

SIDE = 96
INPUTS = np.random.default_rng(1).normal(size=(1, SIDE)).astype(np.float32)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A matrix product, saved as OpenVINO saves networks."""
    openvino = inference.openvino()
    weights = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
    given = openvino.opset13.parameter([1, SIDE], np.float32)
    product = openvino.opset13.matmul(given, openvino.opset13.constant(weights), False, False)
    openvino.save_model(openvino.Model([product], [given]), tmp_path / "net.xml", compress_to_fp16=False)
    return tmp_path / "net.xml"


def from_cache(network: Any) -> bool:
    cached: bool = network.get_property("LOADED_FROM_CACHE")
    return cached


def test_the_second_time_it_is_loaded_from_the_cache(network: Path) -> None:
    first, second = inference.open_network(network), inference.open_network(network)
    assert not from_cache(first)
    assert from_cache(second)
    assert (first(INPUTS)[0] == second(INPUTS)[0]).all()


def test_the_number_of_streams_is_as_requested_whatever_is_cached(network: Path) -> None:
    inference.open_network(network)
    assert inference.open_network(network, streams=2).get_property("NUM_STREAMS") == 2


OPTIONS: list[dict[str, int]] = [{}, {"streams": 2}, {"batch": 4}, {"streams": 2, "batch": 4}]


def test_each_combination_of_options_has_a_cache_of_its_own(network: Path) -> None:
    for options in OPTIONS:
        assert not from_cache(inference.open_network(network, **options))
    for options in OPTIONS:
        assert from_cache(inference.open_network(network, **options))


def test_a_process_that_may_use_one_processor_uses_one(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = inference.open_network(network)
    monkeypatch.setattr(inference, "_limit", 0)
    inference.limit_cores(1)
    bound = inference.open_network(network)
    assert inference.cores() == 1
    assert bound.get_property("INFERENCE_NUM_THREADS") == 1
    assert (
        inference.compiled(inference.openvino().Core().read_model(network)).get_property("INFERENCE_NUM_THREADS") == 1
    )
    # Neither takes the other's place in the cache.
    assert not from_cache(bound)
    assert from_cache(inference.open_network(network))
    inference.limit_cores(0)
    assert from_cache(inference.open_network(network))
    assert (free(INPUTS)[0] == bound(INPUTS)[0]).all()


def test_batched_rows_equal_single_ones(network: Path) -> None:
    several = np.concatenate([INPUTS, -INPUTS, 2 * INPUTS, INPUTS + 1])
    alone = inference.open_network(network)
    rows = inference.open_network(network, batch=4)(several)[0]
    np.testing.assert_allclose(rows, np.concatenate([alone(one[None])[0] for one in several]), rtol=1e-5)


def test_a_network_that_takes_no_batches_is_reported(network: Path) -> None:
    openvino = inference.openvino()
    given = openvino.opset13.parameter([1, SIDE], np.float32)
    only_one = openvino.opset13.reshape(given, openvino.opset13.constant([1, SIDE // 2, 2]), False)
    openvino.save_model(openvino.Model([only_one], [given]), network)
    with pytest.raises(ModelUnavailable, match="compile that model again"):
        inference.open_network(network, batch=4)


def cache_folder(network: Path) -> Path:
    return network.with_suffix(".ready") / "1x1"


def blob(network: Path) -> Path:
    (found,) = cache_folder(network).glob("*.blob")
    found.chmod(0o600)
    return found


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    # In the weights, which OpenVINO does not check.
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


@pytest.mark.parametrize(
    "harm",
    [
        lambda network: flip(blob(network)),
        lambda network: blob(network).write_bytes(blob(network).read_bytes()[:-100]),
        lambda network: (cache_folder(network) / "sha256.json").write_text("{"),
        lambda network: (cache_folder(network) / "sha256.json").unlink(),
        lambda network: blob(network).unlink(),
    ],
    ids=["a byte flipped", "cut short", "unreadable checksums", "no checksums", "gone"],
)
def test_a_damaged_cache_is_made_again(network: Path, harm: Any) -> None:
    right = inference.open_network(network)(INPUTS)[0]
    harm(network)
    again = inference.open_network(network)
    assert not from_cache(again)
    assert (again(INPUTS)[0] == right).all()
    assert from_cache(inference.open_network(network))


def test_without_a_writable_cache_it_still_runs(network: Path) -> None:
    network.with_suffix(".ready").write_text("in the way", encoding="utf-8")
    assert inference.open_network(network)(INPUTS)[0].shape == (1, SIDE)
    assert network.with_suffix(".ready").read_text(encoding="utf-8") == "in the way"


def test_a_damaged_cache_that_cannot_be_deleted_is_not_used(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = inference.open_network(network)(INPUTS)[0]
    flip(blob(network))

    def refuse(_: Path) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr("embedding.encoders.openvino.inference.shutil.rmtree", refuse)
    for _ in range(2):
        again = inference.open_network(network)
        assert not from_cache(again)
        assert (again(INPUTS)[0] == right).all()


# The first two runs of a process, in two threads that switch as often as possible.
TWO_THREADS = """
import os, sys, threading
import numpy as np
from embedding.encoders.openvino import inference

openvino = inference.openvino()
given = openvino.opset13.parameter([1, 8], np.float32)
network = inference.compiled(openvino.Model([openvino.opset13.relu(given)], [given]), streams=2)
started = threading.Barrier(2)

def run():
    request = network.create_infer_request()
    started.wait()
    request.infer([np.ones((1, 8), np.float32)])
    inference.outputs(request)

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=run, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(20)
os._exit(any(thread.is_alive() for thread in threads))
"""


@pytest.mark.slow
def test_the_first_two_threads_do_not_deadlock() -> None:
    """Without what `openvino` does beforehand, 15 of 40 such processes hung."""
    for _ in range(8):
        assert subprocess.run([sys.executable, "-c", TWO_THREADS], check=False, timeout=120).returncode == 0
