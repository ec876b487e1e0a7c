"""evaluate: how often the right product is found."""

from __future__ import annotations

import json
from pathlib import Path

import click
import platformdirs

from embedding.encoders.choose import choose, load
from embedding.text.reader import text_reader
from index.jobs.evaluate import Evaluation
from index.jobs.evaluate import evaluate as run_evaluate
from service.cli.exit_status import list_refused
from service.cli.progress import progress_for_stderr
from service.cli.streams import say


@click.command()
@click.argument("gallery", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("queries", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", default="starter", show_default=True, help="The model to measure, or auto.")
@click.option("--no-rerank", is_flag=True, help="Rank by embeddings alone, without re-ranking by local features.")
@click.option("--no-text", is_flag=True, help="Leave out what is written on pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(platformdirs.user_cache_dir("traceobject")) / "evaluate",
    envvar="TRACEOBJECT_EVALUATE_CACHE",
    show_envvar=True,
    help="Where galleries and embeddings are kept between runs.",
)
@click.pass_context
def evaluate(
    context: click.Context,
    gallery: Path,
    queries: Path,
    model: str,
    no_rerank: bool,
    no_text: bool,
    as_json: bool,
    cache: Path,
) -> None:
    """Index GALLERY.csv, ask every picture of QUERIES.csv, and print recall with 95 % intervals."""
    if model == "auto":
        encoder, choice = choose()
        say(choice.why)
    else:
        encoder = load(model)
    measured = run_evaluate(
        gallery,
        queries,
        encoder,
        cache,
        progress_for_stderr(),
        reranked=not no_rerank,
        text_reader=None if no_text else text_reader(),
    )
    status = list_refused(measured.refused)
    click.echo(json.dumps(measured.as_json()) if as_json else _table(measured))
    context.exit(status)


def _table(measured: Evaluation) -> str:
    lines = [f"{measured.queries} queries, {measured.gallery} products, {measured.model}, rerank {measured.rerank}"]
    for name, value in measured.metrics.items():
        low, high = measured.intervals[name]
        lines.append(f"{name:13} {value:.3f}  (95 %: {low:.3f} to {high:.3f})")
    lines.append(f"{measured.seconds_per_query:.3f} s a query (median)")
    return "\n".join(lines)
