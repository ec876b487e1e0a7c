"""A poster of one object to print: A4, with a QR code of its page."""

from __future__ import annotations

import io
import textwrap
from datetime import UTC, datetime

from PIL import Image

from index.records.entries import EntryFields
from service.app.qr_code import png_code
from service.rendering.language import Words
from service.rendering.pdf_sheet import MARGIN, PdfSheet

# Millimetres.
_CODE, _GAP = 52.0, 8.0
_TEXT_LIMIT, _QUESTION_LIMIT = 140, 240


def poster_pdf(fields: EntryFields, crop: bytes, address: str, t: Words) -> bytes:
    """The poster of an open object, the bytes of a PDF file; equal content gives equal bytes.

    Args:
        crop: the picture to show, JPEG; empty for none.
        address: of the object's page, for the code and in writing.
    """
    sheet = PdfSheet()
    # One page, whatever it says.
    sheet.set_auto_page_break(False)
    # Text begins where the picture does.
    sheet.c_margin = 0
    sheet.set_creation_date(_day(fields))
    sheet.set_title(f"{t('front.title')} {fields.entry_id}")
    sheet.set_lang(t.language)
    sheet.add_page()
    sheet.write_in(13, fields.authority[:_TEXT_LIMIT], quiet=True)
    sheet.ln(2)
    sheet.write_in(28, t("poster.title"), bold=True)
    sheet.ln(3)
    code_top = sheet.h - MARGIN - _CODE
    top, bottom = sheet.get_y(), code_top - 62
    if crop:
        _picture(sheet, crop, top, bottom)
    sheet.set_y(bottom + 5)
    sheet.write_in(16, _short(fields.title or fields.entry_id), bold=True)
    sheet.ln(2)
    if fields.question:
        sheet.write_in(13, textwrap.shorten(fields.question, _QUESTION_LIMIT, placeholder="…"))
    else:
        for question in ("object.ask.what", "object.ask.where", "object.ask.when"):
            sheet.write_in(13, f"•  {t(question)}")
    sheet.ln(2)
    sheet.write_in(11, t("poster.little"), quiet=True)
    sheet.image(io.BytesIO(png_code(address)), x=MARGIN, y=code_top, w=_CODE, h=_CODE)
    left = _CODE + _GAP
    sheet.set_y(code_top + 2)
    sheet.write_in(14, t("poster.scan"), bold=True, left=left)
    sheet.ln(1)
    sheet.write_in(10, address, left=left, whole=False)
    sheet.ln(2)
    sheet.write_in(11, f"{t('field.reference')} {fields.entry_id[:_TEXT_LIMIT]}", left=left)
    sheet.ln(2)
    sheet.write_in(9, t("poster.settled"), quiet=True, left=left)
    return bytes(sheet.output())


def _picture(sheet: PdfSheet, crop: bytes, top: float, bottom: float) -> None:
    """A picture in the middle of the space between two heights."""
    with Image.open(io.BytesIO(crop)) as opened:
        width, height = opened.size
    room = sheet.w - 2 * MARGIN, bottom - top
    scale = min(room[0] / width, room[1] / height)
    sheet.set_fill_color(233, 236, 239)
    sheet.rect(MARGIN, top, room[0], room[1], style="F")
    x, y = MARGIN + (room[0] - scale * width) / 2, top + (room[1] - scale * height) / 2
    sheet.image(io.BytesIO(crop), x=x, y=y, w=scale * width, h=scale * height)


def _day(fields: EntryFields) -> datetime:
    try:
        return datetime.fromisoformat(fields.published or fields.first_seen).replace(tzinfo=UTC)
    except ValueError:
        return datetime(2000, 1, 1, tzinfo=UTC)


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else f"{text[: _TEXT_LIMIT - 1]}…"
