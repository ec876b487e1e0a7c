"""An organisation's sign-in by OpenID Connect: the authorization code flow with PKCE, by authlib's client.

authlib fetches the organisation's metadata and keys, makes state, nonce and PKCE, exchanges the code, and checks the
identity token. This module adds that each pending sign-in is valid once and for one browser, and checks beyond
authlib's defaults: this issuer and audience, signatures by public keys only, a verified e-mail address.
"""

from __future__ import annotations

import base64
import hmac
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OpenIDMixin
from authlib.integrations.httpx_client import OAuth2Client
from joserfc.errors import JoseError

from index.settings import Settings
from service.accounts.attempts import Attempt, Attempts
from service.accounts.openid import ATTEMPT_SECONDS, OpenIdRefused
from service.addresses import is_loopback

SECRET = "TRACEOBJECT_OIDC_SECRET"
_TIMEOUT = 15.0
_CLOCK_SKEW_SECONDS = 60
# Signatures by a private key of the issuer; neither "none" nor shared secrets.
_ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
_ALGORITHMS_SUPPORTED = "id_token_signing_alg_values_supported"
_DISCOVERY = "/.well-known/openid-configuration"


class _Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
    """authlib's client without a web framework: it uses its httpx client, and OpenId keeps the attempts."""

    client_cls = OAuth2Client


def openid_of(settings: Settings, attempts: Attempts) -> OpenId:
    """The OpenID Connect sign-in of a workspace's settings, with the client's secret from the environment.

    Args:
        attempts: where sign-ins in progress are kept.

    Raises:
        OpenIdRefused: the settings are not complete.
    """
    if not settings.oidc_client_id:
        raise OpenIdRefused(
            f"the setting oidc_issuer is {settings.oidc_issuer!r}, and oidc_client_id is empty: set it to what the "
            "organisation calls this server"
        )
    return OpenId(
        settings.oidc_issuer, settings.oidc_client_id, os.environ.get(SECRET, ""), settings.oidc_claim, attempts
    )


class OpenId:
    """One organisation's sign-in. Safe from any thread."""

    def __init__(self, issuer: str, client_id: str, secret: str, claim: str, attempts: Attempts) -> None:
        if urlsplit(issuer).scheme != "https" and not is_loopback(urlsplit(issuer).hostname or ""):
            raise OpenIdRefused(f"the setting oidc_issuer must be an address that begins with https://, not {issuer!r}")
        self._issuer, self._client_id, self._secret, self._claim = issuer, client_id, secret, claim
        self._attempts = attempts

    def begin(self, returns_to: str, onward: str) -> tuple[str, str]:
        """The URL to redirect a browser to, and the state that it has to return. Sends requests to the organisation.

        Raises:
            OpenIdRefused: the organisation cannot be reached, or its metadata is invalid.
        """
        with _translate_errors():
            made = self._client().create_authorization_url(returns_to)
        expires = time.time() + ATTEMPT_SECONDS
        attempt = Attempt(made["nonce"], made["code_verifier"], returns_to, onward, expires)
        self._attempts.keep(made["state"], attempt)
        return made["url"], made["state"]

    def complete(self, state: str, cookie_state: str, code: str) -> tuple[str, str]:
        """The account's name, from the configured claim, and the page to go to. Sends requests to the organisation.

        Args:
            state: of the URL's query.
            cookie_state: of the browser's cookie.
            code: the authorization code, of the URL's query.

        Raises:
            OpenIdRefused: the browser is another one, the sign-in has expired, or the token is invalid.
        """
        attempt = self._attempts.take(state)
        same_browser = hmac.compare_digest(state.encode(), cookie_state.encode())
        if attempt is None or not same_browser:
            raise OpenIdRefused("this sign-in was not begun here, or too long ago")
        required = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        with _translate_errors():
            client = self._client()
            token = client.fetch_access_token(attempt.returns_to, code=code, code_verifier=attempt.verifier)
            claims = client.parse_id_token(token, attempt.nonce, claims_options=required, leeway=_CLOCK_SKEW_SECONDS)
        if claims is None:
            raise OpenIdRefused("the organisation sent no identity token")
        return self._name(claims), attempt.onward

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name:
            raise OpenIdRefused(f"the identity token has no claim {self._claim}")
        if self._claim == "email" and claims.get("email_verified") is not True:
            raise OpenIdRefused("the organisation has not verified this e-mail address")
        return name

    def _client(self) -> _Client:
        """A client for one sign-in step; it loads the organisation's metadata and keys anew, as they may change."""
        client = _Client(
            None,
            client_id=self._client_id,
            client_secret=self._secret or None,
            client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "timeout": _TIMEOUT},
            client_auth_methods=[("client_secret_basic", _encoded_basic)],
            server_metadata_url=self._issuer.rstrip("/") + _DISCOVERY,
        )
        found = client.load_server_metadata()
        if found["issuer"] != self._issuer:
            raise OpenIdRefused(f"the metadata of {self._issuer} is that of another issuer, {found['issuer']!r}")
        # authlib passes all of the metadata to its HTTP client as options, so only the known names are kept.
        names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "_loaded_at")
        algorithms = [name for name in found.get(_ALGORITHMS_SUPPORTED) or () if name in _ALGORITHMS]
        client.server_metadata = {name: found[name] for name in names} | {_ALGORITHMS_SUPPORTED: algorithms}
        return client


def _encoded_basic(client: Any, method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:  # noqa: ARG001
    """HTTP Basic authentication with form-encoded name and secret (RFC 6749, 2.3.1), which authlib does not encode."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (
        httpx2.HTTPError, httpx2.InvalidURL, AuthlibBaseError, JoseError, KeyError, RuntimeError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise OpenIdRefused(f"the organisation's sign-in cannot be used: {type(error).__name__}: {error}") from error
