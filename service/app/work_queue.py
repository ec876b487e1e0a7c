"""The queue of what needs a person next: alerts without a decision, leads without one, objects never searched for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from index.generations.families import Availability, availability
from index.generations.generations import Generation
from index.jobs.alerts import Alert, list_alerts
from index.records.database import Database
from index.records.entries import Entry
from index.records.feed_records import ObjectStatus
from service.app.elimination import EarlierDecision, decisions_by_family, family_of
from service.app.leads import LeadRecord
from service.app.services import Services

ObjectKey = tuple[str, str]


@dataclass(frozen=True)
class AlertToDecide:
    """An alert of an open object on whose family nothing was decided for it; `earlier`: for other objects.

    `crop` and `picture`: the pictures compared, by SHA-256, or others of the object and of the product where a later
    generation no longer has those; "" where it has none.
    """

    alert: Alert
    crop: str
    picture: str
    family: Availability
    earlier: tuple[EarlierDecision, ...]

    @property
    def worth(self) -> float:
        """What deciding it promises: the likelihood, shared among the shops or countries that sold the family."""
        return self.alert.likelihood / max(len(self.family.retailers), len(self.family.countries), 1)


@dataclass(frozen=True)
class WorkQueue:
    """Alerts by their worth, leads by how long they have waited, objects never searched for, newest first."""

    alerts: tuple[AlertToDecide, ...]
    leads: tuple[tuple[Entry, LeadRecord], ...]
    objects: tuple[Entry, ...]


def work_queue(services: Services, generation: Generation) -> WorkQueue:
    """What needs a person next, of the open objects of a generation."""
    listed = services.listing.ordered(generation)
    open_objects = {
        (entry.source, entry.fields.entry_id): entry for entry in listed if entry.fields.status == ObjectStatus.OPEN
    }
    kept = services.leads.all()
    waiting = [lead for lead in reversed(kept) if lead.state == "open" and not lead.finding]
    return WorkQueue(
        _alerts(services, generation, open_objects, kept),
        tuple(
            (open_objects[key], lead)
            for lead in waiting
            if (key := (lead.object_source, lead.object_id)) in open_objects
        ),
        services.searched.never_searched(tuple(open_objects.values())),
    )


def _alerts(
    services: Services, generation: Generation, open_objects: dict[ObjectKey, Entry], kept: Sequence[LeadRecord]
) -> tuple[AlertToDecide, ...]:
    """One alert for each object and family, the likeliest, unless a lead of the object is of that family."""
    with closing(Database.open(services.workspace.database_url)) as records:
        found = list_alerts(records)
    by_family = decisions_by_family(services.leads.decided(), generation)
    taken = {
        (lead.object_source, lead.object_id, family)
        for lead in kept
        if (family := family_of(lead.source, lead.product_id, generation)) is not None
    }
    queued = []
    for alert in sorted(found, key=lambda alert: -alert.likelihood):
        family = family_of(alert.source, alert.product_id, generation)
        place = (alert.object_source, alert.object_id, family)
        if family is None or place[:2] not in open_objects or place in taken:
            continue
        taken.add((*place[:2], family))
        members = generation.records.family(family)
        named = (alert.source, alert.product_id)
        product = next(entry for entry in members if (entry.source, entry.fields.entry_id) == named)
        crop, picture = _still(alert.crop, open_objects[place[:2]]), _still(alert.image, product)
        earlier = tuple(by_family.get(family, ()))
        queued.append(AlertToDecide(alert, crop, picture, availability(members), earlier))
    return tuple(sorted(queued, key=lambda one: -one.worth))


def _still(image: str, entry: Entry) -> str:
    return image if image in entry.images else next(iter(entry.images), "")
