"""The cost of decoding: memory, time, and the modules it imports. Files are decoded in another process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.decode import as_jpeg, medians, product
from tests.embedding.image.hostile import CASES
from tests.embedding.image.largest import LARGEST
from tests.paths import ROOT

GIGABYTE = 1_000_000_000
PLUGINS = {f"PIL.{name}ImagePlugin" for name in ("Avif", "Bmp", "Gif", "Jpeg", "Png", "Tiff", "WebP")}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read from Linux's /proc"
    ),
]


def measure(paths):
    done = subprocess.run(
        [sys.executable, "-W", "always", ROOT / "tests/embedding/image/measure_decode.py", *paths],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    return {result["file"]: result for result in map(json.loads, done.stdout.splitlines())}


def test_no_hostile_file_costs_much_memory_or_time_or_an_import(tmp_path):
    for name, maker in CASES.items():
        (tmp_path / name).write_bytes(maker().data)
    results = measure([tmp_path / name for name in CASES])
    assert results.keys() == CASES.keys()
    for name, maker in CASES.items():
        outcome = maker().outcome
        wanted = outcome if isinstance(outcome, str) else list(outcome.shape)
        assert results[name]["outcome"] == wanted, name
        assert results[name]["growth"] < GIGABYTE, name
        assert results[name]["seconds"] < 5, name
        # Pillow's other formats, Ghostscript's among them, were not imported.
        assert set(results[name]["plugins"]) <= PLUGINS, name


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_file_of_each_kind_costs_under_a_gigabyte(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(LARGEST[name]())
    (result,) = measure([path]).values()
    assert isinstance(result["outcome"], list), result
    assert result["growth"] < GIGABYTE
    assert result["seconds"] < 40


def test_a_large_jpeg_is_decoded_small_in_under_half_the_time():
    """The benchmark prints the ratio itself, about 0.3 on a quiet machine; this bound leaves room for a busy one."""
    full, reduced = medians(as_jpeg(product(), 75), 384, rounds=9)
    assert reduced < full / 2
