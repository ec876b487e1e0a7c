"""A graph of CASE/UCO nodes as JSON-LD: who refers to what, each node once.

CASE (https://caseontology.org) is the ontology in which tools of digital investigations exchange what they found; it
extends UCO (https://unifiedcyberontology.org). Nodes are written for version 1.5 of both.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

Node = dict[str, Any]

# Terms of ours, for what UCO has no words for; an IRI that nobody has to register (RFC 4151).
OWN = "tag:traceobject,2026:ontology/"
_CASE, _UCO = "https://ontology.caseontology.org/case/", "https://ontology.unifiedcyberontology.org/uco/"
_VOCABULARIES = ("action", "analysis", "configuration", "core", "identity", "observable", "tool", "types")
CONTEXT: Mapping[str, str] = {
    "kb": "tag:traceobject,2026:kb/",
    "traceobject": OWN,
    "investigation": f"{_CASE}investigation/",
    **{name: f"{_UCO}{name}/" for name in _VOCABULARIES},
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, OWN)


class CaseGraph:
    """Nodes by their identifier. What is equal gets the same identifier in every file, so that files can be merged."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def add(self, kind: str, key: tuple[str, ...], *types: str, **properties: Any) -> Node:
        """Add a node, unless the same is there; a reference to it.

        Args:
            kind, key: identify it: "product" and its source and id, say.
            properties: by prefix and name with two underscores between, `core__name`; those that are None, "" or an
                empty list are left out.
        """
        identity = f"kb:{kind}-{uuid.uuid5(_IDS, chr(0).join((kind, *key)))}"
        given = {name.replace("__", ":", 1): value for name, value in properties.items() if value not in (None, "", [])}
        self._nodes.setdefault(identity, {"@id": identity, "@type": list(types), **given})
        return {"@id": identity}

    def hashed(self, sha256: str, name: str) -> Node:
        """A block of data that is known by its SHA-256, such as a picture or a model's weights."""
        found = self.add(
            "hash", (sha256,), "types:Hash", types__hashMethod="SHA256", types__hashValue=hexadecimal(sha256)
        )
        facet = self.add("content", (sha256,), "observable:ContentDataFacet", observable__hash=found)
        return self.add("data", (sha256,), "observable:ObservableObject", core__name=name, core__hasFacet=[facet])

    def related(self, source: Node, kind: str, target: Node) -> Node:
        """A relationship that points from one node to another."""
        return self.add(
            "relationship",
            (source["@id"], kind, target["@id"]),
            "core:Relationship",
            core__source=source,
            core__target=target,
            core__kindOfRelationship=kind,
            core__isDirectional=True,
        )

    def as_json_ld(self, name: str, made: str, identity: tuple[str, ...]) -> Node:
        """The whole as one JSON-LD document: a bundle that holds every node that may stand alone."""
        inherent = ("Facet", "Hash", "types:", "ExternalReference", "ConfigurationEntry", "ArtifactClassification")
        contained = [
            {"@id": identity}
            for identity, node in self._nodes.items()
            if not any(part in kind for kind in node["@type"] for part in inherent)
        ]
        self.add(
            "bundle",
            identity,
            "core:Bundle",
            core__name=name,
            core__objectCreatedTime=moment(made),
            core__object=contained,
        )
        return {"@context": dict(CONTEXT), "@graph": list(self._nodes.values())}


def moment(text: str) -> Node | None:
    """A time, ISO 8601, as a typed literal; None for an empty text."""
    return {"@type": "xsd:dateTime", "@value": text} if text else None


def hexadecimal(sha256: str) -> Node:
    return {"@type": "xsd:hexBinary", "@value": sha256}


def decimal(number: float) -> Node:
    return {"@type": "xsd:decimal", "@value": f"{number:.6f}"}


def count(number: int) -> Node:
    return {"@type": "xsd:nonNegativeInteger", "@value": str(number)}


def address(url: str) -> Node | None:
    """A URL as a typed literal; None for an empty text."""
    return {"@type": "xsd:anyURI", "@value": url} if url else None
