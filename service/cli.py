"""The command line: its verbs, and how an error becomes one line and an exit status."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from embedding.errors import RegionInvalid, TextUnsupported, TraceObjectError
from index.errors import EntryAmbiguous, FilterInvalid, QueryInvalid
from service.commands import (
    alerts,
    allow,
    audit,
    backup,
    demo,
    doctor,
    evaluate,
    feeds,
    forget,
    generations,
    models,
    reindex,
    search,
    serve,
    users,
)
from service.exit_status import FAILED, WRONG_USE

_WRONG_USE = (RegionInvalid, FilterInvalid, QueryInvalid, TextUnsupported, EntryAmbiguous)


class _Verbs(click.Group):
    """Runs a verb; what went wrong is told in one line, without a stack trace."""

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


for _command in (
    feeds.init,
    feeds.add,
    reindex.reindex,
    forget.forget_,
    backup.backup,
    alerts.alerts,
    allow.allow,
    search.search,
    evaluate.evaluate,
    generations.generations,
    models.models,
    serve.serve,
    users.users,
    audit.audit,
    demo.demo,
    doctor.doctor,
):
    main.add_command(_command)


if __name__ == "__main__":
    sys.exit(main())
