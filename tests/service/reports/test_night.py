"""The nightly run from the command line: its record, messages and exit status, and what `forget` removes from them."""

import json
from email.message import EmailMessage

import numpy as np
import pytest
from click.testing import CliRunner

from embedding.errors import ModelUnavailable
from embedding.image.regions import WHOLE
from index.errors import WorkspaceError
from index.generations.generations import open_live
from index.generations.manifest import SelfTest
from index.jobs.build import Built
from index.records.catalogue import Catalogue
from index.stores.vectors import VectorStore
from index.workspace import SETTINGS, Workspace
from service.cli.main import main
from service.reports import night as module
from service.reports.run_history import RunHistory
from tests.fakes import LIKELY, ColourEncoder, add_feed, render_file, write_feed
from tests.service.receivers import hook, post_office, status

SECRET = "forget-me-4711"


@pytest.fixture(autouse=True)
def small_models(monkeypatch):
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("service.cli.reindex.reranker_for", lambda workspace: None)
    monkeypatch.setattr("index.jobs.build.self_test", lambda *_: (SelfTest(30, 1.0, 1.0, 1.0, 0.0, 1.0), LIKELY, {}))
    monkeypatch.setattr("service.reports.webhook.PAUSES", (0.0, 0.0))


@pytest.fixture
def workspace(tmp_path):
    """A shop of three products, and an object whose crop shows the third."""
    card = ColourEncoder().card
    made = Workspace.create(tmp_path / "workspace").pin_model(card.name, card.sha256 or "", "the tests have no other")
    configure(made, gate="off")
    shop(made, tmp_path, {"a": 1, "b": 2, "c": 3})
    objects = write_feed(tmp_path / "list", [{"object_id": "E-1", "title": "a cup", "status": "open"}], [50])
    # Another picture than the product's, so that forgetting the product cannot remove the object's.
    render_file(tmp_path / "list" / "pictures" / "50.png", 50, size=192)
    add_feed(made, "Europol", "objects", objects)
    return made


def shop(workspace, folder, products):
    rows = [{"product_id": product, "title": f"title of {product}"} for product in products]
    feed = write_feed(folder / "shop", rows, list(products.values()))
    add_feed(workspace, "shop", "catalogue", feed)
    return feed


def configure(workspace, **settings):
    path = workspace.root / SETTINGS
    lines = [line for line in path.read_text().splitlines() if line.split(" ")[0] not in settings]
    path.write_text("\n".join([*lines, *(f"{name} = {json.dumps(value)}" for name, value in settings.items())]))


@pytest.fixture
def run(workspace):
    def call(*arguments):
        command = ["--workspace", str(workspace.root), *map(str, arguments)]
        return CliRunner().invoke(main, command, catch_exceptions=False)

    return call


@pytest.fixture
def records(workspace):
    return lambda: RunHistory.of(workspace).records()


def fail(*_, **__):
    raise WorkspaceError("the disk is full")


class TestEveryRun:
    def test_leaves_a_record_a_report_and_metrics(self, run, workspace, records, tmp_path):
        configure(workspace, metrics_file=str(tmp_path / "night.prom"))
        assert run("reindex").exit_code == 0
        assert run("reindex").exit_code == 0
        first, second = records()
        assert (first.outcome, first.generation, first.embedded) == ("published", 1, 4)
        assert (second.outcome, second.generation, second.embedded) == ("unchanged", 1, 0)
        assert "nothing changed; generation 1" in RunHistory.of(workspace).report.read_text()[:2000].lower()
        assert 'traceobject_reindex_outcome{outcome="unchanged"} 1.0' in (tmp_path / "night.prom").read_text()

    def test_reports_an_alert_once(self, run, workspace, records, tmp_path):
        shop(workspace, tmp_path, {"a": 1, "wanted": 50})
        result = run("reindex")
        assert "new alerts: 1" in result.stderr
        assert "wanted" in RunHistory.of(workspace).report.read_text()
        assert "wanted" in run("alerts").stdout
        run("reindex")
        assert [len(record.alerts) for record in records()] == [1, 0]

    def test_reports_the_alerts_of_a_run_that_was_interrupted(self, run, workspace, records, tmp_path, monkeypatch):
        shop(workspace, tmp_path, {"a": 1, "wanted": 50})

        def interrupted(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(module, "report_run", interrupted)
            run("reindex")
        assert records() == []
        assert not json.loads(run("reindex", "--json").stdout)["alerts"]
        (only,) = records()
        assert [alert.product_id for alert in only.alerts] == ["wanted"]


class TestAFailedRun:
    def test_leaves_a_record_and_sends_it_to_every_receiver(self, run, workspace, records, tmp_path, monkeypatch):
        run("reindex")
        shop(workspace, tmp_path, {"a": 1, "d": 4})
        monkeypatch.setattr("index.jobs.reindex.build", fail)
        with hook(status(200)) as receiver, post_office() as office:
            mail = f"smtp://127.0.0.1:{office.port}"
            configure(
                workspace, webhook=receiver.url, smtp=mail, mail_to=["it@example.org"], metrics_file=f"{tmp_path}/m"
            )
            result = run("reindex")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.splitlines()[-1] == "traceobject: the disk is full"
        last = records()[-1]
        assert (last.outcome, last.error, last.generation) == ("failed", "the disk is full", 1)
        assert json.loads(receiver.posted[0].body)["summary"] == "failed: the disk is full"
        assert office.mails[0][1]["Subject"] == "traceobject: failed: the disk is full"
        assert 'outcome="failed"} 1.0' in (tmp_path / "m").read_text()
        assert '<p class="bad">the disk is full</p>' in RunHistory.of(workspace).report.read_text()
        assert open_live(workspace).number == 1

    def test_is_one_whose_model_cannot_be_had(self, run, records, monkeypatch):
        def missing(name):
            raise ModelUnavailable("its weights are not here")

        monkeypatch.setattr("index.models.load", missing)
        assert run("reindex").exit_code == 1
        assert [(record.outcome, record.error) for record in records()] == [("failed", "its weights are not here")]

    def test_records_an_unexpected_error(self, run, records, monkeypatch):
        def broken(*_, **__):
            raise ZeroDivisionError("division by zero")

        monkeypatch.setattr("index.jobs.reindex.build", broken)
        with pytest.raises(ZeroDivisionError):
            run("reindex")
        assert records()[0].error == "ZeroDivisionError: division by zero"

    def test_is_not_one_that_came_while_another_ran(self, run, workspace, records):
        with workspace.lock("reindex"):
            result = run("reindex")
        assert result.exit_code == 1
        assert "is being written by reindex" in result.stderr
        assert records() == []


class TestExitStatus:
    def test_wrong_use_is_2_and_no_night(self, run, records):
        assert run("reindex", "--fool").exit_code == 2
        assert records() == []

    def test_a_model_that_nobody_knows_is_1_and_no_night(self, run, records):
        result = run("reindex", "--model", "nonsense")
        assert (result.exit_code, records()) == (1, [])
        assert "nonsense" in result.stderr

    def test_a_refused_input_is_3_every_night(self, run, tmp_path, records):
        (tmp_path / "shop" / "pictures" / "2.png").write_bytes(b"no picture")
        for _ in range(2):
            result = run("reindex")
            assert result.exit_code == 3
            assert "2.png" in result.stderr
        assert [record.refused_inputs() for record in records()] == [1, 1]

    def test_a_source_that_cannot_be_read_is_3(self, run, tmp_path, records):
        run("reindex")
        (tmp_path / "shop" / "feed.csv").unlink()
        assert run("reindex").exit_code == 3
        assert "shop" in records()[-1].failed[0]

    def test_a_generation_that_is_not_good_enough_is_3(self, run, workspace, records, tmp_path, monkeypatch):
        run("reindex")
        shop(workspace, tmp_path, {"a": 1, "d": 4})
        monkeypatch.setattr("index.jobs.reindex.build", lambda *_, **__: Built(None, None, "its recall fell to 0.1"))
        result = run("reindex")
        assert result.exit_code == 3
        assert "not published: its recall fell to 0.1" in result.stderr
        assert records()[-1].outcome == "withheld"


class TestMessages:
    def test_a_webhook_that_was_down_gets_every_night_later_in_order(self, run, workspace, records, monkeypatch):
        with hook(status(503)) as receiver:
            configure(workspace, webhook=receiver.url)
            monkeypatch.setattr("index.jobs.reindex.build", fail)
            for night in (1, 2):
                said = run("reindex").stderr
                assert f"did not take {night} accounts" in said
                assert "it answered 503" in said
            receiver.answers[:] = [status(200)]
            receiver.posted.clear()
            monkeypatch.undo()
            monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
            monkeypatch.setattr("service.cli.reindex.reranker_for", lambda workspace: None)
            assert run("reindex").exit_code == 0
            assert run("reindex").exit_code == 0
        # A run without news is not sent; those that were not accepted are sent once.
        failed = [record.started for record in records() if record.outcome == "failed"]
        assert [json.loads(posted.body)["started"] for posted in receiver.posted] == failed
        assert not [path for path in RunHistory.of(workspace).root.iterdir() if path.suffix == ".webhook"]

    def test_the_secret_of_the_environment_signs(self, run, workspace, monkeypatch):
        monkeypatch.setenv(module.WEBHOOK_SECRET, "s3cret")
        monkeypatch.setattr("index.jobs.reindex.build", fail)
        with hook(status(200)) as receiver:
            configure(workspace, webhook=receiver.url)
            run("reindex")
        assert "x-traceobject-signature" in receiver.posted[0].headers

    def test_a_mail_that_was_not_taken_is_sent_by_the_next_night(self, run, workspace, monkeypatch):
        monkeypatch.setattr("index.jobs.reindex.build", fail)
        with post_office(refuse=["it@example.org"]) as shut:
            configure(workspace, smtp=f"smtp://127.0.0.1:{shut.port}", mail_to=["it@example.org"])
            assert "the mail did not take 1 accounts" in run("reindex").stderr
        with post_office() as office:
            configure(workspace, smtp=f"smtp://127.0.0.1:{office.port}")
            run("reindex")
        assert len(office.mails) == 2
        assert all(isinstance(mail, EmailMessage) for _, mail in office.mails)

    def test_a_receiver_that_hangs_does_not_keep_the_night_from_ending(self, run, workspace, records, monkeypatch):
        """Records that are not sent within the time limit are left for a later run."""
        monkeypatch.setattr("index.jobs.reindex.build", fail)
        with hook(status(503)) as receiver:
            configure(workspace, webhook=receiver.url)
            run("reindex")
            run("reindex")
            receiver.posted.clear()
            monkeypatch.setattr(module, "RESEND_SECONDS", -1.0)
            assert "did not take 3 accounts" in run("reindex").stderr
        assert receiver.posted == []

    def test_settings_that_cannot_work_are_warnings_and_fail_nothing(self, run, workspace, tmp_path):
        shop(workspace, tmp_path, {"a": 1, "wanted": 50})
        configure(
            workspace, webhook="nonsense", smtp="nonsense", mail_to=["it\n@x"], metrics_file=str(tmp_path / "no" / "m")
        )
        result = run("reindex")
        assert result.exit_code == 0
        for warning in ("the webhook did not take", "mail_to or mail_from is no address", "metrics were not written"):
            assert warning in result.stderr

    def test_a_record_that_cannot_be_kept_is_sent_all_the_same(self, run, workspace, tmp_path):
        shop(workspace, tmp_path, {"a": 1, "wanted": 50})
        RunHistory.of(workspace).root.write_text("in the way")
        with hook(status(200)) as receiver:
            configure(workspace, webhook=receiver.url)
            result = run("reindex")
        assert result.exit_code == 0
        assert "could not be kept whole" in result.stderr
        assert len(json.loads(receiver.posted[0].body)["alerts"]) == 1


def traces(workspace, collection, entry_id):
    """Byte strings that must be gone afterwards: the id, and each image's hash and vector as stored and as indexed."""
    needles = {f"id {entry_id}": entry_id.encode()}
    (store,) = VectorStore.all(workspace.objects)
    for image in open_live(workspace).records.find(collection, entry_id)[0].images:
        vector = store.get(store.rows_of([image], WHOLE))[0]
        needles |= {"hash": image.encode(), "raw hash": bytes.fromhex(image)}
        needles |= {"float16": vector.astype(np.float16).tobytes(), "float32": vector.astype(np.float32).tobytes()}
    return needles


def found(workspace, needles):
    """Which needle lies in which file of the workspace, or in its name."""
    hits = set()
    for path in workspace.root.rglob("*"):
        held = path.read_bytes() if path.is_file() else b""
        name = str(path.relative_to(workspace.root))
        hits |= {(what, name) for what, needle in needles.items() if needle in held or needle in name.encode()}
    return hits


@pytest.fixture
def mentioned(run, workspace, tmp_path):
    """Runs that name a product everywhere: in an alert, a refusal, a report, an unsent mail and webhook."""
    feed = shop(workspace, tmp_path, {"a": 1, SECRET: 50, "b": 2})
    configure(workspace, webhook="nonsense", smtp="nonsense", mail_to=["it@example.org"])
    assert run("reindex").exit_code == 0
    render_file(feed.parent / "pictures" / "60.png", 60)
    picture = feed.parent / "pictures" / "50.png"
    picture.rename(picture.with_name(f"{SECRET}.png"))
    feed.write_text(
        feed.read_text().replace("50.png", f"{SECRET}.png") + f"pictures/60.png,{SECRET},again\n,x,{SECRET}\n"
    )
    (picture.with_name(f"{SECRET}.png")).write_bytes(b"broken")
    assert run("reindex").exit_code == 3
    return workspace


class TestForget:
    def test_a_product_leaves_no_trace_in_any_file(self, run, mentioned):
        needles = traces(mentioned, "catalogue", SECRET)
        before = found(mentioned, needles)
        assert {what for what, _ in before} == set(needles)
        assert any(name.startswith("nights/") and name.endswith(".json") for _, name in before)
        assert ("hash", "nights/report.html") not in before
        assert (f"id {SECRET}", "nights/report.html") in before
        assert run("forget", "product", SECRET).exit_code == 0
        assert found(mentioned, needles) == set()
        assert found(mentioned, {"another": b"E-1"})

    def test_an_object_leaves_no_trace_in_any_file(self, run, mentioned):
        needles = traces(mentioned, "objects", "E-1")
        assert {what for what, name in found(mentioned, needles) if name.startswith("nights/")} == {
            "hash",
            "id E-1",
        }
        assert run("forget", "object", "E-1").exit_code == 0
        assert found(mentioned, needles) == set()

    def test_a_source_leaves_no_trace_in_any_file(self, run, mentioned, tmp_path):
        needles = traces(mentioned, "catalogue", SECRET) | {
            "where": str(tmp_path / "shop").encode(),
            "its name": b"shop",
        }
        assert {what for what, name in found(mentioned, needles) if name.startswith("nights/")} >= {"its name"}
        assert run("forget", "source", "shop").exit_code == 0
        assert found(mentioned, needles) == set()
        with Catalogue.open(mentioned.database_url) as catalogue:
            assert [source.name for source in catalogue.sources()] == ["Europol"]

    def test_the_next_night_reports_again_without_it(self, run, mentioned):
        run("forget", "product", SECRET)
        assert not RunHistory.of(mentioned).report.exists()
        run("reindex")
        assert RunHistory.of(mentioned).report.exists()
        assert run("alerts").stdout == ""
