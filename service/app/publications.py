"""Keeps a record in the audit of each generation that becomes the live one."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from index.coordination.protocol import PublicationRecord
from service.app.audit import COMMAND_LINE, Audit


def publication_record(audit: Audit, how: str) -> PublicationRecord:
    """Records of the kind `generation`: its number, and `how` it became live, "reindex" or "rollback"."""

    def record(number: int, within: Connection | None) -> None:
        audit.append("generation", COMMAND_LINE, within=within, generation=number, change=how)

    return record
