"""The command line: its commands, and how an error becomes one line and an exit status."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from embedding.errors import RegionInvalid, TextUnsupported, TraceObjectError
from index.errors import EntryAmbiguous, FilterInvalid, QueryInvalid
from service.cli.exit_status import FAILED, WRONG_USE
from service.cli.streams import CLOSED_PIPE, discard, prepare_streams, say

_WRONG_USE = (RegionInvalid, FilterInvalid, QueryInvalid, TextUnsupported, EntryAmbiguous)


# The module and attribute of each command; imported on demand, so that no command waits for the imports of another.
_COMMANDS = {
    "add": "feeds:add",
    "alerts": "alerts:alerts",
    "allow": "allow:allow",
    "audit": "audit:audit",
    "backup": "backup:backup",
    "demo": "demo:demo",
    "doctor": "doctor:doctor",
    "evaluate": "evaluate:evaluate",
    "forget": "forget:forget_",
    "generations": "generations:generations",
    "init": "feeds:init",
    "models": "models:models",
    "move": "move:move_",
    "names": "names:names",
    "reindex": "reindex:reindex",
    "search": "search:search",
    "serve": "serve:serve",
    "upgrade": "upgrade:upgrade",
    "users": "users:users",
}


class _Commands(click.Group):
    """Runs a command; an error is printed as one line, without a stack trace."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002 - required by click
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name].split(":")
        command: click.Command = getattr(import_module(f"service.cli.{module}"), attribute)
        return command

    def main(self, *arguments: Any, **options: Any) -> Any:
        prepare_streams()
        return super().main(*arguments, **options)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **options)
        except BrokenPipeError:
            # The help is printed while the arguments are parsed.
            _end_with_closed_pipe()

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except BrokenPipeError:
            _end_with_closed_pipe()
        except TraceObjectError as error:
            say(f"traceobject: {error}")
            wrong_use = isinstance(error, _WRONG_USE)
            context.exit(WRONG_USE if wrong_use else FAILED)
        except OSError as error:
            # For example a full disk or a missing permission; the system's message names the file.
            say(f"traceobject: {error}")
            context.exit(FAILED)


def _end_with_closed_pipe() -> NoReturn:
    """End, for whoever read the output has closed it, as `head` does."""
    for stream in (sys.stdout, sys.stderr):
        discard(stream)
    sys.exit(CLOSED_PIPE)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--workspace",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("workspace"),
    show_default=True,
    envvar="TRACEOBJECT_WORKSPACE",
    show_envvar=True,
    help="The folder with settings, records, pictures, vectors and generations.",
)
@click.version_option(package_name="traceobject")
@click.pass_context
def main(context: click.Context, workspace: Path) -> None:
    """Find out what an everyday object is: published police crops against public product catalogues."""
    context.obj = workspace


if __name__ == "__main__":
    sys.exit(main())
