"""Series: the objects of one case, what each of them and all together say of where and when things were sold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from embedding.text.gs1 import registered_with
from embedding.text.reading import Reading
from index.errors import UnknownEntry
from index.generations.families import Availability
from index.generations.generations import Generation
from index.records.countries import countries_of_language, country_code
from index.records.entries import Entry, EntryFields
from index.records.names import name_key
from index.search.answer import MAX_IMAGES, Answer, Candidate
from index.search.provenance import Clue, ObjectClues, Provenance, exclusive, provenance
from service.accounts.roles import Visitor
from service.app.elimination import EarlierDecision
from service.app.leads import LeadRecord
from service.app.listing import ObjectFilter
from service.app.search_form import SearchForm, SearchResult, run_search
from service.app.services import Services

# How many objects of one series are searched for at a time.
MAX_OBJECTS = 24
CANDIDATES = 24
# The weight of a candidate that an investigator confirmed: people err, too.
CONFIRMED = 0.95
# From this likelihood on a candidate waits for a decision.
UNDECIDED = 0.1
# A prefix tells where a company registered, a language where a label can be read: both seldom decide where it was sold.
BARCODE_WEIGHT = 0.2
LANGUAGE_WEIGHT = 0.3
_IDENTIFIED = ("confirmed", "sold_too_widely")


@dataclass(frozen=True)
class SeriesObject:
    """One object of a series; `answer` and what follows from it are empty until it was searched for.

    `earlier`: the decisions on each candidate's family, by rank.
    """

    entry: Entry
    leads: tuple[LeadRecord, ...]
    answer: Answer | None
    earlier: Mapping[int, tuple[EarlierDecision, ...]]
    clues: ObjectClues
    provenance: Provenance
    undecided: int


@dataclass(frozen=True)
class Series:
    """The objects of one case of an authority, newest first, and what they say together.

    `to_decide`: the object with the most candidates without a decision. `without_catalogue`: countries that the
    objects' own records name and in which no product of the catalogue is sold.
    """

    authority: str
    name: str
    objects: tuple[SeriesObject, ...]
    together: Provenance
    to_decide: SeriesObject | None
    without_catalogue: tuple[str, ...]


def objects_of_series(services: Services, generation: Generation, authority: str, name: str) -> tuple[Entry, ...]:
    """The objects of a series, newest first, at most MAX_OBJECTS.

    Raises:
        UnknownEntry: there is none.
    """
    passing = ObjectFilter(authority=authority, series=name)
    found = services.listing.page(generation, passing, MAX_OBJECTS, None).objects if name else ()
    if not found:
        raise UnknownEntry(f"{authority or 'no authority'} has published no series {name[:100]!r}")
    return found


def series_named(
    authority: str, name: str, services: Services, visitor: Visitor, generation: Generation, *, search: bool
) -> Series:
    """A series by its name; with `search` each object is searched for and recorded. Slow then.

    Raises:
        UnknownEntry: there is none.
    """
    entries = objects_of_series(services, generation, authority, name)
    return series_of(entries, services, visitor, generation, search=search)


def series_of(
    entries: Sequence[Entry], services: Services, visitor: Visitor, generation: Generation, *, search: bool
) -> Series:
    """A series; with `search` each object is searched for and recorded. Slow then: call it from a worker thread."""
    prior = generation.records.country_shares
    objects = []
    for entry in entries:
        result = _search(entry, services, visitor) if search and entry.images else None
        leads = services.leads.of_object(entry.source, entry.fields.entry_id)
        objects.append(_series_object(entry, result, leads, prior))
    most = max(objects, key=lambda one: one.undecided)
    named = {country_code(country) for entry in entries for country in entry.fields.several("country")}
    return Series(
        entries[0].fields.authority,
        entries[0].fields.series,
        tuple(objects),
        provenance([one.clues for one in objects], prior),
        most if most.undecided else None,
        tuple(sorted(named - set(prior))),
    )


def clues_of(
    entry: Entry | None, candidates: Iterable[Candidate], leads: Sequence[LeadRecord], readings: Iterable[Reading] = ()
) -> ObjectClues:
    """The clues of an object's candidates, one for each family, by their likelihoods and by what people decided.

    What was read off the object's pictures adds weak clues of its own.

    What was ruled out is no clue; where a candidate was identified the others share what is left. A family that was
    first sold after the object was last seen cannot be it, and is listed apart.
    """
    decided = {(lead.source, lead.product_id): lead.state for lead in leads}
    families: dict[int, Clue] = {}
    too_late: dict[int, Clue] = {}
    identified: set[int] = set()
    for candidate in candidates:
        sold = candidate.availability
        state = decided.get((candidate.entry.source, candidate.entry.fields.entry_id), "")
        if sold is None or candidate.likelihood is None or state == "ruled_out":
            continue
        clue = _clue(candidate, sold)
        if state in _IDENTIFIED:
            clue = replace(clue, kind="decision", weight=CONFIRMED)
        if entry is not None and not _possible(entry.fields, sold):
            too_late.setdefault(sold.family, clue)
            continue
        if state in _IDENTIFIED:
            identified.add(sold.family)
        if sold.family not in families or clue.weight > families[sold.family].weight:
            families[sold.family] = clue
    if identified:
        left = (1 - CONFIRMED) / max(1, len(families) - len(identified))
        families = {
            family: clue if family in identified else replace(clue, weight=min(clue.weight, left))
            for family, clue in families.items()
        }
    name = entry.fields.entry_id if entry else ""
    further = tuple(_clues_of_text(readings))
    return ObjectClues(name, exclusive(families.values()), further, tuple(too_late.values()))


def _clues_of_text(readings: Iterable[Reading]) -> Iterator[Clue]:
    """What barcodes and languages that were read off an object's crops say of where it was sold: little, each once."""
    seen: set[str] = set()
    for reading in readings:
        for code in reading.codes:
            registered = registered_with(code.content).removeprefix("GS1 ")
            if registered and registered not in seen:
                seen.add(registered)
                countries = tuple(country_code(name) for name in registered.split(" & "))
                label = f"{code.content}: GS1 {registered}"
                yield Clue("barcode", label, BARCODE_WEIGHT, countries, sources=frozenset({f"barcode {registered}"}))
        guess = reading.language
        if guess and guess.language not in seen and (spoken := countries_of_language(guess.language)):
            seen.add(guess.language)
            yield Clue("language", guess.language, LANGUAGE_WEIGHT * guess.confidence, spoken)


def _clue(candidate: Candidate, sold: Availability) -> Clue:
    fields = candidate.entry.fields
    first, last = _year(sold.first_seen), _year(sold.last_seen) or datetime.now(UTC).year
    return Clue(
        kind="product",
        label=fields.title or fields.entry_id,
        weight=candidate.likelihood or 0.0,
        countries=tuple(dict.fromkeys(map(country_code, sold.countries))),
        made_in=tuple(dict.fromkeys(map(country_code, sold.made_in))),
        years=(first, max(first, last)) if first else None,
        sources=frozenset({f"family {sold.family}", *(f"retailer {name_key(name)}" for name in sold.retailers)}),
    )


def _possible(fields: EntryFields, sold: Availability) -> bool:
    """Whether a family was on sale before an object was seen for the last time, as far as both are known."""
    seen_until = fields.seen_until or fields.published
    return not (seen_until and sold.first_seen and sold.first_seen > seen_until)


def _series_object(
    entry: Entry, result: SearchResult | None, leads: tuple[LeadRecord, ...], prior: Mapping[str, float]
) -> SeriesObject:
    answer = result.answer if result else None
    candidates = answer.candidates if answer else ()
    clues = clues_of(entry, candidates, leads, answer.readings if answer else ())
    decided = {(lead.source, lead.product_id) for lead in leads if lead.state != "open"}
    undecided = sum(
        (one.entry.source, one.entry.fields.entry_id) not in decided
        for one in candidates
        if one.likelihood is not None and one.likelihood >= UNDECIDED
    )
    earlier = result.earlier if result else {}
    return SeriesObject(entry, leads, answer, earlier, clues, provenance([clues], prior), undecided)


def _search(entry: Entry, services: Services, visitor: Visitor) -> SearchResult:
    object_key = (entry.source, entry.fields.entry_id)
    form = SearchForm(crops=entry.images[:MAX_IMAGES], limit=CANDIDATES, object_key=object_key)
    return run_search(form, services, visitor)


def _year(day: str) -> int:
    return int(day[:4]) if day[:4].isdigit() else 0
