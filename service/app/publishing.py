"""Objects published and changed through a form, of a page or of the API."""

from __future__ import annotations

from index.errors import QueryInvalid
from index.records.feed_records import ObjectRecord
from service.accounts.roles import Visitor
from service.app.desk import CHANGE_FIELDS, PUBLISH_FIELDS
from service.app.services import Services
from service.app.uploaded_form import Upload


def publish(upload: Upload, services: Services, visitor: Visitor) -> ObjectRecord:
    """Publish the object of a form. Raises as `Desk.publish` does."""
    # Browsers send an empty part where no file was chosen.
    crops = [picture for picture in upload.pictures if picture]
    return services.desk.publish(upload.fields_by_name(PUBLISH_FIELDS), crops, visitor.name)


def change(object_id: str, fields: dict[str, str], services: Services, visitor: Visitor) -> ObjectRecord:
    """Change an object by a form's fields. Raises as `Desk.change` does."""
    if not fields.get("authority"):
        raise QueryInvalid("authority is missing: whose object is it?")
    changes = {name: fields[name] for name in CHANGE_FIELDS if name in fields}
    changed = services.desk.change(fields["authority"], object_id, changes, visitor.name)
    # What is settled is withdrawn now, not only at the next re-index.
    services.settled.refresh()
    return changed
