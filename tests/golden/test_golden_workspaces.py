"""Workspaces of every format that there ever was: upgraded, opened, searched, re-indexed, forgotten, rolled back."""

import csv
import json
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from embedding.image.decode import decode
from index.errors import SchemaOutdated
from index.generations import generations
from index.generations.generations import Generation, open_live
from index.generations.manifest import Manifest
from index.jobs.alerts import list_alerts
from index.jobs.reindex import REFITTED, reindex
from index.models import workspace_encoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.filters import Filter
from index.records.migrations.history import CATALOGUE
from index.records.upgrade import needs_upgrade
from index.search.answer import Query, QueryImage
from index.search.ranking_digest import search_parameters_digest
from index.search.rerank import reranker_for
from index.search.search import search
from index.sources.gate import quarantined
from index.stores.features import record
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from service.accounts.accounts import Accounts
from service.app.audit import Audit
from service.app.gate import PUBLISHED_THRESHOLD, gate_of
from service.app.leads import Leads
from service.app.recorded_search import replay, sha256_of
from service.app.upgrade import require_upgraded
from service.cli.main import main
from service.reports.run_history import RunHistory
from service.serve import serve
from service.tables import HISTORY as SERVICE
from service.tables import open_service_database, service_database_url, sessions
from tests.golden.make_workspace import make
from tests.golden.unpacked import ARCHIVES, Golden, unpack

NOW = "made by the code as it is"
LATER = date(2026, 1, 8)


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param(path, id=path.name.split(".")[0]) for path in ARCHIVES),
        pytest.param(NOW, id="now", marks=pytest.mark.slow),
    ],
)
def kept(request, tmp_path_factory):
    """A golden workspace as it was committed. Only copies of it are touched."""
    folder = tmp_path_factory.mktemp("golden") / "kept"
    if request.param != NOW:
        return unpack(request.param, folder)
    folder.mkdir()
    make(folder)
    return Golden(folder, json.loads((folder / "expected.json").read_bytes()))


@pytest.fixture(scope="module")
def encoder(kept):
    return workspace_encoder(kept.workspace, lambda _: None)[1]


@pytest.fixture(scope="module")
def upgraded(kept, tmp_path_factory):
    """The same after the first command that writes. Only copies of it are touched."""
    golden = kept.copy(tmp_path_factory.mktemp("upgraded") / "golden")
    assert run(golden, "upgrade").exit_code == 0
    # Local features are made once for all tests that ask for them; an archive has none of today's.
    images = {row.image for row in open_live(golden.workspace).records.all_views("catalogue")}
    features = reranker_for(golden.workspace).features
    features.append({image: record(features.images, image) for image in images})
    return golden


@pytest.fixture
def golden(upgraded, tmp_path):
    return upgraded.copy(tmp_path / "golden")


def run(golden, *words):
    return CliRunner().invoke(main, ["--workspace", str(golden.root / "workspace"), *words], catch_exceptions=False)


def found(golden, generation, encoder):
    """What is found for the picture of the recorded searches, as (source, id), best first."""
    answer = search(Query((QueryImage(decode(golden.sent)),)), generation, encoder)
    return [(one.entry.source, one.entry.fields.entry_id) for one in answer.candidates]


def night(golden, encoder, **options):
    workspace = golden.workspace
    return reindex(
        workspace, encoder, Unwatched(), today=LATER, gate=gate_of(workspace, PUBLISHED_THRESHOLD), **options
    )


def outdated(golden):
    """Whether the catalogue's and the service's tables are older than the code; a format may have changed one alone."""
    workspace = golden.workspace
    return (needs_upgrade(workspace.database_url, CATALOGUE), needs_upgrade(service_database_url(workspace), SERVICE))


def skip_unless_outdated(golden):
    try:
        require_upgraded(golden.workspace)
    except SchemaOutdated:
        return
    pytest.skip("this one is of the format that the code writes")


def test_there_are_golden_workspaces_and_they_are_small():
    assert ARCHIVES
    assert all(path.stat().st_size < 1_000_000 for path in ARCHIVES)


def test_before_the_upgrade_who_only_reads_says_what_to_run(kept, tmp_path):
    golden = kept.copy(tmp_path / "golden")
    skip_unless_outdated(golden)
    catalogue, service = outdated(golden)
    for words in (*([["alerts"]] if catalogue else ()), *([["audit", "verify"], ["users", "list"]] if service else ())):
        result = run(golden, *words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "older version of traceobject: run `traceobject upgrade`" in result.stderr
    with pytest.raises(SchemaOutdated, match="run `traceobject upgrade`"):
        serve(golden.workspace, port=0)
    records = next(line for line in run(golden, "doctor").stdout.splitlines() if "records" in line)
    assert records.startswith("FAIL")
    assert "traceobject upgrade" in records
    # A search asks a generation, and no database.
    assert run(golden, "search", str(golden.root / "sent.jpg"), "--no-rerank").exit_code == 0


@pytest.mark.parametrize(
    "words", [["upgrade"], ["users", "disable", "ines"], ["forget", "object", "E-2"]], ids=lambda words: words[0]
)
def test_a_command_that_writes_upgrades_and_says_so_in_one_line(kept, tmp_path, words):
    golden = kept.copy(tmp_path / "golden")
    skip_unless_outdated(golden)
    before = outdated(golden)
    result = run(golden, *words)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("upgraded for this version")]
    assert len(lines) == 1
    assert ("catalogue from revision" in lines[0], "service from revision" in lines[0]) == before
    require_upgraded(golden.workspace)
    kept_copies = [path.name for path in (golden.root / "workspace" / "backups").iterdir()]
    # What is forgotten must not stay behind in a copy.
    assert bool(kept_copies) == (words[0] != "forget")
    assert all(name in lines[0] for name in kept_copies)
    assert run(golden, "upgrade").output == "nothing to upgrade: the records are of this version\n"


def test_everything_is_still_there(golden):
    expected = golden.expected
    with Catalogue.open(golden.workspace.database_url) as catalogue:
        assert catalogue.counts() == expected["counts"]
        alerts = list_alerts(catalogue.database)
        assert [[alert.object_id, alert.product_id] for alert in alerts] == expected["alerts"]
        assert sorted(item.reason for item in catalogue.refusals()) == [reason for reason, _ in expected["refused"]]
        assert [(crop.sha256, crop.let_in) for crop in quarantined(catalogue)] == [
            (name, False) for name in expected["quarantined"]
        ]
        gone = [e for e in catalogue.entries("catalogue") if [e.source, e.fields.entry_id] == expected["gone"]]
        assert [entry.fields.status for entry in gone] == ["discontinued"]
    with closing(open_service_database(golden.workspace)) as database:
        # Before anybody signs in, which deletes sessions that have expired since the workspace was made.
        with database.connect() as connection:
            kept_sessions = set(connection.execute(sa.select(sessions.c.secret_sha256)).scalars())
        assert sha256_of(expected["session"].encode()) in kept_sessions
        accounts = Accounts(database)
        assert accounts.sign_in(expected["user"], expected["password"])
        assert [token.id for token in accounts.tokens()] == [expected["token_id"]]
        leads = {str(lead.id): [lead.state, len(lead.changes)] for lead in Leads(database, Audit(database)).all()}
        assert leads == expected["leads"]
    assert len(RunHistory.of(golden.workspace).records()) == expected["nights"]
    assert generations.numbers(golden.workspace) == expected["generations"]
    assert generations.live_number(golden.workspace) == expected["live"]


def test_it_is_searched_in_every_generation(golden, encoder):
    for number in golden.expected["generations"]:
        with closing(Generation(golden.workspace.generations / str(number))) as generation:
            assert found(golden, generation, encoder)[0] == tuple(golden.expected["wanted"])


def test_the_audit_is_whole_and_can_be_written_on(golden):
    with closing(open_service_database(golden.workspace)) as database:
        audit = Audit(database)
        assert list(audit.verify()) == golden.expected["audit"]
        audit.append("test", "somebody")
        assert audit.verify()[0] == golden.expected["audit"][0] + 1


def test_every_recorded_search_finds_the_same_and_says_what_has_changed(golden, encoder):
    """The weights of the score change with the program; the entries that are found, and which comes first, stay."""
    workspace, given = golden.workspace, {sha256_of(golden.sent): golden.sent}
    with closing(open_service_database(workspace)) as database:
        records = [Audit(database).search(str(number)) for number in golden.expected["searches"]]
    assert {picture["from"] for record in records for picture in record["pictures"]} == {"sent", "index"}
    for searched in records:
        again = replay(searched, workspace, encoder, reranker_for(workspace), given)
        recorded, replayed = ([entry[:2] for entry in ranking] for ranking in (again.recorded, again.replayed))
        assert (recorded[0], sorted(recorded)) == (replayed[0], sorted(replayed))
        changed = [difference for difference in again.differences if "search parameters" in difference.what]
        assert again.is_same or changed or not again.has_digests, (again.recorded, again.replayed)


def test_the_first_night_fits_likelihoods_another_changes_nothing_and_a_third_publishes(golden, encoder, monkeypatch):
    monkeypatch.setattr("index.jobs.self_test.MIN_PRODUCTS", 1000)
    with closing(open_live(golden.workspace)) as live:
        is_fitted = live.manifest.search_parameters == search_parameters_digest()
    # Likelihoods of an older version were fitted to other scores.
    report = night(golden, encoder)
    assert (report.published, report.embedded, report.notes) == (not is_fitted, 0, () if is_fitted else (REFITTED,))
    report = night(golden, encoder)
    assert (report.published, report.embedded, report.failed, report.warnings) == (False, 0, (), ())
    assert sorted(item.reason for item in report.refused) == [reason for reason, _ in golden.expected["refused"]]
    feed = golden.root / "feeds" / "shop.csv"
    feed.write_text("".join(line for line in feed.read_text().splitlines(keepends=True) if "S-10" not in line))
    report = night(golden, encoder, full=True)
    assert (report.published, report.embedded, report.changes["shop"].gone) == (True, 0, 1)
    with closing(open_live(golden.workspace)) as live:
        assert found(golden, live, encoder)[0] == tuple(golden.expected["wanted"])
        assert live.records.find("catalogue", golden.expected["forgotten"][1]) == []
        shown = live.records.images()
    assert golden.expected["approved"] in shown
    assert not shown & set(golden.expected["quarantined"])
    with Catalogue.open(golden.workspace.database_url) as catalogue:
        assert [crop.sha256 for crop in quarantined(catalogue)] == golden.expected["quarantined"]


def test_fields_that_a_feed_gains_are_taken_without_embedding_anything(golden, encoder, monkeypatch):
    monkeypatch.setattr("index.jobs.self_test.MIN_PRODUCTS", 1000)
    feed = golden.root / "feeds" / "shop.csv"
    with feed.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    more = {"brand": "Luma | Nova", "country": "NL, BE", "made_in": "PT", "gtin": "4006381333931", "item_group_id": "G"}
    with feed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], *(more.keys() - rows[0].keys())])
        writer.writeheader()
        writer.writerows({**row, **more} for row in rows)
    report = night(golden, encoder)
    changes = report.changes["shop"]
    assert (report.published, report.embedded, report.failed, changes.unchanged) == (True, 0, (), 0)
    assert changes.changed > 10
    with closing(open_live(golden.workspace)) as live:
        filters = [Filter.parse(text) for text in ("brand=nova", "country=BE", "made_in=PT", "gtin=04006381333931")]
        assert len(live.records.allowed("catalogue", filters)) >= changes.changed - 1
    for full in (False, True):
        report = night(golden, encoder, full=full)
        assert (report.published, report.embedded, report.changes["shop"].changed) == (full, 0, 0)


def test_what_is_forgotten_leaves_every_generation(golden, encoder):
    source, entry_id = golden.expected["wanted"]
    workspace = golden.workspace
    with closing(open_live(workspace)) as live:
        [entry] = live.records.find("catalogue", entry_id)
    needles = [entry.images[0].encode(), bytes.fromhex(entry.images[0]), entry.fields.link.encode()]
    assert all(any(needle in data for data in files(workspace)) for needle in needles)
    result = run(golden, "forget", "product", entry_id)
    assert result.exit_code == 0, result.output
    assert f"generations rebuilt: {', '.join(map(str, golden.expected['generations']))}" in result.output
    # Of leads and searches the audit keeps the ids, and nothing else.
    assert not any(needle in data for data in files(workspace) for needle in needles[1:])
    for number in golden.expected["generations"]:
        with closing(Generation(workspace.generations / str(number))) as generation:
            assert (source, entry_id) not in found(golden, generation, encoder)
    with Catalogue.open(workspace.database_url) as catalogue:
        assert [alert.product_id for alert in list_alerts(catalogue.database)] == ["S-09"]


def files(workspace) -> list[bytes]:
    return [path.read_bytes() for path in workspace.root.rglob("*") if path.is_file()]


def test_it_is_rolled_back(golden, encoder):
    for number in reversed(golden.expected["generations"][:-1]):
        assert run(golden, "generations", "rollback").stdout == f"generation {number} is live\n"
        with closing(open_live(golden.workspace)) as live:
            assert live.number == number
            assert found(golden, live, encoder)[0] == tuple(golden.expected["wanted"])


def test_it_is_backed_up_and_restored(golden, tmp_path):
    assert run(golden, "backup", str(tmp_path / "backup")).exit_code == 0
    restored = CliRunner().invoke(main, ["--workspace", str(tmp_path / "backup"), "alerts", "--json"])
    assert len(json.loads(restored.stdout)) == len(golden.expected["alerts"])
    manifest = Manifest.read(Path(tmp_path / "backup" / "generations" / str(golden.expected["live"])))
    manifest.verify(tmp_path / "backup" / "generations" / str(golden.expected["live"]))
    for image in open_live(golden.workspace).records.images():
        assert ImageStore(FolderObjects(tmp_path / "backup")).read(image)
