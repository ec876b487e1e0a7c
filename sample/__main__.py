"""python -m sample DIR: renders the pictures, feeds and truth of the demo into DIR."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from sample.write import PRODUCTS, SEED, render_sample


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sample", description=__doc__)
    parser.add_argument("folder", type=Path, help="what is there under the same names is replaced")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed is another sample (default: %(default)s)")
    parser.add_argument("--products", type=int, default=PRODUCTS, help="how many (default: %(default)s)")
    given = parser.parse_args()
    with tqdm(desc="rendering") as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        render_sample(given.folder, given.seed, progress, given.products)


if __name__ == "__main__":
    main()
