"""An object published or changed as a form says."""

from __future__ import annotations

from index.errors import QueryInvalid
from index.records.feed_records import ObjectRecord
from service.accounts.roles import Visitor
from service.app.desk import CHANGED, TOLD
from service.app.services import Services
from service.app.uploaded_form import Upload


def publish(upload: Upload, services: Services, visitor: Visitor) -> ObjectRecord:
    """Publish what a form tells. Raises as `Desk.publish` does."""
    # A browser sends an empty part where no file was chosen.
    crops = [picture for picture in upload.pictures if picture]
    return services.desk.publish(upload.told(TOLD), crops, visitor.name)


def change(object_id: str, told: dict[str, str], services: Services, visitor: Visitor) -> ObjectRecord:
    """Change an object as a form tells. Raises as `Desk.change` does."""
    if not told.get("authority"):
        raise QueryInvalid("authority is missing: whose object is it?")
    said = {name: told[name] for name in CHANGED if name in told}
    return services.desk.change(told["authority"], object_id, said, visitor.name)
