"""The command line in pipes: a reader that leaves, a console without the letters, a picture from standard input."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from embedding.encoders import choose
from service.cli.main import main
from service.cli.streams import CLOSED_PIPE
from tests.fakes import ColourEncoder, render_file, write_feed
from tests.paths import ROOT

TITLE = "Кружка żółta, « été » €"


@pytest.fixture
def indexed(tmp_path, monkeypatch):
    """A workspace with two products, and a function that runs a command in it."""
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("index.models.choose", lambda: (ColourEncoder(), choose.Choice("colour-64", "took colour-64")))
    monkeypatch.setattr("service.cli.search.reranker_for", lambda workspace: None)

    def run(*arguments, **options):
        command = ["--workspace", str(tmp_path / "workspace"), *map(str, arguments)]
        return CliRunner(**options.pop("runner", {})).invoke(main, command, catch_exceptions=False, **options)

    run("init")
    feed = write_feed(
        tmp_path / "shop", [{"product_id": "a", "title": TITLE}, {"product_id": "b", "title": "b"}], [1, 2]
    )
    assert run("add", "catalogue", feed, "--source", "shop").exit_code == 0
    assert run("reindex").exit_code == 0
    return run


def ids(result):
    return [one["product_id"] for one in json.loads(result.stdout)["candidates"]]


def test_a_picture_from_standard_input(indexed, tmp_path):
    picture = render_file(tmp_path / "crop.png", 1).read_bytes()
    assert ids(indexed("search", "-", "--json", input=picture)) == ["a", "b"]
    both = indexed("search", "-", tmp_path / "shop" / "pictures" / "1.png", "--json", input=picture)
    assert ids(both) == ["a", "b"]


def test_what_comes_from_standard_input_and_is_no_picture(indexed):
    result = indexed("search", "-", input=b"no picture")
    assert result.exit_code == 1
    assert "refused standard input: unknown_format" in result.stderr
    assert indexed("search", "-", "-", input=b"").exit_code == 2


@pytest.mark.parametrize("charset", ["latin-1", "cp1252", "utf-8", "koi8-r"])
def test_letters_that_a_console_does_not_have_end_no_command(indexed, tmp_path, charset):
    picture = render_file(tmp_path / "crop.png", 1)
    plain = indexed("search", picture, runner={"charset": charset})
    assert plain.exit_code == 0
    assert "a  " in plain.stdout
    answer = json.loads(indexed("search", picture, "--json", runner={"charset": charset}).stdout)
    assert answer["candidates"][0]["title"] == TITLE


def run_closed(tmp_path: Path, *arguments: str, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose output nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, "-m", "service.cli.main", "--workspace", str(tmp_path), *arguments],
            stdout=writing,
            stderr=writing if stderr == subprocess.STDOUT else stderr,
            cwd=ROOT,
            check=False,
        )
    finally:
        os.close(writing)


@pytest.mark.parametrize("arguments", [("models", "list"), ("--help",)])
def test_a_reader_that_has_left_is_no_error(tmp_path, arguments):
    done = run_closed(tmp_path, *arguments)
    assert done.stderr == b""
    assert done.returncode in (0, CLOSED_PIPE)


def test_messages_that_nobody_reads_end_no_job(tmp_path):
    done = run_closed(tmp_path / "workspace", "init", stderr=subprocess.STDOUT)
    assert done.returncode == 0
    assert (tmp_path / "workspace" / "traceobject.toml").exists()


def test_standard_input_is_read_to_its_bound(indexed):
    from embedding.image.decode import DEFAULT_LIMITS

    result = indexed("search", "-", input=io.BytesIO(bytes(DEFAULT_LIMITS.bytes + 10)))
    assert "too_large_bytes" in result.stderr
