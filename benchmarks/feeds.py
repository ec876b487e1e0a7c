"""How fast each feed format is read, and in how much memory.

    python -m benchmarks.feeds [--rows 100000] [--formats csv,jsonl,...] [--report PAGE]

Each format is written to a temporary folder and read in a process of its own: rows per second is the median of three
readings, memory the peak of the process (resident, interpreter included). The reference of the ratio (of CPU time) is
the standard library's csv.DictReader on the same rows, without any processing.
"""

from __future__ import annotations

import argparse
import csv
import functools
import gzip
import http.server
import io
import json
import multiprocessing
import resource
import statistics
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import machine, page_for, table, write_part

FORMATS = (
    *("reference", "csv", "csv.gz", "csv.gz by http", "jsonl", "json list", "parquet", "google xml"),
    *("shopify", "webdataset", "schemaorg"),
)
BY_HTTP = "csv.gz by http"
_DESCRIPTION = "A thing for the house, with a handle and a lid; dishwasher safe. " * 4


def items(rows: int) -> Iterator[dict[str, str]]:
    """Yield products as in a feed: about 500 bytes a row, two pictures each."""
    for number in range(rows):
        yield {
            "id": f"SKU-{number:08d}",
            "title": f"Thing number {number} in größe {number % 7}",
            "description": _DESCRIPTION,
            "brand": f"Brand {number % 50}",
            "product_type": "Home > Kitchen",
            "link": f"https://shop.example/p/{number}",
            "image_link": f"https://shop.example/i/{number % 1000}.jpg",
            "additional_image_link": f"https://shop.example/i/{number % 1000}-2.jpg",
            "price": f"{number % 90}.00 EUR",
        }


def write(format: str, folder: Path, rows: int) -> Path:
    """Write the feed and return its path."""
    if format == "parquet":
        import pyarrow
        import pyarrow.parquet

        path = folder / "feed.parquet"
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(items(rows))), path)
        return path
    if format == "webdataset":
        path = folder / "00000.tar"
        with tarfile.open(path, "w") as archive:
            for number, item in enumerate(items(rows)):
                for suffix, content in (("jpg", b"\xff\xd8" + b"0" * 1000), ("json", json.dumps(item).encode())):
                    info = tarfile.TarInfo(f"{number:09d}.{suffix}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
        return path
    if format == "schemaorg":
        path = folder / "pages"
        path.mkdir()
        for number, item in enumerate(items(rows)):
            (path / f"{number}.html").write_text(_page(item), encoding="utf-8")
        return path
    if format in ("csv.gz", BY_HTTP):
        path = folder / "feed.csv.gz"
        path.write_bytes(gzip.compress(write("csv", folder, rows).read_bytes(), mtime=0))
        return path
    path = folder / {"google xml": "feed.xml"}.get(
        format, "feed.csv" if format in ("csv", "reference") else "feed.json"
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        if format in ("csv", "reference"):
            writer = csv.DictWriter(file, next(items(1)).keys())
            writer.writeheader()
            writer.writerows(items(rows))
        elif format == "jsonl":
            file.writelines(json.dumps(item) + "\n" for item in items(rows))
        elif format == "google xml":
            file.write('<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>\n')
            for item in items(rows):
                cells = "".join(f"<g:{name}>{value.replace('>', '&gt;')}</g:{name}>" for name, value in item.items())
                file.write(f"<item>{cells}</item>\n")
            file.write("</channel></rss>")
        else:
            listed = (json.dumps(_shopify(item) if format == "shopify" else item) for item in items(rows))
            file.write('{"products":[' if format == "shopify" else "[")
            for number, text in enumerate(listed):
                file.write(("," if number else "") + text)
            file.write("]}" if format == "shopify" else "]")
    return path


def _shopify(item: dict[str, str]) -> dict[str, object]:
    return {
        **{"id": item["id"], "title": item["title"], "handle": item["id"].lower(), "vendor": item["brand"]},
        "body_html": item["description"],
        "variants": [{"id": 1, "price": item["price"]}],
        "images": [{"src": item["image_link"]}, {"src": item["additional_image_link"]}],
    }


def _page(item: dict[str, str]) -> str:
    fields = {"@type": "Product", "sku": item["id"], "name": item["title"], "image": item["image_link"]}
    return f'<!doctype html><html><script type="application/ld+json">{json.dumps(fields)}</script>{_DESCRIPTION}</html>'


def measure(format: str, path: Path) -> tuple[int, float, float, float]:
    """Return the rows read, the seconds and CPU seconds it took, the peak memory in MB; runs in its own process."""
    from index.sources.feeds import read_products

    start, cpu = time.perf_counter(), time.process_time()
    if format == "reference":
        with path.open(encoding="utf-8", newline="") as file:
            count = sum(1 for _ in csv.DictReader(file))
    else:
        count = sum(1 for _ in read_products(path))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return count, seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_by_http(url: str, folder: Path) -> tuple[int, float, float, float]:
    """As `measure`, of a feed that is downloaded first, as a source on the web is; runs in its own process."""
    from index.sources.feeds import read_products
    from index.sources.fetching.outcomes import FetchLimits
    from index.sources.web.client import WebAccess, WebClient
    from index.sources.web.download import download

    netloc = url.split("/")[2]
    start, cpu = time.perf_counter(), time.process_time()
    access = WebAccess("traceobject", frozenset({netloc}), FetchLimits())
    with WebClient(access, url, {}, tdm=True) as client:
        path = download(client, url, folder)
    count = sum(1 for _ in read_products(path))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return count, seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def _served(path: Path) -> Iterator[str]:
    """The URL of a file on a server of loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=path.parent)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{path.name}"
        server.shutdown()


def _measured(format: str, path: Path) -> list[tuple[int, float, float, float]]:
    """Three measurements, each in a process of its own."""
    if format != BY_HTTP:
        return [_in_own_process(measure, format, path) for _ in range(3)]
    with _served(path) as url:
        runs = []
        for number in range(3):
            folder = path.parent / str(number)
            folder.mkdir()
            runs.append(_in_own_process(measure_by_http, url, folder))
        return runs


def _in_own_process(work: Callable[..., Any], *arguments: object) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def main() -> int:
    """Measure and print; exit status 1 where a format misses 5,000 rows a CPU second or 500 MB."""
    parser = argparse.ArgumentParser(description="Rows per second and memory of each feed format.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--report", type=page_for("feeds"), help="a page to write the table into")
    arguments = parser.parse_args()
    reference, missed, rows = 0.0, False, []
    for format in arguments.formats.split(","):
        with tempfile.TemporaryDirectory() as folder:
            # Written in a process of its own as well, because a new process starts with its parent's peak of memory.
            path = _in_own_process(write, format, Path(folder), arguments.rows)
            runs = _measured(format, path)
        rate = arguments.rows / statistics.median(seconds for _, seconds, _, _ in runs)
        cpu_rate = arguments.rows / statistics.median(cpu for _, _, cpu, _ in runs)
        memory = max(peak for _, _, _, peak in runs)
        reference = cpu_rate if format == "reference" else reference
        missed |= format != "reference" and (cpu_rate < 5000 or memory > (300 if format == BY_HTTP else 500))
        ratio = f"{cpu_rate / reference:.3f}" if reference else ""
        rows.append((format, f"{runs[0][0]:,}", f"{rate:,.0f}", f"{cpu_rate:,.0f}", round(memory), ratio))
        sys.stderr.write(f"{format}: {rate:,.0f} rows a second\n")
    titles = (
        "format",
        "rows",
        "rows a second",
        "rows a CPU second",
        "peak memory, MB",
        "share of the reference's rate",
    )
    write_part(arguments.report, "feeds", [f"Machine: {machine('lxml', 'pyarrow')}.", "", *table(titles, rows)])
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
