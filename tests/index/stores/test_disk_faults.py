"""Whoever notices that the disk is full, it is told in one way; other errors stay what they are."""

import sqlite3

import pytest
from safetensors import SafetensorError

from index.errors import WorkspaceError
from index.stores.disk_faults import disk_faults

FULL = "No space left on device"


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, FULL),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError(f"Error in void faiss::write_index(...): write error in ... ({FULL})"),
        SafetensorError(f"Error while serializing: I/O error: {FULL} (os error 28)"),
    ],
)
def test_a_full_disk_is_told_with_what_to_do(tmp_path, error):
    with pytest.raises(WorkspaceError, match="free some space"), disk_faults(tmp_path):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), SafetensorError("InvalidHeaderLength")])
def test_another_error_stays_what_it_is(tmp_path, error):
    with pytest.raises(type(error)), disk_faults(tmp_path):
        raise error
