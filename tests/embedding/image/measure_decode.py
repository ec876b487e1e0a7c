"""Decode files one after another in this process, and print what each one cost.

    python tests/embedding/image/measure_decode.py FILE...      (one JSON object a line)

`growth` is the peak of the resident memory over what the process had when it began (Linux: the peak can be reset).
"""

import faulthandler
import json
import sys
import time
from pathlib import Path

from embedding.errors import ImageRefused
from embedding.image.decode import DecodeLimits, decode

MAX_SECONDS = 60


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name)))


def main() -> None:
    at_first = _kilobytes("VmRSS")
    for path in map(Path, sys.argv[1:]):
        data = path.read_bytes()
        Path("/proc/self/clear_refs").write_text("5")
        faulthandler.dump_traceback_later(MAX_SECONDS, exit=True)
        begin = time.monotonic()
        try:
            outcome: object = decode(data, limits=DecodeLimits()).shape
        except ImageRefused as refusal:
            outcome = refusal.reason
        seconds = time.monotonic() - begin
        faulthandler.cancel_dump_traceback_later()
        growth = (_kilobytes("VmHWM") - at_first) * 1024
        plugins = sorted(name for name in sys.modules if name.startswith("PIL.") and name.endswith("ImagePlugin"))
        result = {"file": path.name, "outcome": outcome, "growth": growth, "seconds": seconds, "plugins": plugins}
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
