"""OpenID Connect: an organisation's own sign-in says who somebody is; what they may do is for their account here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from embedding.errors import TraceObjectError
from index.settings import Settings

if TYPE_CHECKING:
    from service.accounts.openid_client import OpenId

SECRET = "TRACEOBJECT_OIDC_SECRET"
ATTEMPT_SECONDS = 600


class OpenIdRefused(TraceObjectError):
    """Somebody could not be signed in by their organisation; why is for the log."""


def openid_of(settings: Settings) -> OpenId | None:
    """The sign-in that a workspace's settings name, with the client's secret from the environment; None without one.

    Raises:
        OpenIdRefused: the settings are not complete.
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise OpenIdRefused("oidc_issuer is set, and oidc_client_id is not")
    # Few servers need what it takes.
    from service.accounts.openid_client import OpenId

    return OpenId(settings.oidc_issuer, settings.oidc_client_id, os.environ.get(SECRET, ""), settings.oidc_claim)
