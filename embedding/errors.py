"""The errors a user may see. Each message says what was wrong, with which input, and what to do."""


class TraceObjectError(Exception):
    """Base of every error that is reported to a user as one line, never as a stack trace."""


class ImageRefused(TraceObjectError):
    """These bytes are not a usable picture. `reason` is a stable word for reports and counts."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RegionInvalid(TraceObjectError):
    """A box that is not inside the picture or is empty."""


class ModelUnavailable(TraceObjectError):
    """A model's weights or the libraries that run it are missing and could not be obtained."""


class CompiledRefused(ModelUnavailable):
    """A compiled model differs too much from the original; it was not stored."""


class TextUnsupported(TraceObjectError):
    """Text was given to a model without a text side."""
