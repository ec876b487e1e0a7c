"""Outside search engines, by hand: an investigator opens one with the public address of a published crop.

Nothing is sent from here: the address of what the public sees anyway is put into a link, which the browser follows. It
is off unless the settings name engines, and each opening is recorded before the link is given. There is no way to it
from an upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from index.errors import UnknownEntry
from index.generations.generations import Generation
from index.records.entries import Entry
from index.records.feed_records import ObjectStatus
from index.settings import Settings
from service.accounts.roles import Visitor
from service.app.services import Services
from service.problems import INVALID, Problem


@dataclass(frozen=True)
class OutsideEngine:
    """A search engine elsewhere: its name, and the address that opens it, with {picture} for the crop's address."""

    name: str
    template: str

    def address(self, picture: str) -> str:
        """The address that opens it with the address of a picture."""
        return self.template.replace("{picture}", quote(picture, safe=""))


def outside_engines(settings: Settings) -> tuple[OutsideEngine, ...]:
    """The engines that the operator allows; none without `public_address`, where nobody outside could see a crop."""
    if not settings.public_address:
        return ()
    split = (line.rpartition(" ") for line in settings.outside_engines)
    return tuple(OutsideEngine(name.strip(), template) for name, _, template in split)


def engines_for(entry: Entry, settings: Settings) -> tuple[OutsideEngine, ...]:
    """The engines that an object's crops may be opened in: only those of an open object are public."""
    is_public = entry.images and entry.fields.status == ObjectStatus.OPEN
    return outside_engines(settings) if is_public else ()


def open_outside(
    fields: dict[str, str], services: Services, generation: Generation, visitor: Visitor
) -> tuple[Entry, OutsideEngine, str]:
    """Record that a crop is opened in an engine; the object, the engine, and the address to open.

    Args:
        fields: `object` and `source`, `crop` (a SHA-256) and `engine` (a name).

    Raises:
        UnknownEntry: there is no such object, the crop is not one of it, or there is no such engine.
        Problem: the object is not open, so that its crops are no longer public.
        WorkspaceError: it cannot be recorded.
    """
    settings = services.workspace.settings
    entry = services.settled.named(generation, fields.get("object", ""), fields.get("source"))
    name, crop = fields.get("engine", ""), fields.get("crop", "")
    engine = next((one for one in outside_engines(settings) if one.name == name), None)
    if engine is None:
        raise UnknownEntry(f"no outside engine {name[:60]!r} is allowed here: the setting outside_engines names them")
    if crop not in entry.images:
        raise UnknownEntry(f"the object {entry.fields.entry_id!r} has no published crop {crop[:64]!r}")
    if entry.fields.status != ObjectStatus.OPEN:
        raise Problem(INVALID, f"the object {entry.fields.entry_id!r} is {entry.fields.status}: it is no longer public")
    address = engine.address(f"{settings.public_address.rstrip('/')}/pictures/{crop}")
    services.audit.append(
        "outside-engine",
        visitor.name,
        engine=engine.name,
        address=address,
        object=[entry.source, entry.fields.entry_id],
        picture=crop,
    )
    return entry, engine, address
