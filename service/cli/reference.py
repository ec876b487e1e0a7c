"""docs/commands.md, made from the commands, settings and routes themselves: `python -m service.cli.reference`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click

from index.settings import Settings, allowed
from service.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
WIDTH = 100


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([*_head(), *_commands(main, ["traceobject"]), *_settings(), ""])


def _head() -> Iterator[str]:
    yield "# Commands and settings"
    yield ""
    yield "Made by `python -m service.cli.reference` from the commands themselves; a test compares."
    yield ""
    yield "Exit status: 0 done, 1 the job failed, 2 wrong use, 3 done but some inputs were refused (each is listed),"
    yield "141 whoever read the output has closed the pipe."
    yield "Progress and messages go to stderr, results to stdout."


def _commands(command: click.Command, path: list[str]) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=" ".join(path),
        max_content_width=WIDTH,
        terminal_width=WIDTH,
        # Subcommands inherit this setting from `main` when they run.
        help_option_names=main.context_settings["help_option_names"],
    )
    yield ""
    yield f"## {' '.join(path)}"
    yield ""
    yield "```"
    yield command.get_help(context)
    yield "```"
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            if verb := command.get_command(context, name):
                yield from _commands(verb, [*path, name])


def _settings() -> Iterator[str]:
    yield ""
    yield "## Settings: traceobject.toml"
    yield ""
    for line in (Settings.__doc__ or "").strip().splitlines():
        yield line.strip()
    yield ""
    yield "| setting | may be | default |"
    yield "|---|---|---|"
    values = allowed()
    for field in fields(Settings):
        yield f"| `{field.name}` | {values[field.name]} | `{field.default!r}` |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
