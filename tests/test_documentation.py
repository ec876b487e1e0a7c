"""What is documented is what is there."""

import re
from pathlib import Path

import click
import pytest

from service.cli.main import main
from service.cli.reference import PAGE, page

ROOT = Path(__file__).parent.parent
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


def test_every_file_that_the_architecture_names_is_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = re.search(r"## Rooms.*?(?=\n## )", text, re.DOTALL)
    assert rooms is not None
    room = ""
    for line in rooms.group().splitlines():
        if match := re.match(r" {4}(\w+)/ ", line):
            room = match.group(1)
        for name in re.findall(r"(?<=\s)([a-z_]+(?:\.py|/))(?=\s|$)", line):
            if name.rstrip("/") != room:
                assert (ROOT / room / name).exists(), f"{room}/{name} is described but not there"
