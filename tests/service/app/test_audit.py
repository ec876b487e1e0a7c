"""The audit: what is recorded, that tampering is detected, and that a search can be replayed."""

from __future__ import annotations

import hashlib
from contextlib import closing

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import UnknownEntry
from index.records.database import Database
from index.search import orientation
from index.search.rerank import reranker_for
from service.accounts.roles import Role
from service.app.audit import GENESIS_HASH, Audit, AuditBroken, chain_hash
from service.cli import audit as audit_command
from service.cli.main import main
from service.tables import HISTORY, service_database_url
from tests.fakes import ColourEncoder
from tests.service.accounts.test_accounts import post
from tests.service.accounts_workspace import FROM_OWN_PAGE, PASSWORD, signed_in

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)


@pytest.fixture
def chain(database_url):
    """An audit of five records, and the URL of its database."""
    with closing(Database.open(database_url, HISTORY)) as database:
        audit = Audit(database)
        for number in range(5):
            audit.append("test", "ines", value=number, text="häßlich \x00 ' \"")
        yield audit, database_url


def rows(url, statement, **values):
    """The rows that a statement gives, run by somebody else than the audit."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement), values)
        found = result.all() if result.returns_rows else []
    engine.dispose()
    return found


tamper = rows


class TestChain:
    def test_of_nothing_is_whole(self, database_url):
        with closing(Database.open(database_url, HISTORY)) as database:
            assert Audit(database).verify() == (0, GENESIS_HASH)

    def test_that_nobody_touched_is_whole(self, chain):
        count, head = chain[0].verify()
        assert count == 5
        assert len(head) == 64
        assert [record["value"] for record in chain[0].records()] == [0, 1, 2, 3, 4]
        assert [record["number"] for record in chain[0].records(after=2, limit=2)] == [3, 4]

    # PostgreSQL refuses bytes that are not UTF-8.
    @pytest.mark.databases("sqlite")
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_reports_any_byte_that_was_changed(self, chain, data):
        audit, url = chain
        number = data.draw(st.integers(1, 5))
        [(record,)] = rows(url, "SELECT CAST(record AS BLOB) FROM audit WHERE number = :number", number=number)
        place = data.draw(st.integers(0, len(record) - 1))
        other = data.draw(st.integers(0, 255).filter(lambda byte: byte != record[place]))
        changed = record[:place] + bytes([other]) + record[place + 1 :]
        tamper(url, "UPDATE audit SET record = CAST(:to AS TEXT) WHERE number = :number", to=changed, number=number)
        with pytest.raises(AuditBroken, match=r"record \d"):
            audit.verify()
        tamper(url, "UPDATE audit SET record = CAST(:to AS TEXT) WHERE number = :number", to=record, number=number)
        assert audit.verify()[0] == 5

    @pytest.mark.parametrize(
        ("statement", "message"),
        [
            ("DELETE FROM audit WHERE number = 3", "record 3 is missing"),
            ("DELETE FROM audit WHERE number = 1", "record 1 is missing"),
            ("DELETE FROM audit WHERE number = 5", "ends at record 4"),
            ("DELETE FROM audit", "ends at record 0"),
            ("DELETE FROM audit_head", "head tells of 0"),
            ("UPDATE audit_head SET number = 4", "head tells of 4"),
            ("UPDATE audit SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x') WHERE number = 2", "record 2 was"),
            ("UPDATE audit SET number = 7 WHERE number = 5", "record 5 is missing"),
            ("INSERT INTO audit VALUES (6, '{}', 'x')", "record 6 was changed"),
        ],
    )
    def test_reports_records_that_were_removed_or_added(self, chain, statement, message):
        audit, url = chain
        tamper(url, statement)
        with pytest.raises(AuditBroken, match=message):
            audit.verify()

    def test_hashes_each_record_with_the_one_before(self, chain):
        """As documented: SHA-256 over the previous record's SHA-256 and this record's own text."""
        _, url = chain
        former = GENESIS_HASH
        for record, sha256 in rows(url, "SELECT record, sha256 FROM audit ORDER BY number"):
            assert sha256 == hashlib.sha256(f"{former}{record}".encode()).hexdigest()
            former = sha256

    def test_reports_a_record_that_was_changed_and_hashed_anew(self, chain):
        """Whoever changes one record and its hash has to forge every record after it."""
        audit, url = chain
        [(former,)] = rows(url, "SELECT sha256 FROM audit WHERE number = 1")
        [(record,)] = rows(url, "SELECT record FROM audit WHERE number = 2")
        forged = record.replace("ines", "inez")
        assert forged != record
        statement = "UPDATE audit SET record = :record, sha256 = :sha256 WHERE number = 2"
        tamper(url, statement, record=forged, sha256=chain_hash(former, forged))
        with pytest.raises(AuditBroken, match="record 3 was changed"):
            audit.verify()

    def test_goes_with_the_change_that_it_records(self, chain):
        audit, _ = chain

        def change_that_fails():
            with audit._database.begin() as connection:
                audit.append("test", "ines", within=connection)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            change_that_fails()
        assert audit.verify()[0] == 5


@pytest.fixture(scope="module")
def ines(app_client):
    return signed_in(app_client, Role.INVESTIGATOR)


@pytest.fixture
def new(app_client):
    """The records that were written since the test began."""
    audit = app_client.app.state.services.audit
    before = audit.verify()[0]
    return lambda: list(audit.records(before))


def who_and_kind(record):
    return {name: record[name] for name in ("who", "kind")}


class TestSearches:
    def test_of_an_investigator_are_recorded(self, ines, new, png):
        fields = {"box": "0.1,0.1,0.95,0.9", "filter": "brand=Nova", "limit": "3"}
        answer = ines.post("/v1/search", files={"image": ("x.png", png)}, data=fields).json()
        [record] = new()
        assert who_and_kind(record) == {"who": "ines", "kind": "search"}
        assert record["query_id"] == answer["query_id"]
        assert record["pictures"] == [
            {"sha256": hashlib.sha256(png).hexdigest(), "from": "sent", "box": [0.1, 0.1, 0.95, 0.9]}
        ]
        assert (record["filters"], record["limit"], record["collection"]) == ([["brand", "Nova"]], 3, "catalogue")
        assert (record["generation"], record["model"], record["text"]) == (1, "colour-64", "")
        assert [[source, name] for source, name, *_ in record["ranked"]] == [
            [one["source"], one["product_id"]] for one in answer["candidates"]
        ]
        assert len(record["ranked"]) == 3
        assert all(isinstance(score, float) for _, _, score, _ in record["ranked"])
        assert set(record["digests"]) == {"model", "search_parameters", "generation"}
        assert all(len(bytes.fromhex(digest)) == 32 for digest in record["digests"].values())

    def test_of_the_workbench_are_recorded_with_their_object(self, ines, new, png):
        crop = ines.get("/v1/objects/2024-0").json()["images"][0]
        ines.get("/workbench/search", params={"crop": crop, "object": "2024-0", "source": "police"})
        ines.post("/workbench/search", files={"image": ("x.png", png)})
        ines.post("/workbench/batch", files={"image": ("x.png", png)})
        by_crop, by_form, of_batch = new()
        assert by_crop["object"] == ["police", "2024-0"]
        assert by_crop["pictures"][0]["from"] == "index"
        assert by_crop["pictures"][0]["sha256"] == crop
        assert by_form["object"] is None
        assert [who_and_kind(record)["kind"] for record in (by_crop, by_form, of_batch)] == ["search"] * 3

    def test_of_volunteers_are_not(self, app_client, new, png):
        files = {"image": ("x.png", png)}
        assert app_client.post("/recognise", files=files, headers=FROM_OWN_PAGE).status_code == 200
        assert app_client.post("/v1/search", files=files, data={"collection": "objects"}).status_code == 200
        assert new() == []

    def test_that_cannot_be_recorded_are_not_answered(self, ines, png, app_client, monkeypatch):
        def broken(*_, **__):
            raise OSError("disk full")

        monkeypatch.setattr(Audit, "append", broken)
        assert ines.post("/v1/search", files={"image": ("x.png", png)}).status_code == 500


class TestOtherRecords:
    def test_are_written_for_dossiers(self, ines, new):
        ines.get("/workbench/objects/2024-0?source=police")
        ines.get("/workbench/dossier.html?object=2024-0")
        ines.get("/v1/dossier", params={"object_id": "2024-0"})
        recorded = [(one["kind"], one.get("form"), one["object"]) for one in new()]
        mine = ["police", "2024-0"]
        assert recorded == [
            ("dossier", "page", mine), ("search", None, mine), ("dossier", "html", mine), ("search", None, mine),
            ("dossier", "pdf", mine),
        ]  # fmt: skip

    def test_are_written_for_sign_in_and_out_but_never_hold_a_mistyped_password(self, app_client, new):
        post(app_client, "/sign-in", {"name": "ines", "password": PASSWORD})
        post(app_client, "/sign-out")
        post(app_client, "/sign-in", {"name": "ines", "password": "my secret"})
        post(app_client, "/sign-in", {"name": "my secret", "password": PASSWORD})
        records = new()
        assert [(one["kind"], one["who"]) for one in records] == [
            ("sign-in", "ines"), ("sign-out", "ines"), ("sign-in refused", "ines"), ("sign-in refused", "unknown"),
        ]  # fmt: skip
        assert "secret" not in str(records)
        assert PASSWORD not in str(records)

    def test_are_for_administrators(self, app_client, ines, new, png):
        ines.post("/v1/search", files={"image": ("x.png", png)})
        [record] = new()
        ada = signed_in(app_client, Role.ADMINISTRATOR)
        page = ada.get("/v1/audit", params={"after": record["number"] - 1, "limit": 1}).json()
        assert page == {"records": [record], "next": record["number"]}
        assert ada.get("/v1/audit", params={"after": record["number"]}).json() == {"records": [], "next": None}
        assert ines.get("/v1/audit").status_code == 403


def run(workspace, *words):
    return CliRunner().invoke(main, ["--workspace", str(workspace.root), *words])


@pytest.fixture
def colours(monkeypatch):
    monkeypatch.setattr(audit_command, "workspace_encoder", lambda workspace, say: (workspace, ColourEncoder()))
    monkeypatch.setattr(audit_command, "reranker_for", lambda workspace: None)


@pytest.mark.usefixtures("colours")
class TestReplay:
    def test_gives_the_same_ranking(self, with_accounts, ines, new, png, tmp_path):
        crop = ines.get("/v1/objects/2024-1").json()["images"][0]
        fields = {"crop": crop, "box": ["0:0.123456789,0,1,1", "1:0,0,0.5,0.5"], "brand": "Luma"}
        ines.post("/workbench/search", files={"image": ("x.png", png)}, data=fields)
        [record] = new()
        (tmp_path / "sent.png").write_bytes(png)
        for name in (str(record["number"]), record["query_id"]):
            result = run(with_accounts, "audit", "replay", name, "--image", str(tmp_path / "sent.png"))
            assert result.exit_code == 0, result.output
            assert f"the same ranking of {len(record['ranked'])} candidates (generation 1, colour-64)" in result.output

    def test_asks_for_a_picture_that_was_sent(self, with_accounts, ines, new, png):
        ines.post("/v1/search", files={"image": ("x.png", png)})
        [record] = new()
        result = run(with_accounts, "audit", "replay", record["query_id"])
        assert result.exit_code == 1
        assert hashlib.sha256(png).hexdigest() in result.output

    def test_re_ranks_only_what_the_search_re_ranked(self, with_accounts, ines, new, png, tmp_path, monkeypatch):
        ines.post("/v1/search", files={"image": ("x.png", png)}, data={"rerank": "false"})
        [record] = new()
        assert record["parameters"]["closer_look"] == []
        monkeypatch.setattr(audit_command, "reranker_for", reranker_for)
        (tmp_path / "sent.png").write_bytes(png)
        result = run(with_accounts, "audit", "replay", record["query_id"], "--image", str(tmp_path / "sent.png"))
        assert result.exit_code == 0, result.output

    def test_reports_another_ranking(self, with_accounts, app_client, ines, new, png, tmp_path):
        ines.post("/v1/search", files={"image": ("x.png", png)})
        [record] = new()
        del record["number"], record["at"]
        record["query_id"] = "swapped"
        record["ranked"][:2] = record["ranked"][1::-1]
        app_client.app.state.services.audit.append(record.pop("kind"), record.pop("who"), **record)
        (tmp_path / "sent.png").write_bytes(png)
        result = run(with_accounts, "audit", "replay", "swapped", "--image", str(tmp_path / "sent.png"))
        assert result.exit_code == 1
        assert result.output.count("<- differs") == 2

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"generation": 99}, "generation 99 is no longer kept"),
            ({"content": "0" * 64}, "was rebuilt"),
            ({"parameters": {"closer_look": [40, 100]}}, "it was re-ranked, for which libraries are missing here"),
            ({"model": "colour-65"}, "the model is another: colour-65 (weights"),
        ],
    )
    def test_says_why_it_is_impossible(self, with_accounts, app_client, ines, new, change, why):
        crop = ines.get("/v1/objects/2024-1").json()["images"][0]
        ines.get("/workbench/search", params={"crop": crop})
        [record] = new()
        record.update(change, query_id=f"changed {why}")
        del record["number"], record["at"]
        app_client.app.state.services.audit.append(record.pop("kind"), record.pop("who"), **record)
        result = run(with_accounts, "audit", "replay", f"changed {why}")
        assert result.exit_code == 1
        assert "cannot be replayed exactly, because " in result.output
        assert why in result.output

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"search_parameters": "0" * 64}, "the search parameters differ (digest 000000000000 then, "),
            ({"model": "0" * 64}, "the model colour-64 is described otherwise (digest 000000000000 then, "),
            ({"generation": "0" * 64}, "generation 1 has other files (digest 000000000000 then, "),
            ({"version": "0.0.1"}, "the program is another version: 0.0.1 answered then, "),
        ],
    )
    def test_names_what_differs_and_compares_all_the_same(self, with_accounts, app_client, ines, new, change, why):
        crop = ines.get("/v1/objects/2024-1").json()["images"][0]
        ines.get("/workbench/search", params={"crop": crop})
        [record] = new()
        of = "parameters" if "version" in change else "digests"
        record.update({"query_id": f"differs {why}", of: record[of] | change})
        del record["number"], record["at"]
        app_client.app.state.services.audit.append(record.pop("kind"), record.pop("who"), **record)
        replayed = run(with_accounts, "audit", "replay", f"differs {why}")
        assert replayed.exit_code == 0, replayed.output
        first, second = replayed.output.splitlines()
        assert first.startswith(f"cannot be replayed exactly, because {why}")
        assert first.count(";") == 0, "nothing else differs"
        assert second.startswith("the same ranking of ")

    def test_notices_a_search_parameter_that_was_changed_since(self, with_accounts, ines, new, monkeypatch):
        crop = ines.get("/v1/objects/2024-1").json()["images"][0]
        ines.get("/workbench/search", params={"crop": crop})
        [record] = new()
        assert "cannot" not in run(with_accounts, "audit", "replay", record["query_id"]).output
        monkeypatch.setattr(orientation, "MIN_SCORE_GAIN", 0.5)
        replayed = run(with_accounts, "audit", "replay", record["query_id"])
        assert "cannot be replayed exactly, because the search parameters differ" in replayed.output

    def test_names_all_that_differs(self, with_accounts, app_client, ines, new):
        crop = ines.get("/v1/objects/2024-1").json()["images"][0]
        ines.get("/workbench/search", params={"crop": crop})
        [record] = new()
        record.update(query_id="all of it", model="colour-65", parameters={"closer_look": [], "version": "0.0.1"})
        record["digests"]["search_parameters"] = "0" * 64
        del record["number"], record["at"]
        app_client.app.state.services.audit.append(record.pop("kind"), record.pop("who"), **record)
        replayed = run(with_accounts, "audit", "replay", "all of it")
        assert replayed.exit_code == 1
        for why in ("the model is another", "the search parameters differ", "the program is another version"):
            assert why in replayed.output

    def test_of_a_record_of_an_earlier_version_says_that_it_has_no_digest(self, with_accounts, app_client, ines, new):
        crop = ines.get("/v1/objects/2024-1").json()["images"][0]
        ines.get("/workbench/search", params={"crop": crop})
        [record] = new()
        record["query_id"] = "of long ago"
        del record["number"], record["at"], record["digests"]
        audit = app_client.app.state.services.audit
        audit.append(record.pop("kind"), record.pop("who"), **record)
        replayed = run(with_accounts, "audit", "replay", "of long ago")
        assert replayed.exit_code == 0, replayed.output
        assert "carries no digest of what decided its ranking" in replayed.output
        assert "cannot be replayed exactly" not in replayed.output
        assert "the same ranking of " in replayed.output
        assert audit.verify()[0] > 0

    def test_of_a_search_that_never_was(self, with_accounts, app_client):
        result = run(with_accounts, "audit", "replay", "nothing")
        assert result.exit_code == 1
        assert "no search 'nothing'" in result.output
        with pytest.raises(UnknownEntry):
            app_client.app.state.services.audit.search("0")


class TestCommands:
    def test_list_what_was_done(self, with_accounts, ines, new, png):
        ines.post("/v1/search", files={"image": ("x.png", png)})
        [record] = new()
        after = str(record["number"] - 1)
        result = run(with_accounts, "audit", "list", "--after", after)
        assert result.output.split()[:1] == [str(record["number"])]
        assert record["query_id"] in result.output
        assert run(with_accounts, "audit", "list", "--after", after, "--who", "ada").output == ""
        assert run(with_accounts, "audit", "list", "--after", after, "--kind", "lead").output == ""
        assert png.hex() not in run(with_accounts, "audit", "list", "--json").output

    def test_verify_finds_a_changed_byte(self, with_accounts, ines, new, png):
        ines.post("/v1/search", files={"image": ("x.png", png)})
        [record] = new()
        whole = run(with_accounts, "audit", "verify")
        assert whole.exit_code == 0
        assert f"{record['number']} records, none changed" in whole.output
        url, number = service_database_url(with_accounts), record["number"]
        tamper(url, "UPDATE audit SET record = replace(record, 'ines', 'inez') WHERE number = :number", number=number)
        broken = run(with_accounts, "audit", "verify")
        assert broken.exit_code == 1
        assert f"record {number} was changed" in broken.output
        tamper(url, "UPDATE audit SET record = replace(record, 'inez', 'ines') WHERE number = :number", number=number)
        assert run(with_accounts, "audit", "verify").exit_code == 0
