"""Dossiers as CASE/UCO: objects, crops and their hashes, products, searches, decisions, and what answered them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from index.records.entries import EntryFields, split_values
from index.search.answer import Answer, Candidate
from service.app.case_graph import CaseGraph, Node, address, count, decimal, moment
from service.app.dossier import Dossier, SearchStamp
from service.app.elimination import sale_evidence
from service.app.leads import LeadChange, LeadRecord
from service.app.replay_differences import program_version
from service.rendering.environment import web_link

_PRODUCT_FACTS = ("brand", "retailer", "country", "made_in", "gtin", "category", "price", "first_seen", "last_seen")


def as_case(dossiers: Sequence[Dossier]) -> bytes:
    """The dossiers of at least one object as one JSON-LD document in UTF-8.

    Objects that state a series are of one investigation, by its name.
    """
    graph = CaseGraph()
    series: dict[tuple[str, str], list[Node]] = {}
    for dossier in dossiers:
        item, fields = _add(graph, dossier), dossier.entry.fields
        if fields.series:
            series.setdefault((fields.authority, fields.series), []).append(item)
    for (authority, name), items in series.items():
        of_series = (authority, name, *(item["@id"] for item in items))
        graph.add("series", of_series, "investigation:Investigation", core__name=name, core__object=items)
    keys = tuple(part for one in dossiers for part in (one.entry.source, one.entry.fields.entry_id))
    names = ", ".join(one.entry.fields.title or one.entry.fields.entry_id for one in dossiers)
    document = graph.as_json_ld(names, dossiers[-1].made, (*keys, dossiers[-1].made))
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _add(graph: CaseGraph, dossier: Dossier) -> Node:
    """Add an object and all that is known of it; the object."""
    item = _object(graph, dossier)
    crops = [graph.hashed(sha256, "published crop") for sha256, _ in dossier.crops]
    for crop in crops:
        graph.related(crop, "Depicts", item)
    searches: dict[str, Node] = {}
    if dossier.answer is not None and dossier.stamp is not None:
        searches[dossier.answer.query_id] = _search(graph, dossier.answer, dossier.stamp, crops)
    for lead in dossier.leads:
        _decisions(graph, lead, item, searches)
    return item


def _object(graph: CaseGraph, dossier: Dossier) -> Node:
    entry, fields = dossier.entry, dossier.entry.fields
    authority = graph.add("organisation", (fields.authority,), "identity:Organization", core__name=fields.authority)
    facet = graph.add(
        "object-facts",
        (entry.source, fields.entry_id),
        "core:Facet",
        "traceobject:PublishedObjectFacet",
        **_own(fields, ("category", "country", "region", "series", "seen_from", "seen_until", "published", "status")),
    )
    return graph.add(
        "object",
        (entry.source, fields.entry_id),
        "core:Item",
        core__name=fields.title or fields.entry_id,
        core__description=[text for text in (fields.question, fields.description) if text],
        core__createdBy=authority,
        core__externalReference=_reference(graph, fields.authority or entry.source, fields.entry_id, fields.link),
        core__hasFacet=[facet],
    )


def _search(graph: CaseGraph, answer: Answer, stamp: SearchStamp, crops: Sequence[Node]) -> Node:
    results = [_result(graph, answer, candidate) for candidate in answer.candidates]
    return graph.add(
        "search",
        (answer.query_id,),
        "investigation:InvestigativeAction",
        "analysis:Analysis",
        core__name="search",
        core__description=answer.verdict,
        core__externalReference=_reference(graph, "traceobject query", answer.query_id),
        action__performer=_person(graph, stamp.who),
        action__instrument=_tool(graph, answer, stamp),
        action__object=list(crops),
        action__result=results,
        action__endTime=moment(stamp.at),
    )


def _tool(graph: CaseGraph, answer: Answer, stamp: SearchStamp) -> Node:
    """The program in its version, configured with the model and the generation that answered."""
    version = program_version()
    tool = graph.add("tool", (version,), "tool:AnalyticTool", core__name="traceobject", tool__version=version)
    model = (
        graph.hashed(stamp.model_sha256, answer.model)
        if stamp.model_sha256
        else graph.add("model", (answer.model,), "observable:ObservableObject", core__name=answer.model)
    )
    key = (version, answer.model, stamp.model_sha256, str(answer.generation), stamp.content)
    entries = [
        graph.add(
            "setting",
            (*key, name),
            "configuration:ConfigurationEntry",
            configuration__itemName=name,
            **{f"configuration__{'itemObject' if isinstance(value, dict) else 'itemValue'}": value},
        )
        for name, value in (
            ("model", model),
            ("generation", str(answer.generation)),
            ("generation content (SHA-256)", stamp.content),
        )
    ]
    configuration = graph.add(
        "configuration", key, "configuration:Configuration", configuration__configurationEntry=entries
    )
    return graph.add(
        "configured-tool",
        key,
        "tool:ConfiguredTool",
        core__name=f"traceobject {version}",
        tool__version=version,
        configuration__isConfigurationOf=tool,
        configuration__usesConfiguration=configuration,
    )


def _result(graph: CaseGraph, answer: Answer, candidate: Candidate) -> Node:
    """A candidate: the product, the picture that was found, and how sure the match is, in whole per cent."""
    entry = candidate.entry
    product = _product(graph, entry.source, entry.fields.entry_id, vars(entry.fields))
    graph.related(graph.hashed(candidate.image, "product picture"), "Depicts", product)
    key = (answer.query_id, str(candidate.rank))
    inliers = max((matched.inliers for matched in candidate.evidence.matched), default=0)
    facets = [
        graph.add(
            "candidate-facts",
            key,
            "core:Facet",
            "traceobject:CandidateFacet",
            traceobject__rank=candidate.rank,
            traceobject__score=decimal(candidate.score),
            traceobject__likelihood=None if candidate.likelihood is None else decimal(candidate.likelihood),
            traceobject__matchedPoints=inliers,
        )
    ]
    if candidate.likelihood is not None:
        sure = count(round(100 * candidate.likelihood))
        facets.append(graph.add("confidence", key, "core:ConfidenceFacet", core__confidence=sure))
    if family := candidate.availability:
        facets.append(_family(graph, key, sale_evidence(family)))
    return graph.add(
        "result",
        key,
        "analysis:AnalyticResult",
        core__name=f"candidate {candidate.rank}",
        core__hasFacet=facets,
        analysis__resultContent=product,
    )


def _decisions(graph: CaseGraph, lead: LeadRecord, item: Node, searches: Mapping[str, Node]) -> None:
    """Each change of a lead is an action whose result is what was decided of the object, and of the product."""
    about = [item]
    if not lead.finding:
        about.append(_product(graph, lead.source, lead.product_id, lead.product_fields))
        if lead.image:
            graph.related(graph.hashed(lead.image, "product picture"), "Depicts", about[1])
    for number, change in enumerate(lead.changes):
        key = (*_lead_key(lead), str(number), change.at)
        graph.add(
            "decision",
            key,
            "investigation:InvestigativeAction",
            core__name="decision",
            core__description=change.note,
            core__externalReference=_reference(graph, "traceobject query", change.query_id),
            action__performer=_person(graph, change.who),
            action__object=about,
            action__result=[_statement(graph, key, change, about)],
            action__endTime=moment(change.at),
            investigation__wasInformedBy=searches.get(change.query_id),
        )


def _statement(graph: CaseGraph, key: tuple[str, ...], change: LeadChange, about: Sequence[Node]) -> Node:
    return graph.add(
        "statement",
        key,
        "core:Annotation",
        core__statement=change.state,
        core__object=list(about),
        core__hasFacet=[_family(graph, key, change.evidence)] if change.evidence else [],
    )


def _family(graph: CaseGraph, key: tuple[str, ...], evidence: Mapping[str, Any]) -> Node:
    """Where and when a product's family was sold."""
    return graph.add(
        "availability",
        key,
        "core:Facet",
        "traceobject:AvailabilityFacet",
        **{f"traceobject__{name}": value for name, value in evidence.items()},
    )


def _product(graph: CaseGraph, source: str, product_id: str, fields: Mapping[str, str]) -> Node:
    facts = {f"traceobject__{name}": list(split_values(fields[name])) for name in _PRODUCT_FACTS if fields.get(name)}
    facet = graph.add("product-facts", (source, product_id), "core:Facet", "traceobject:ProductFacet", **facts)
    return graph.add(
        "product",
        (source, product_id),
        "core:Item",
        core__name=fields.get("title") or product_id,
        core__externalReference=_reference(graph, source, product_id, fields.get("link", "")),
        core__hasFacet=[facet],
    )


def _person(graph: CaseGraph, name: str) -> Node | None:
    return graph.add("person", (name,), "identity:Person", core__name=name) if name else None


def _reference(graph: CaseGraph, context: str, identifier: str, url: str = "") -> Node | None:
    if not identifier:
        return None
    return graph.add(
        "reference",
        (context, identifier, url),
        "core:ExternalReference",
        core__definingContext=context,
        core__externalIdentifier=identifier,
        core__referenceURL=address(web_link(url)),
    )


def _own(fields: EntryFields, names: Sequence[str]) -> dict[str, str]:
    return {f"traceobject__{name}": getattr(fields, name) for name in names}


def _lead_key(lead: LeadRecord) -> tuple[str, ...]:
    return lead.object_source, lead.object_id, lead.source, lead.product_id
