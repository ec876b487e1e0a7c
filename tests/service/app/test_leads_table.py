"""Leads as CSV and XLSX: every lead and what it is based on, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.accounts.roles import Role
from service.app.leads import LeadChange, LeadRecord
from service.app.leads_table import COLUMNS, as_csv, as_xlsx
from tests.service.accounts_workspace import signed_in
from tests.service.app.test_leads import send

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "  @x", "＝1", "－2", "=HYPERLINK(\"https://x\")"),
]  # fmt: skip
DANGEROUS = tuple("=+-@＝＋－＠\t\r\n")


def lead_with(text: str) -> LeadRecord:
    changes = (LeadChange("2026-03-01T09:30:00+00:00", text, "open", text, 3, text),)
    return LeadRecord(1, text, text, text, text, "ab" * 32, {"title": text, "link": text, "brand": text}, changes)


def rows_of_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def rows_of_xlsx(data: bytes) -> list[list[str]]:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    for row in sheet.iter_rows():
        assert {cell.data_type for cell in row} <= {"s", "n"}
        assert all(cell.value is None for cell in row if cell.data_type == "n")
    return [[_unescaped(str(cell.value or "")) for cell in row] for row in sheet.iter_rows()]


def _unescaped(text: str) -> str:
    """Control characters as XLSX escapes them, which openpyxl leaves as they are."""
    return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_csv_begins_as_a_formula_does(text):
    _, row = rows_of_csv(as_csv([lead_with(text)]))
    assert f"'{text}" in row
    assert not [cell for cell in row if cell.lstrip(" ").startswith(DANGEROUS)]


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_csv_gives_back_every_text_that_is_harmless(text):
    head, row = rows_of_csv(as_csv([lead_with(text)]))
    assert head == list(COLUMNS)
    cell = row[COLUMNS.index("title")]
    assert cell in (text, f"'{text}")
    assert not cell.lstrip().startswith(DANGEROUS[:8])


@pytest.mark.parametrize("text", FORMULAS)
def test_every_cell_of_xlsx_is_a_text_that_stays_one(text):
    data = as_xlsx([lead_with(text)])
    title = rows_of_xlsx(data)[1][COLUMNS.index("title")]
    # Line ends are what XML makes of them; nothing else changes.
    assert title.replace("\r", "\n").strip() == text.replace("\r", "\n").strip()
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet, styles = (book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "styles"))
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert 'quotePrefix="1"' in styles


def test_a_cell_longer_than_a_spreadsheet_takes_is_cut():
    assert len(rows_of_xlsx(as_xlsx([lead_with("x" * 40_000)]))[1][COLUMNS.index("title")]) == 32_767


@pytest.fixture(scope="module")
def ines(app_client):
    person = signed_in(app_client, Role.INVESTIGATOR)
    lead = send(
        person, "/v1/leads", object_id="2024-0", product_id="A/3", note="=cmd|' /C calc'!A0", query_id="q-1"
    ).json()
    send(person, f"/v1/leads/{lead['id']}", state="sold_too_widely")
    send(person, "/v1/leads", object_id="2024-1")
    return person


@pytest.mark.parametrize("address", ["/v1/leads", "/workbench/leads"])
@pytest.mark.parametrize(("kind", "rows_of"), [("csv", rows_of_csv), ("xlsx", rows_of_xlsx)])
def test_page_and_interface_give_the_leads_that_are_listed(ines, app_client, address, kind, rows_of):
    audit = app_client.app.state.services.audit
    before = audit.verify()[0]
    answer = ines.get(f"{address}.{kind}")
    assert answer.headers["content-disposition"] == f'attachment; filename="traceobject-leads.{kind}"'
    head, *rows = rows_of(answer.content)
    listed = ines.get("/v1/leads").json()["leads"]
    assert [row[0] for row in rows] == [str(lead["id"]) for lead in listed]
    kept = dict(zip(head, rows[1], strict=True))
    assert (kept["object_id"], kept["product_id"], kept["title"], kept["query_id"]) == (
        "2024-0",
        "A/3",
        "Thing 3",
        "q-1",
    )
    assert (kept["state"], kept["decided_by"], kept["family_entries"]) == ("sold_too_widely", "ines", "1")
    assert kept["family_retailers"] == "luma"
    assert "cmd" in kept["notes"]
    assert not kept["notes"].startswith("=")
    [finding] = rows_of(ines.get(f"{address}.{kind}?state=not_in_catalogue").content)[1:]
    assert finding[head.index("object_id")] == "2024-1"
    record = next(iter(audit.records(before)))
    assert (record["kind"], record["who"], record["form"]) == ("export", "ines", kind)
    assert record["leads"] == [lead["id"] for lead in listed]


def test_the_page_links_them_with_its_filter(ines):
    page = ines.get("/workbench/leads?state=sold_too_widely").text
    for kind in ("csv", "xlsx"):
        assert f'href="/workbench/leads.{kind}?state=sold_too_widely"' in page
