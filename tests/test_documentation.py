"""The documentation matches the code."""

import re
from pathlib import Path

import click
import pytest

from index.records.entries import ADDED
from index.records.filters import KEYS
from index.sources.feeds.details import COLUMNS
from index.sources.feeds.references import normal_name
from service.cli.main import main
from service.cli.reference import PAGE, page
from tests.paths import ROOT

WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_reference_of_commands_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m service.cli.reference"


def commands(text: str) -> list[list[str]]:
    """The traceobject commands of a page's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.split()[1:] for line in lines if re.match(r"(\S*/)?traceobject ", line)]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_command_shown_exists(path):
    for words in commands(path.read_text(encoding="utf-8")):
        command: click.Command = main
        rest = words[2:] if words[0] == "--workspace" else words
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), rest.pop(0))
            assert command, f"{path.name}: traceobject {' '.join(words)}"
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_link_within_the_project_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_field_filter_and_column_name_is_documented():
    text = (ROOT / "docs" / "fields.md").read_text(encoding="utf-8")
    names = re.findall(r'"([^"]+)"', text) + re.findall(r"\w+", text)
    found = {normal_name(name) for name in names} | {name.casefold() for name in names}
    assert COLUMNS | set(ADDED) | set(KEYS) <= found


def named_in_architecture() -> set[Path]:
    """Files and folders of the package tree in docs/architecture.md; what is indented further lies further in."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = re.search(r"## Packages.*?(?=\n## )", text, re.DOTALL)
    assert packages is not None
    named: set[Path] = set()
    parents: dict[int, Path] = {}
    for line in packages.group().splitlines():
        if not (entry := re.match(r"( {4,8})\S", line)):
            continue
        depth = len(entry.group(1))
        parent = ROOT if depth == 4 else parents[depth - 2]
        names = re.findall(r"(?:^ +|(?<=  ))([a-z_]+(?:\.py|/))(?=\s|$)", line)
        named |= {parent / name for name in names}
        parents[depth] = parent / names[0]
    return named


def test_every_file_that_the_architecture_names_is_there():
    assert {path for path in named_in_architecture() if not path.exists()} == set()


def test_the_architecture_names_every_folder_of_the_packages():
    packages = [ROOT / package for package in ("embedding", "index", "service")]
    folders = {path.parent for package in packages for path in package.glob("*/*.py")}
    assert folders - named_in_architecture() == set()
