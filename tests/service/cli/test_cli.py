"""The command line as a contract: verbs, exit statuses, what goes to stdout."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from embedding.encoders import choose
from service.cli.main import main
from tests.fakes import ColourEncoder, render_file, write_feed

VERBS = {
    "init": [],
    "add": ["catalogue", "objects"],
    "reindex": [],
    "search": [],
    "evaluate": [],
    "generations": ["list", "show", "verify", "rollback"],
    "models": ["list", "pull", "import"],
    "forget": ["product", "object", "source"],
    "alerts": [],
    "serve": [],
    "demo": [],
    "doctor": [],
    "upgrade": [],
}


@pytest.fixture(autouse=True)
def colour_model(monkeypatch):
    """Commands load the small encoder instead of a network's weights."""
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("index.models.choose", lambda: (ColourEncoder(), choose.Choice("colour-64", "took colour-64")))
    monkeypatch.setattr("service.cli.evaluate.load", lambda name: ColourEncoder())
    # Re-ranking needs the weights of another network; tests/index/search/test_rerank.py tests it.
    for command in ("service.cli.search", "index.jobs.evaluate"):
        monkeypatch.setattr(f"{command}.reranker_for", lambda workspace: None)


@pytest.fixture
def run(tmp_path):
    def call(*arguments):
        command = ["--workspace", str(tmp_path / "workspace"), *map(str, arguments)]
        return CliRunner().invoke(main, command, catch_exceptions=False)

    return call


@pytest.fixture
def feed(tmp_path):
    rows = [{"product_id": f"p{seed}", "title": f"Thing {seed}", "brand": "Luma"} for seed in range(6)]
    return write_feed(tmp_path / "shop", rows, list(range(6)))


@pytest.fixture
def indexed(run, feed):
    assert run("init").exit_code == 0
    assert run("add", "catalogue", feed, "--source", "shop").exit_code == 0
    assert run("reindex").exit_code == 0
    return run


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_contract_is_there_and_helps(run, verb):
    assert run(verb, "--help").exit_code == 0
    for below in VERBS[verb]:
        result = run(verb, below, "--help")
        assert result.exit_code == 0
        assert "Usage:" in result.stdout


def test_the_first_run_pins_the_model_and_says_why(run, tmp_path, feed):
    run("init")
    run("add", "catalogue", feed)
    assert "took colour-64" in run("reindex").stderr
    assert 'model = "colour-64"' in (tmp_path / "workspace" / "traceobject.toml").read_text()
    assert "took" not in run("reindex").stderr


def test_search_prints_the_answer_alone_on_stdout(indexed, tmp_path):
    picture = render_file(tmp_path / "query.png", 3)
    result = indexed("search", picture, "--json", "--limit", "2")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["verdict"] == "candidates"
    assert answer["candidates"][0]["product_id"] == "p3"
    assert len(answer["candidates"]) == 2
    assert "p3" in indexed("search", picture).stdout.splitlines()[1]


def test_boxes_filters_and_several_pictures_reach_the_search(indexed, tmp_path):
    one, two = render_file(tmp_path / "1.png", 3), render_file(tmp_path / "2.png", 3)
    result = indexed("search", one, two, "--box", "0,0,1,1", "--filter", "brand=luma", "--json")
    assert json.loads(result.stdout)["candidates"][0]["evidence"]["similarity"] == pytest.approx([1, 1], abs=0.01)
    assert json.loads(indexed("search", one, "--filter", "brand=x", "--json").stdout)["verdict"] == "no good match"


def test_a_search_without_re_ranking_never_loads_the_re_ranker(indexed, tmp_path, monkeypatch):
    monkeypatch.setattr("service.cli.search.reranker_for", lambda workspace: pytest.fail("loaded"))
    result = indexed("search", render_file(tmp_path / "query.png", 3), "--no-rerank", "--json")
    assert json.loads(result.stdout)["candidates"][0]["product_id"] == "p3"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search"], "nothing to search for"),
        (["search", "{picture}", "--box", "1,2,3"], "four numbers"),
        (["search", "{picture}", "--box", "0.9,0,0.1,1"], "X0 < X1"),
        (["search", "{picture}", "--box", "0,0,1,1", "--box", "0,0,1,1"], "2 boxes for 1 pictures"),
        (["search", "{picture}", "--filter", "colour=red"], "no filter is called"),
        (["search", "{picture}", "--limit", "0"], "limit 0"),
        (["search", "{picture}", "--no-rerank", "--evidence", "seen"], "leave --no-rerank out"),
        (["search", "{picture}", "--in", "cases"], "cases"),
        (["serve", "--port", "65536"], "0<=x<=65535"),
        (["fly"], "fly"),
        (["search", "--no-such-option"], "no-such-option"),
    ],
)
def test_wrong_use_is_status_2_and_one_clear_line(indexed, tmp_path, arguments, message):
    picture = str(render_file(tmp_path / "query.png", 3))
    result = indexed(*(argument.replace("{picture}", picture) for argument in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_job_that_failed_is_status_1(run, tmp_path, feed):
    for arguments in (["reindex"], ["search", feed], ["add", "catalogue", feed], ["generations", "list"]):
        result = run(*arguments)
        assert result.exit_code == 1
    assert "init" in run("reindex").stderr
    run("init")
    assert run("init").exit_code == 1
    missing = run("add", "catalogue", tmp_path / "missing.csv")
    assert missing.exit_code == 1
    assert "missing.csv" in missing.stderr
    assert "no generation yet" in run("search", render_file(tmp_path / "query.png", 3)).stderr


@pytest.mark.parametrize("job", [["reindex"], ["alerts"], ["generations", "list"]])
def test_a_setting_out_of_its_range_is_one_line_and_status_1(run, tmp_path, job):
    run("init")
    path = tmp_path / "workspace" / "traceobject.toml"
    path.write_text(path.read_text().replace("recall_target = 0.99", "recall_target = 7.5"))
    result = run(*job)
    assert result.exit_code == 1
    assert result.stderr == f"traceobject: {path}: recall_target must be a number above 0 and at most 1, not 7.5\n"
    assert result.stdout == ""


def test_a_source_that_could_not_be_read_is_not_kept(run, tmp_path):
    run("init")
    run("add", "catalogue", tmp_path / "missing.csv")
    assert run("reindex").exit_code == 0


def test_refused_inputs_are_listed_and_status_3(run, feed, tmp_path):
    (feed.parent / "pictures" / "2.png").write_bytes(b"")
    run("init")
    for arguments in (["add", "catalogue", feed], ["reindex"], ["reindex"]):
        result = run(*arguments)
        assert result.exit_code == 3
        assert "2.png: empty" in result.stderr
    good, bad = render_file(tmp_path / "query.png", 3), tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    mixed = run("search", good, bad, "--json")
    assert mixed.exit_code == 3
    assert json.loads(mixed.stdout)["candidates"][0]["product_id"] == "p3"
    nothing_done = run("search", bad)
    assert nothing_done.exit_code == 1
    assert "all else is done" in mixed.stderr
    assert "all else is done" not in nothing_done.stderr
    assert "none of the pictures could be read" in nothing_done.stderr


def test_evaluate_prints_its_contract(run, feed, tmp_path):
    queries = tmp_path / "queries.csv"
    pictures = [render_file(tmp_path / f"q{seed}.png", seed, size=120) for seed in range(6)]
    rows = [f"{path.name},p{seed}|other,note" for seed, path in enumerate(pictures)]
    queries.write_text("path,product_ids,note\n" + "\n".join(rows))
    arguments = ["evaluate", feed, queries, "--json", "--cache", tmp_path / "cache"]
    printed = json.loads(run(*arguments).stdout)
    figures = {"recall_at_1", "recall_at_5", "recall_at_10", "recall_at_50", "mrr", "map"}
    assert {"queries", "gallery", "ci", "seconds_per_query", "model", "rerank"} | figures <= set(printed)
    assert set(printed["ci"]) == figures
    assert (printed["queries"], printed["gallery"], printed["recall_at_1"]) == (6, 6, 1.0)
    again = json.loads(run(*arguments).stdout)
    assert again["embeddings_from_cache"] == 6
    assert {name: again[name] for name in figures} == {name: printed[name] for name in figures}


def test_evaluate_leaves_the_very_same_picture_out(run, tmp_path):
    """Two pictures of each product: each must find the other one, not itself."""
    rows = [{"product_id": f"p{seed % 3}"} for seed in range(6)]
    feed = write_feed(tmp_path / "shop", rows, [0, 1, 2, 100, 101, 102])
    printed = json.loads(run("evaluate", feed, feed, "--json", "--cache", tmp_path / "cache").stdout)
    assert printed["recall_at_1"] < 1.0
    assert printed["queries"] == 6


def test_generations_are_listed_shown_verified_and_rolled_back(indexed, feed):
    write_feed(feed.parent, [{"product_id": "only"}], [9])
    indexed("reindex")
    assert indexed("generations", "list").stdout.splitlines()[1].startswith("*    2")
    assert json.loads(indexed("generations", "show").stdout)["generation"] == 2
    assert "generation 1 is whole" in indexed("generations", "verify", "1").stdout
    assert indexed("generations", "rollback").stdout == "generation 1 is live\n"
    assert indexed("generations", "verify", "7").exit_code == 1


def test_what_is_forgotten_is_gone_at_once_and_stays_away(indexed, tmp_path):
    picture = render_file(tmp_path / "query.png", 3)
    assert (
        "p3 of shop: 1 records, 1 pictures, 1 embeddings; generations rebuilt: 1"
        in indexed("forget", "product", "p3").stdout
    )
    for _ in range(2):
        answer = json.loads(indexed("search", picture, "--json").stdout)
        assert [candidate["product_id"] for candidate in answer["candidates"]].count("p3") == 0
        assert "nothing changed" in indexed("reindex").stdout
    assert indexed("forget", "product", "p3").exit_code == 1
    assert indexed("forget", "product", "p3", "--lift").exit_code == 2
    assert indexed("forget", "product", "p3", "--lift", "--source", "shop").exit_code == 0
    assert "generation 2 published" in indexed("reindex").stdout
    assert indexed("forget", "source", "shop").exit_code == 0
    assert json.loads(indexed("search", picture, "--json").stdout)["verdict"] == "no good match"


def test_an_id_that_several_sources_have_is_wrong_use_until_one_is_named(indexed, tmp_path):
    again = write_feed(tmp_path / "again", [{"product_id": "p3"}], [40])
    indexed("add", "catalogue", again, "--source", "again")
    result = indexed("forget", "product", "p3")
    assert result.exit_code == 2
    assert "again (catalogue), shop (catalogue)" in result.stderr
    assert indexed("forget", "product", "p3", "--source", "again").exit_code == 0


def test_doctor_reports_what_is_wrong(indexed, tmp_path):
    assert indexed("doctor").exit_code == 0
    (tmp_path / "workspace" / "generations" / "1" / "records.sqlite").write_bytes(b"")
    result = indexed("doctor")
    assert result.exit_code == 1
    assert "FAIL  generation" in result.stdout


def test_the_environment_names_the_workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACEOBJECT_WORKSPACE", str(tmp_path / "named"))
    assert CliRunner().invoke(main, ["init"]).exit_code == 0
    assert (tmp_path / "named" / "traceobject.toml").exists()


def test_help_loads_neither_torch_nor_what_fetches_models():
    code = (
        "import sys; from service.cli.main import main; main(['--help'], standalone_mode=False); "
        "assert not {'torch', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
