"""The standard streams, as pipes and consoles of other encodings have them."""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

import click

# What a shell reports of a program that the signal of a closed pipe ended: 128 + SIGPIPE.
CLOSED_PIPE = 141


def prepare_streams() -> None:
    """See that no character ends a command: one that a console does not have is written as its code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def print_json(value: object) -> None:
    """Print a value as JSON on one line of stdout; letters that its encoding lacks are written as JSON escapes them."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    click.echo(text)


def say(message: str) -> None:
    """Print a message to stderr; results go to stdout. Nobody reading it any more ends no job."""
    try:
        click.echo(message, err=True)
    except BrokenPipeError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Write a stream to nowhere from now on, what it has not written yet included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
