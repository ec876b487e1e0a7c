"""models: list them; fetch them from the hub, import them from a file, compile them for the processor."""

from __future__ import annotations

from pathlib import Path

import click

from embedding.encoders import registry, weights
from embedding.encoders.openvino.forms import FORMS, Form
from embedding.encoders.weights.pull import pull as pull_model
from index.jobs.compile_model import compile_for
from index.workspace import Workspace
from service.cli.progress import progress_for_stderr
from service.cli.streams import say


@click.group()
def models() -> None:
    """List, fetch, import and compile models."""


@models.command("list")
def list_() -> None:
    """List every model with its state, input size, kind and licence."""
    for card, state in weights.inventory():
        words = "pictures and words" if card.text else "pictures"
        click.echo(f"{card.name:36} {state:16} {card.preprocess.size:4d} px  {words:18}  {card.licence}")


@models.command()
@click.argument("name")
def pull(name: str) -> None:
    """Fetch the weights of NAME from the hub (HF_ENDPOINT names a mirror); a broken download is resumed."""
    card = pull_model(registry.get(name))
    click.echo(f"{card.name} is here, SHA-256 {card.sha256}")


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--arch", required=True, help="The architecture as open_clip names it, ViT-B-16-SigLIP2 say; or sscd.")
@click.option("--name", default=None, help="What to call the model here; without it, the file's name.")
@click.option("--sha256", default=None, help="The checksum that the file must have.")
def import_(file: Path, arch: str, name: str | None, sha256: str | None) -> None:
    """Take a checkpoint from FILE (safetensors; of SSCD also the released .pt), for machines that reach no hub."""
    card = weights.import_file(file, arch, sha256=sha256, name=name)
    say(f"from now on: traceobject init --model {card.name}")
    click.echo(f"{card.name} is here, SHA-256 {card.sha256}")


@models.command("compile")
@click.argument("name")
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default=FORMS[0],
    show_default=True,
    help="int8 is the fastest, fp32 the closest to the original.",
)
@click.pass_obj
def compile_(root: Path, name: str, form: Form) -> None:
    """Compile NAME for this machine's processor (OpenVINO), calibrated on this workspace's pictures and compared there.

    What agrees too little with the original is refused. The compiled model is a model of its own: without CUDA, a
    workspace of NAME moves to it at its next re-index.
    """
    compiled = compile_for(Workspace.open(root), name, form, progress_for_stderr())
    if compiled.agreement is None:
        say(f"{compiled.card.name} was compiled before")
    for figure in compiled.card.quality:
        say(f"{figure.what}: {figure.value:g}")
    say(f"a workspace of {registry.get(name).name} moves to it at its next `traceobject reindex`")
    click.echo(f"{compiled.card.name} is here, SHA-256 {compiled.card.sha256}")
