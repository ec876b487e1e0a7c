"""The command line: its verbs, and how an error becomes one line and an exit status."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from embedding.errors import RegionInvalid, TextUnsupported, TraceObjectError
from index.errors import EntryAmbiguous, FilterInvalid, QueryInvalid
from service.cli.exit_status import FAILED, WRONG_USE

_WRONG_USE = (RegionInvalid, FilterInvalid, QueryInvalid, TextUnsupported, EntryAmbiguous)


# Where each verb is. It is imported when it is called for: a server should not wait for what the demo needs.
_VERBS = {
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
    "reindex": "reindex:reindex",
    "search": "search:search",
    "serve": "serve:serve",
    "upgrade": "upgrade:upgrade",
    "users": "users:users",
}


class _Verbs(click.Group):
    """Runs a verb; what went wrong is told in one line, without a stack trace."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002 - click hands it over
        return list(_VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if name not in _VERBS:
            return None
        module, verb = _VERBS[name].split(":")
        command: click.Command = getattr(import_module(f"service.cli.{module}"), verb)
        return command

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except TraceObjectError as error:
            click.echo(f"traceobject: {error}", err=True)
            wrong_use = isinstance(error, _WRONG_USE)
            context.exit(WRONG_USE if wrong_use else FAILED)
        except OSError as error:
            # A full disk or a missing right: the system's own words name the file.
            click.echo(f"traceobject: {error}", err=True)
            context.exit(FAILED)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
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
