import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from service.reports.sheet import SheetCandidate, SheetRow, write_html


def plain(value, height=90, width=90):
    return np.full((height, width, 3), value, np.uint8)


def candidate(number, right=False, title="Mug, fox, rust"):
    return SheetCandidate(plain(40 + number * 30), title, f"Tonwerk {number}", 0.9 - number / 10, right)


@pytest.fixture
def rows():
    return [
        SheetRow(plain(200, 40, 120), "MPC-1", (candidate(0, right=True), *(candidate(k) for k in range(1, 5)))),
        SheetRow(plain(120, 300, 60), "MPC-2", tuple(candidate(k, right=k == 3) for k in range(5))),
        SheetRow(plain(60), "HV <3> & more", tuple(candidate(k, title="T" * 90) for k in range(5))),
    ]


def test_the_rank_of_the_right_one(rows):
    assert [row.right_rank for row in rows] == [1, 4, None]


def test_a_sheet_without_rows_is_still_a_sheet(tmp_path):
    write_html([], tmp_path / "sheet.html", "Nothing asked")
    assert "Nothing asked" in (tmp_path / "sheet.html").read_text(encoding="utf-8")


def test_the_page_stands_alone_and_escapes_what_feeds_say(rows, tmp_path):
    write_html(rows, tmp_path / "sheet.html", "Searches & more", note="12 % <all>")
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:)(?:https?:)?/""", page)
    assert "<script" not in page
    assert "HV &lt;3&gt; &amp; more" in page
    assert "Searches &amp; more" in page
    assert "12 % &lt;all&gt;" in page


def test_the_page_marks_the_right_one_in_words_and_says_where_there_is_none(rows, tmp_path):
    write_html(rows, tmp_path / "sheet.html", "Sheet")
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert len(re.findall(r"</svg>right match</span>", page)) == 2
    assert page.count("right one at rank 4") == 1
    assert page.count("right one not in the first 5") == 1


def test_every_picture_on_the_page_has_words_and_opens(rows, tmp_path):
    write_html(rows, tmp_path / "sheet.html", "Sheet")
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) == 3 + 15
    for image in images:
        assert re.search(r'alt="[^"]+"', image)
        data = re.search(r'src="data:image/jpeg;base64,([^"]+)"', image)
        assert Image.open(io.BytesIO(base64.b64decode(data[1]))).format == "JPEG"


def test_large_pictures_are_inlined_small(tmp_path):
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 255, (2000, 3000, 3), dtype=np.uint8)
    write_html([SheetRow(noise, "large", ())], tmp_path / "sheet.html", "Sheet")
    assert (tmp_path / "sheet.html").stat().st_size < 400_000
