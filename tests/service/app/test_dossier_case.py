"""A dossier as CASE/UCO: valid by case-utils, and complete: objects, hashes, products, actions, tool, model."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from service.accounts.roles import Role
from service.app.replay_differences import program_version
from tests.service.accounts_workspace import signed_in
from tests.service.app.test_leads import send

VERSION = "case-1.5.0"


@pytest.fixture(scope="module")
def ines(app_client):
    """An investigator who has decided on two products and found that another object has none."""
    person = signed_in(app_client, Role.INVESTIGATOR)
    crop = person.get("/v1/objects/2024-0").json()["images"][0]
    person.get("/workbench/search", params={"crop": crop, "object": "2024-0", "source": "police"})
    first = send(
        person, "/v1/leads", object_id="2024-0", product_id="A/3", note="Same seam <&> ✓", query_id="q-1"
    ).json()
    send(person, f"/v1/leads/{first['id']}", state="sold_too_widely")
    send(person, "/v1/leads", object_id="2024-0", product_id="A/4", state="ruled_out")
    send(person, "/v1/leads", object_id="2024-0", note="None of the later ones.")
    return person


@pytest.fixture(scope="module")
def dossier(ines):
    answer = ines.get("/v1/dossier", params={"object_id": "2024-0", "form": "jsonld"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/ld+json"
    assert answer.headers["content-disposition"] == 'attachment; filename="traceobject-2024-0.jsonld"'
    return answer.content


@pytest.fixture(scope="module")
def graph(dossier):
    return json.loads(dossier)["@graph"]


def validate(path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from case_utils.case_validate import main; main()",
        "--built-version",
        VERSION,
        str(path),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def of(graph, kind):
    return [node for node in graph if kind in node["@type"]]


def by_id(graph, reference):
    return next(node for node in graph if node["@id"] == reference["@id"])


@pytest.mark.slow
def test_case_validate_finds_no_violation(dossier, tmp_path):
    (tmp_path / "dossier.jsonld").write_bytes(dossier)
    done = validate(tmp_path / "dossier.jsonld")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Conforms: True" in done.stdout


@pytest.mark.slow
def test_case_validate_would_find_one(dossier, tmp_path):
    broken = json.loads(dossier)
    for node in of(broken["@graph"], "types:Hash"):
        del node["types:hashValue"]
    (tmp_path / "broken.jsonld").write_text(json.dumps(broken))
    done = validate(tmp_path / "broken.jsonld")
    assert done.returncode != 0
    assert "hashValue" in done.stdout


def test_holds_object_crops_and_products(graph, ines):
    items = of(graph, "core:Item")
    assert [item["core:name"] for item in items if "kb:object-" in item["@id"]] == ["Object 0"]
    references = {node["core:externalIdentifier"] for node in of(graph, "core:ExternalReference")}
    assert {"2024-0", "A/3", "A/4", "q-1"} <= references
    hashes = {node["types:hashValue"]["@value"] for node in of(graph, "types:Hash")}
    assert ines.get("/v1/objects/2024-0").json()["images"][0] in hashes
    assert ines.get("/v1/products/A/3").json()["images"][0] in hashes


def test_holds_the_search_and_what_answered_it(graph, app_client):
    [search] = of(graph, "analysis:Analysis")
    assert by_id(graph, search["action:performer"])["core:name"] == "ines"
    results = [by_id(graph, one) for one in search["action:result"]]
    assert len(results) == 12
    first = [by_id(graph, facet) for facet in results[0]["core:hasFacet"]]
    assert next(facet for facet in first if "traceobject:CandidateFacet" in facet["@type"])["traceobject:rank"] == 1
    tool = by_id(graph, search["action:instrument"])
    assert tool["tool:version"] == program_version()
    settings = [
        by_id(graph, one)
        for one in by_id(graph, tool["configuration:usesConfiguration"])["configuration:configurationEntry"]
    ]
    values = {one["configuration:itemName"]: one for one in settings}
    with app_client.app.state.services.live.lease() as generation:
        manifest = generation.manifest
    assert values["generation"]["configuration:itemValue"] == str(manifest.generation)
    assert values["generation content (SHA-256)"]["configuration:itemValue"] == manifest.content
    model = by_id(graph, values["model"]["configuration:itemObject"])
    assert model["core:name"] == manifest.model


def test_confidence_is_the_likelihood_in_per_cent(graph):
    facts = {node["@id"].partition("-")[0]: node for node in graph}
    confident = of(graph, "core:ConfidenceFacet")
    likely = [
        node["traceobject:likelihood"]["@value"]
        for node in of(graph, "traceobject:CandidateFacet")
        if "traceobject:likelihood" in node
    ]
    assert sorted(round(100 * float(one)) for one in likely) == sorted(
        int(one["core:confidence"]["@value"]) for one in confident
    )
    assert "kb:bundle" in facts


def test_holds_each_decision_with_its_evidence(graph):
    decisions = [node for node in of(graph, "investigation:InvestigativeAction") if node["core:name"] == "decision"]
    stated = [by_id(graph, one["action:result"][0])["core:statement"] for one in decisions]
    assert sorted(stated) == ["not_in_catalogue", "open", "open", "ruled_out", "sold_too_widely"]
    [evidence] = [
        by_id(graph, node["core:hasFacet"][0]) for node in of(graph, "core:Annotation") if "core:hasFacet" in node
    ]
    assert evidence["traceobject:retailers"] == ["luma"]
    assert any(node.get("core:description") == "Same seam <&> ✓" for node in decisions)


def test_what_is_equal_has_one_identifier_in_every_file(ines, graph):
    again = json.loads(ines.get("/v1/dossier", params={"object_id": "2024-0", "form": "jsonld"}).content)["@graph"]
    for kind in ("core:Item", "types:Hash", "core:Annotation"):
        assert {node["@id"] for node in of(graph, kind)} == {node["@id"] for node in of(again, kind)}
    assert {node["@id"] for node in of(graph, "analysis:Analysis")} != {
        node["@id"] for node in of(again, "analysis:Analysis")
    }


def test_no_node_refers_to_one_that_is_not_there(graph):
    there = {node["@id"] for node in graph}
    assert len(there) == len(graph)

    def references(value):
        if isinstance(value, list):
            for one in value:
                yield from references(one)
        elif isinstance(value, dict) and set(value) == {"@id"}:
            yield value["@id"]

    assert {name for node in graph for value in node.values() for name in references(value)} <= there
