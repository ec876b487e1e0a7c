"""Leads as a table, CSV or XLSX, for a spreadsheet; no cell of it is ever run as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from index.records.entries import join_values
from service.accounts.roles import Visitor
from service.app.leads import LeadRecord
from service.app.services import Services

TableFormat = Literal["csv", "xlsx"]
MEDIA_TYPES: Mapping[TableFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PRODUCT = (
    *("title", "brand", "retailer", "country", "made_in", "gtin", "category", "price", "link", "source_page"),
    *("licence", "first_seen", "last_seen"),
)
COLUMNS = (
    *("lead", "object_source", "object_id", "source", "product_id", *_PRODUCT, "image", "state"),
    *("kept_at", "kept_by", "decided_at", "decided_by", "decided_in_generation", "query_id", "notes"),
    *("family_entries", "family_retailers", "family_countries", "family_first_seen", "family_last_seen"),
)
# What spreadsheets take for the beginning of a formula, also after blanks and in full width (OWASP, "CSV Injection").
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
# Excel's limit of a cell, in characters.
_MAX_CELL = 32_767
_WIDE, _NARROW = 28, 14


def render_leads(found: Sequence[LeadRecord], form: TableFormat, services: Services, visitor: Visitor) -> bytes:
    """The leads as a file, and the download recorded in the audit. Call it from a worker thread."""
    services.audit.append("export", visitor.name, form=form, leads=[lead.id for lead in found])
    return as_csv(found) if form == "csv" else as_xlsx(found)


def as_csv(found: Sequence[LeadRecord]) -> bytes:
    """UTF-8 with a mark of it, which Excel needs. What could be taken for a formula begins with an apostrophe."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(text) for text in _row(lead)] for lead in found)
    return file.getvalue().encode("utf-8-sig")


def as_xlsx(found: Sequence[LeadRecord]) -> bytes:
    """A workbook of one sheet. Every cell is a text and marked as one, so that editing it makes no formula of it."""
    # Imported here, for the server rarely writes one.
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("Leads")
        head, text = book.add_format({"bold": True}), book.add_format({"quote_prefix": True, "num_format": "@"})
        for column, name in enumerate(COLUMNS):
            sheet.write_string(0, column, name, head)
            sheet.set_column(column, column, _WIDE if name in ("title", "link", "notes") else _NARROW)
        for number, lead in enumerate(found, start=1):
            for column, value in enumerate(_row(lead)):
                sheet.write_string(number, column, value[:_MAX_CELL], text)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(found), len(COLUMNS) - 1)
    return file.getvalue()


def _row(lead: LeadRecord) -> tuple[str, ...]:
    first, decision = lead.changes[0], lead.decision
    evidence = decision.evidence
    notes = " | ".join(f"{change.at[:10]} {change.who}: {change.note}" for change in lead.changes if change.note)
    return (
        *(str(lead.id), lead.object_source, lead.object_id, lead.source, lead.product_id),
        *(lead.product_fields.get(name, "") for name in _PRODUCT),
        *(lead.image, lead.state, first.at, first.who),
        *((decision.at, decision.who) if lead.state != "open" else ("", "")),
        *(str(decision.generation), lead.query_id, notes),
        str(evidence.get("entries", "")),
        *(join_values(evidence.get(name, ())) for name in ("retailers", "countries")),
        *(evidence.get(name, "") for name in ("first_seen", "last_seen")),
    )


def _harmless(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text
