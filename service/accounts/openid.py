"""OpenID Connect: an organisation's own sign-in says who somebody is; what they may do is for their account here.

The client itself is in openid_client.py, which few servers need and which takes long to import.
"""

from __future__ import annotations

from embedding.errors import TraceObjectError

ATTEMPT_SECONDS = 600


class OpenIdRefused(TraceObjectError):
    """Somebody could not be signed in by their organisation; why is for the log."""
