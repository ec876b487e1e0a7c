"""The errors of the index, each told to the user as one line."""

from embedding.errors import TraceObjectError


class WorkspaceError(TraceObjectError):
    """The workspace is missing, is not one, or cannot be written."""


class WorkspaceBusy(WorkspaceError):
    """Another job is writing to the workspace; `holder` names it."""

    def __init__(self, message: str, holder: str = "another job") -> None:
        super().__init__(message)
        self.holder = holder


class FeedError(TraceObjectError):
    """A feed as a whole cannot be read: missing, of no known format, without the columns that matter."""


class FeedIncomplete(FeedError):
    """A feed was read as far as it goes, but it did not end as its format ends, or a part of it cannot be read.

    What it does not name may lie in the part that is missing: nothing is taken as gone.
    """


class GenerationError(TraceObjectError):
    """No generation is live, or one does not verify."""


class FilterInvalid(TraceObjectError):
    """A filter with an unknown key or a value of the wrong kind."""


class QueryInvalid(TraceObjectError):
    """A query that asks for nothing, or for something that cannot be combined."""


class UnknownEntry(TraceObjectError):
    """No product, object or image goes by that name."""


class EntryAmbiguous(TraceObjectError):
    """Several products, objects or sources go by that name."""
