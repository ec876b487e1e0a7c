"""The errors of the index, each reported to the user as one line."""

from embedding.errors import TraceObjectError


class WorkspaceError(TraceObjectError):
    """The folder is no workspace, or cannot be written."""


class WorkspaceBusy(WorkspaceError):
    """Another job is writing to the workspace; `holder` names it."""

    def __init__(self, message: str, holder: str = "another job") -> None:
        super().__init__(message)
        self.holder = holder


class DatabaseUnavailable(WorkspaceError):
    """A database server does not answer: it is down, starts or stops, or cannot be reached."""


class WorkersUnavailable(WorkspaceError):
    """The workers of a re-index cannot be reached, are lost for good, or cannot compute."""


class ObjectStoreUnavailable(WorkspaceError):
    """The server of an object store does not answer: it is down, overloaded, or cannot be reached."""


class EngineUnavailable(TraceObjectError):
    """The server that has the vectors of a generation does not answer, or has not loaded all of them."""


class SchemaOutdated(WorkspaceError):
    """A database is of an older version of this program, and has to be upgraded first."""


class SchemaTooNew(WorkspaceError):
    """A database or a generation is of a newer version of this program, and only that can read it."""


class MigrationFailed(WorkspaceError):
    """A database could not be upgraded; it is unchanged."""


class FeedError(TraceObjectError):
    """A feed as a whole cannot be read: missing, of no known format, without the columns that matter."""


class FeedIncomplete(FeedError):
    """A feed was read as far as it goes, but it did not end as its format ends, or a part of it cannot be read.

    What it does not name may lie in the part that is missing: nothing is taken as gone.
    """


class GenerationError(TraceObjectError):
    """There is no live generation, or one fails verification."""


class FilterInvalid(TraceObjectError):
    """A filter with an unknown key or a value of the wrong kind."""


class QueryInvalid(TraceObjectError):
    """A query without content, or of parts that cannot be combined."""


class UnknownEntry(TraceObjectError):
    """There is no product, object or image of that name."""


class EntryAmbiguous(TraceObjectError):
    """There are several products, objects or sources of that name."""
