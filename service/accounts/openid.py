"""OpenID Connect: the organisation authenticates a user; the account of that name here has the rights.

The client itself is in openid_client.py, which few servers need and which is slow to import.
"""

from __future__ import annotations

from embedding.errors import TraceObjectError

ATTEMPT_SECONDS = 600


class OpenIdRefused(TraceObjectError):
    """A sign-in through the organisation failed; the cause is only logged, never shown to the client."""
