"""What the documents for lawyers and security say is what the program does."""

import re
from dataclasses import fields

import pytest

from index.settings import Settings
from service.accounts.accounts import SESSION_SECONDS
from service.cli.users import TOKEN_DAYS
from service.reports.run_history import MAX_RECORDS
from tests.paths import ROOT

CONSTANTS = {"SESSION_SECONDS": SESSION_SECONDS, "TOKEN_DAYS": TOKEN_DAYS, "MAX_RECORDS": MAX_RECORDS, "nothing": 0}
DEFAULTS = {field.name: field.default for field in fields(Settings)}


def retention_rows() -> list[list[str]]:
    text = (ROOT / "docs" / "deploying-lawfully.md").read_text(encoding="utf-8")
    table = text.split("## Retention")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    return rows[2:]


@pytest.mark.parametrize("row", retention_rows(), ids=lambda row: row[0])
def test_the_retention_table_has_the_programs_values(row):
    name = row[3].strip("`")
    assert int(row[2]) == {**DEFAULTS, **CONSTANTS}[name]


def test_every_setting_of_retention_is_in_the_table():
    named = {row[3].strip("`") for row in retention_rows()}
    assert {name for name in DEFAULTS if name.startswith(("keep_", "retention_"))} <= named


def threats() -> list[list[str]]:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.count("|") == 5
    ][2:]


def test_every_defence_names_a_test_that_exists():
    assert len(threats()) > 10
    for _, attempt, _, tested in threats():
        paths = re.findall(r"`(tests/[^`]+)`", tested)
        assert paths, attempt
        assert [path for path in paths if not (ROOT / path).is_file()] == []
