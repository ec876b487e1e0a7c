"""The curator's desk, from the form to the public page: publish, change, approve; by page, API and client."""

import hashlib
import io
import re

import pytest
from PIL import Image
from starlette.testclient import TestClient

from index.generations.manifest import SelfTest
from index.jobs.forget import find_entry, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.sources.published import lists
from index.workspace import Workspace
from service.accounts.roles import Role
from service.app.gate import PUBLISHED_THRESHOLD, FaceGate
from service.app.limits import ServerLimits
from service.application import create_app
from service.client import Client, ServerRefused
from tests.drawn_face import draw_face
from tests.fakes import LIKELY, ColourEncoder, add_feed, render, write_feed
from tests.service.accounts_workspace import copy_with_accounts, signed_in
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check
from tests.service.problem_checks import problem_of
from tests.service.running import in_a_thread

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

TIPS = "https://example.org/tips/9"
FIELDS = {"authority": "Europol", "object_id": "E/9", "title": "Green <mug>", "kind": "mug", "tip_page": TIPS}


def picture(pixels, form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


# A picture of a product in the catalogue, and the same twice as large.
CROP, LARGER, FACE = picture(render(4)), picture(render(4).repeat(2, 0).repeat(2, 1)), picture(draw_face())


@pytest.fixture
def workspace(indexed, tmp_path):
    return copy_with_accounts(indexed, tmp_path / "workspace")


@pytest.fixture
def app(workspace):
    with TestClient(
        create_app(workspace, ColourEncoder(), limits=ServerLimits(sign_ins=1000)), base_url=HERE
    ) as client:
        yield client


@pytest.fixture
def carl(app):
    return signed_in(app, Role.CURATOR)


@pytest.fixture
def ines(app):
    return signed_in(app, Role.INVESTIGATOR)


def night(app, workspace):
    report = reindex(workspace, ColourEncoder(), Unwatched(), gate=FaceGate(PUBLISHED_THRESHOLD))
    app.app.state.services.live.refresh()
    return report


def send(client, path, crops=(), **fields):
    parts = [(name, (None, text)) for name, text in fields.items()]
    parts += [("image", ("crop.png", data)) for data in crops]
    return client.post(path, files=parts or {"nothing": (None, "")}, follow_redirects=False)


def publish(client, crops=(CROP,), path="/v1/objects", **fields):
    return send(client, path, crops, **{**FIELDS, **fields})


def change(client, object_id="E/9", **fields):
    return send(client, f"/v1/objects/{object_id}", **{"authority": "Europol", **fields})


def quarantine(workspace, folder):
    """Add a source whose only crop is quarantined; its SHA-256."""
    feed = write_feed(folder, [{"object_id": "D-1", "title": "Doll"}], [1])
    (folder / "pictures" / "1.png").write_bytes(FACE)
    add_feed(workspace, "museum", "objects", feed)
    reindex(workspace, ColourEncoder(), Unwatched(), gate=FaceGate(PUBLISHED_THRESHOLD))
    return hashlib.sha256(FACE).hexdigest()


@pytest.fixture
def calibrated(monkeypatch):
    """A calibration, which so small a catalogue lacks: a cosine of 1 is likely, one of 0.95 is not."""
    monkeypatch.setattr("index.jobs.build.self_test", lambda *_: (SelfTest(30, 1.0, 1.0, 1.0, 0.0, 1.0), LIKELY, {}))


@pytest.mark.usefixtures("calibrated")
def test_from_the_form_to_the_public_page_and_the_end_of_its_watch(app, carl, workspace, tmp_path):
    answer = publish(carl, [CROP, LARGER], path="/curator/objects")
    assert (answer.status_code, answer.headers["location"]) == (303, "/curator/objects?done=published")
    page = carl.get("/curator/objects?done=published")
    check(page)
    assert "Green &lt;mug&gt;" in page.text
    assert "2 crops" in page.text
    assert 'role="status"' in page.text
    assert app.get("/objects/E/9").status_code == 404

    report = night(app, workspace)
    assert (report.published, report.refused, report.failed) == (True, (), ())
    assert [(alert.object_id, alert.product_id) for alert in report.alerts] == [("E/9", "A/4")]
    front, shown = app.get("/"), app.get("/objects/E/9")
    assert "Green &lt;mug&gt;" in front.text
    assert f'href="{TIPS}"' in shown.text
    assert "Europol" in shown.text
    published = app.get("/v1/objects/E/9").json()
    assert (published["status"], len(published["images"])) == ("open", 2)
    for image in published["images"]:
        assert app.get(f"/pictures/{image}").status_code == 200
        assert carl.get(f"/curator/crops/{image}").headers["content-type"] == "image/jpeg"

    fields = {"authority": "Europol", "object_id": "E/9", "title": "Green mug", "status": "identified", "tip_page": ""}
    assert send(carl, "/curator/objects/change", **fields).headers["location"] == "/curator/objects?done=changed"
    publish(carl, object_id="E/10")
    add_feed(workspace, "later", "catalogue", write_feed(tmp_path / "later", [{"product_id": "again"}], [4]))
    alerts = {(alert.object_id, alert.product_id) for alert in night(app, workspace).alerts}
    assert alerts == {("E/10", "A/4"), ("E/10", "again")}
    assert "Green mug" not in app.get("/").text
    assert "Green mug" in app.get("/?status=identified").text
    changed = app.get("/v1/objects/E/9").json()
    assert (changed["title"], changed["status"], changed["tip_page"]) == ("Green mug", "identified", None)
    assert changed["images"] == published["images"]


class TestPublishing:
    def test_keeps_copies_without_metadata(self, carl, workspace):
        exif = Image.Exif()
        exif[0x010E] = "where it was taken"
        answer = publish(carl, [picture(render(4, 1400), "JPEG", exif=exif)])
        assert answer.status_code == 201
        (name,) = answer.json()["images"]
        (listed,) = lists(workspace)
        kept = (listed.folder / f"{name}.jpg").read_bytes()
        assert hashlib.sha256(kept).hexdigest() == name
        assert b"where it was taken" not in kept
        assert max(Image.open(io.BytesIO(kept)).size) == 1024

    def test_refuses_a_face_and_keeps_nothing(self, carl, workspace):
        problem = problem_of(publish(carl, [CROP, FACE]), 422, "face-seen")
        assert problem["image"] == 2
        page = publish(carl, [CROP, FACE], path="/curator/objects")
        assert page.status_code == 422
        check(page)
        assert "Picture 2 seems to show a face" in page.text
        assert 'value="Green &lt;mug&gt;"' in page.text
        assert not workspace.published.exists()
        with Catalogue.open(workspace.database_url) as catalogue:
            assert len(catalogue.sources()) == 3

    @pytest.mark.parametrize(
        ("fields", "crops", "status", "name"),
        [
            ({"object_id": ""}, [CROP], 422, "invalid-query"),
            ({"authority": " "}, [CROP], 422, "invalid-query"),
            ({"authority": "..."}, [CROP], 422, "invalid-query"),
            ({"tip_page": "javascript:alert(1)"}, [CROP], 422, "invalid-query"),
            ({"published": "31/13/2025"}, [CROP], 422, "invalid-query"),
            ({"status": "closed"}, [CROP], 422, "invalid-query"),
            ({"authority": "police", "object_id": "2024-0"}, [CROP], 422, "invalid-query"),
            ({}, [], 422, "invalid-query"),
            ({}, [b""], 422, "invalid-query"),
            ({}, [CROP] * 9, 422, "invalid-query"),
            ({}, [CROP, b"no picture"], 415, "image-refused"),
        ],
    )
    def test_refuses_what_cannot_be(self, carl, workspace, fields, crops, status, name):
        problem_of(publish(carl, crops, **fields), status, name)
        assert [record for listed in lists(workspace) for record in listed.records()] == []

    def test_refuses_what_is_there_already(self, carl):
        assert publish(carl).status_code == 201
        for fields in ({}, {"authority": "EUROPOL"}):
            problem_of(publish(carl, **fields), 422, "invalid-query")
        assert publish(carl, authority="Police", title="").status_code == 201

    def test_refuses_what_was_forgotten(self, carl, workspace):
        publish(carl)
        forget(workspace, find_entry(workspace, "objects", "E/9"))
        assert "--lift" in problem_of(publish(carl), 422, "invalid-query")["detail"]

    def test_waits_for_no_other_job(self, carl, workspace):
        with workspace.lock("reindex"):
            for answer in (publish(carl), change(carl, title="x"), send(carl, f"/v1/held/{'0' * 64}")):
                # Over PostgreSQL it also says on which machine.
                assert re.match("reindex( on .*)? is writing", problem_of(answer, 409, "workspace-busy")["detail"])
            page = publish(carl, path="/curator/objects")
            assert page.status_code == 409
            assert "Another job" in page.text
            assert str(workspace.root) not in page.text

    def test_a_face_passes_where_the_gate_is_off(self, workspace):
        settings = workspace.root / "traceobject.toml"
        settings.write_text(settings.read_text().replace('gate = "faces"', 'gate = "off"'))
        opened = Workspace.open(workspace.root)
        with TestClient(create_app(opened, ColourEncoder()), base_url=HERE) as client:
            assert publish(signed_in(client, Role.CURATOR), [FACE]).status_code == 201


class TestChanging:
    def test_changes_the_given_fields_and_leaves_the_rest(self, carl):
        published = publish(carl).json()
        assert change(carl, status="closed").json() == {**published, "status": "closed"}
        changed = change(carl, tip_page="", title="Cup").json()
        assert changed == {**published, "status": "closed", "tip_page": None, "title": "Cup"}

    @pytest.mark.parametrize(
        ("object_id", "fields", "status", "name"),
        [
            ("E/9", {}, 422, "invalid-query"),
            ("E/9", {"status": "open"}, 422, "invalid-query"),
            ("E/9", {"status": "lost"}, 422, "invalid-query"),
            ("E/9", {"tip_page": "ftp://x"}, 422, "invalid-query"),
            ("E/9", {"kind": "cup"}, 422, "invalid-query"),
            ("E/9", {"authority": ""}, 422, "invalid-query"),
            ("E/8", {"title": "x"}, 404, "not-found"),
            ("2024-0", {"authority": "police", "title": "x"}, 404, "not-found"),
        ],
    )
    def test_refuses_what_cannot_be(self, carl, object_id, fields, status, name):
        publish(carl)
        problem_of(change(carl, object_id, **fields), status, name)

    def test_takes_what_is_asked_and_when_it_was_seen(self, app, carl, workspace):
        details = {"question": "Where from?", "description": "Red.", "series": "case 12", "region": "Alps"}
        published = publish(carl, seen_from="2014", seen_until="2016-05", **details).json()
        days = {"seen_from": "2014-01-01", "seen_until": "2016-05-31"}
        assert {name: published[name] for name in (*details, *days)} == details | days
        page = carl.get("/curator/objects")
        check(page)
        assert 'name="seen_until" maxlength="40" aria-describedby="days-1" value="2016-05-31"' in page.text
        assert "Where from?</textarea>" in page.text
        changed = change(carl, seen_from="2015", question="").json()
        assert (changed["seen_from"], changed["seen_until"], changed["question"]) == ("2015-01-01", "2016-05-31", None)
        assert night(app, workspace).published
        assert app.get("/v1/objects/E/9").json() == changed
        assert ">case 12</a>" in app.get("/objects/E/9").text

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"seen_from": "2017"}, "not seen before 2017-01-01, which is later than not seen after 2016-12-31"),
            ({"seen_until": "soon"}, "seen_until 'soon' is no date; write it as 2014-12-31, 2014-12 or 2014"),
            ({"series": "x" * 600}, "series has 600 characters, 512 are allowed"),
        ],
    )
    def test_refuses_a_detail_that_a_feed_would_lose(self, carl, fields, why):
        assert publish(carl, seen_until="2016").status_code == 201
        assert problem_of(change(carl, **fields), 422, "invalid-query")["detail"] == why
        problem_of(publish(carl, object_id="E/10", **{"seen_until": "2016", **fields}), 422, "invalid-query")
        assert carl.get("/curator/objects").text.count('class="change"') == 1

    def test_the_page_shows_feed_objects_without_a_form(self, carl):
        publish(carl)
        page = carl.get("/curator/objects")
        assert page.text.count('class="change"') == 1
        for n in range(5):
            assert f"<td>2024-{n}</td>" in page.text


class TestQuarantine:
    def test_is_approved_by_a_button(self, app, carl, workspace, tmp_path):
        name = quarantine(workspace, tmp_path / "museum")
        page = carl.get("/curator/held")
        check(page)
        assert f'action="/curator/held/{name}"' in page.text
        assert "Doll" in page.text
        answer = carl.post(f"/curator/held/{name}", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/curator/held?done=let_in")
        assert '<form method="post" action="/curator/held' not in carl.get("/curator/held").text
        assert night(app, workspace).refused == ()
        assert app.get("/v1/objects/D-1").json()["images"] == [name]
        assert "No crop is held" in carl.get("/curator/held").text

    def test_by_the_interface(self, carl, workspace, tmp_path):
        name = quarantine(workspace, tmp_path / "museum")
        (crop,) = carl.get("/v1/held").json()["held"]
        assert (crop["sha256"], crop["source"], crop["object_id"], crop["let_in"]) == (name, "museum", "D-1", False)
        assert carl.post(f"/v1/held/{name}").json() == {"sha256": name, "let_in": True}
        assert carl.get("/v1/held").json()["held"][0]["let_in"] is True
        for other in ("0" * 64, "x", "%25"):
            problem_of(carl.post(f"/v1/held/{other}"), 404, "not-found")

    def test_a_script_never_becomes_a_link(self, carl, workspace, tmp_path):
        quarantine(workspace, tmp_path / "museum")
        assert "<a " not in carl.get("/curator/held").text.split('<ul class="leads">')[1].split("</ul>")[0]


def test_the_sources_list_their_entries_and_refusals(carl, workspace, tmp_path):
    quarantine(workspace, tmp_path / "museum")
    page = carl.get("/curator/sources")
    check(page)
    sources = {source["name"]: source for source in carl.get("/v1/sources").json()["sources"]}
    assert set(sources) == {"luma", "nova", "police", "museum"}
    assert [sources["police"][name] for name in ("entries", "pictures", "refused")] == [5, 5, 0]
    museum = sources["museum"]
    assert (museum["entries"], museum["pictures"], museum["reasons"]) == (1, 0, [{"reason": "face", "count": 1}])
    assert museum["refusals"][0]["where"].endswith("1.png")
    assert "museum" in page.text
    assert "face 1" in page.text


def test_what_a_curator_does_is_recorded(app, carl, workspace, tmp_path):
    audit = app.app.state.services.audit
    start = audit.verify()[0]
    held = quarantine(workspace, tmp_path / "museum")
    crops = publish(carl).json()["images"]
    change(carl, status="identified", title="Secret title")
    carl.post(f"/v1/held/{held}")
    publish(carl)
    published, changed, let_in = audit.records(start)
    assert [record["who"] for record in (published, changed, let_in)] == ["carl"] * 3
    assert (published["kind"], published["object"]) == ("publish", ["published/europol", "E/9"])
    assert (published["crops"], published["tip_page"], published["status"]) == (crops, TIPS, "open")
    assert (changed["kind"], changed["changed"], changed["status"]) == ("change", ["title", "status"], "identified")
    assert (let_in["kind"], let_in["image"]) == ("let-in", held)
    assert "title" not in published
    assert "Secret title" not in str(changed)
    assert audit.verify()[0] == start + 3


def test_what_cannot_be_recorded_is_not_done(app, carl, workspace, tmp_path, monkeypatch):
    held = quarantine(workspace, tmp_path / "museum")
    publish(carl)

    def broken(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(type(app.app.state.services.audit), "append", broken)
    answers = publish(carl, object_id="E/10"), change(carl, title="x"), carl.post(f"/v1/held/{held}")
    assert [answer.status_code for answer in answers] == [500] * 3
    (record,) = lists(workspace)[0].records()
    assert record.title == "Green <mug>"
    assert carl.get("/v1/held").json()["held"][0]["let_in"] is False


def test_another_site_can_change_nothing(carl, workspace):
    publish(carl)
    paths = ("/v1/objects", "/v1/objects/E/9", "/curator/objects", "/curator/objects/change",
             f"/v1/held/{'0' * 64}", f"/curator/held/{'0' * 64}")  # fmt: skip
    for path in paths:
        answer = carl.post(path, files={"title": (None, "x")}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert lists(workspace)[0].records()[0].title == "Green <mug>"


def test_only_curators_are_shown_the_way(carl, ines):
    assert 'href="/curator/objects"' in carl.get("/workbench").text
    assert "/curator" not in ines.get("/workbench").text
    assert ines.get("/curator/objects", follow_redirects=False).status_code == 403


def test_a_workspace_without_anything_takes_its_first_object(tmp_path):
    workspace = Workspace.create(tmp_path / "new", "colour-64")
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
        for path in ("objects", "held", "sources"):
            check(client.get(f"/curator/{path}"))
        assert publish(client).status_code == 201
        night(client, workspace)
        assert "Green &lt;mug&gt;" in client.get("/").text


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("address", ["objects", "objects?start=1&done=changed", "held?done=let_in", "sources"])
def test_pages_are_sound(client, address, language):
    answer = client.get(f"/curator/{address}", headers={"Accept-Language": language})
    assert answer.status_code == 200
    check(answer)


def test_the_client_curates(workspace, tmp_path):
    name = quarantine(workspace, tmp_path / "museum")
    app = create_app(workspace, ColourEncoder())
    with in_a_thread(app) as port:
        _, secret = app.state.accounts.issue("carl", ("read", "write"), 1)
        _, reader = app.state.accounts.issue("carl", ("read",), 1)
        with Client(f"http://127.0.0.1:{port}", secret) as client:
            published = client.publish("Europol", "E/9", [CROP], title="Mug", tip_page=TIPS)
            assert (published.status, published.tip_page) == ("open", TIPS)
            changed = client.change_object("Europol", "E/9", status="identified", tip_page="")
            assert (changed.status, changed.tip_page, changed.title) == ("identified", None, "Mug")
            assert [source.name for source in client.sources()][-1] == "published/europol"
            client.let_in(name)
            assert [(crop.sha256, crop.let_in) for crop in client.held()] == [(name, True)]
        with Client(f"http://127.0.0.1:{port}", reader) as client, pytest.raises(ServerRefused, match="scope write"):
            client.let_in(name)
