"""An organisation's sign-in by OpenID Connect: the authorization code flow with PKCE, by authlib's client.

authlib asks for the organisation's metadata and keys, makes state, nonce and PKCE, exchanges the code, and checks the
identity token. Kept here are the attempts under way, each good once and for one browser, and what is demanded beyond
authlib's defaults: this issuer and this audience, signatures by public keys alone, a verified e-mail address.
"""

from __future__ import annotations

import base64
import hmac
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OpenIDMixin
from authlib.integrations.httpx_client import OAuth2Client
from joserfc.errors import JoseError

from index.settings import Settings
from service.accounts.openid import ATTEMPT_SECONDS, OpenIdRefused
from service.addresses import is_loopback

SECRET = "TRACEOBJECT_OIDC_SECRET"
_MOST_ATTEMPTS = 1000
_TIMEOUT = 15.0
_CLOCKS_APART = 60
# What is signed with a key that only the issuer has; never the "none" or shared-secret kinds.
_ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
_ALGORITHMS_SUPPORTED = "id_token_signing_alg_values_supported"
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class _Attempt:
    """A sign-in that was sent to the organisation and has not come back. `ends` on the monotonic clock."""

    nonce: str
    verifier: str
    returns_to: str
    onward: str
    ends: float


class _Client(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
    """authlib's client without a web framework: requests are made by its httpx client, state is kept by OpenId."""

    client_cls = OAuth2Client


def openid_of(settings: Settings) -> OpenId:
    """The sign-in that a workspace's settings name, with the client's secret from the environment.

    Raises:
        OpenIdRefused: the settings are not complete.
    """
    if not settings.oidc_client_id:
        raise OpenIdRefused(
            f"the setting oidc_issuer is {settings.oidc_issuer!r}, and oidc_client_id is empty: set it to what the "
            "organisation calls this server"
        )
    return OpenId(settings.oidc_issuer, settings.oidc_client_id, os.environ.get(SECRET, ""), settings.oidc_claim)


class OpenId:
    """One organisation's sign-in. Safe from any thread; attempts under way live in memory alone."""

    def __init__(self, issuer: str, client_id: str, secret: str, claim: str) -> None:
        if urlsplit(issuer).scheme != "https" and not is_loopback(urlsplit(issuer).hostname or ""):
            raise OpenIdRefused(f"the setting oidc_issuer must be an address that begins with https://, not {issuer!r}")
        self._issuer, self._client_id, self._secret, self._claim = issuer, client_id, secret, claim
        self._attempts: OrderedDict[str, _Attempt] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, returns_to: str, onward: str) -> tuple[str, str]:
        """Where to send somebody, and the state that their browser has to bring back. Asks the organisation.

        Raises:
            OpenIdRefused: it does not answer as it should.
        """
        with _errors_in_words():
            made = self._client().create_authorization_url(returns_to)
        ends = time.monotonic() + ATTEMPT_SECONDS
        with self._lock:
            self._attempts[made["state"]] = _Attempt(made["nonce"], made["code_verifier"], returns_to, onward, ends)
            while len(self._attempts) > _MOST_ATTEMPTS:
                self._attempts.popitem(last=False)
        return made["url"], made["state"]

    def complete(self, state: str, brought: str, code: str) -> tuple[str, str]:
        """Who came back, by the claim that names accounts, and where they were going. Asks the organisation.

        Args:
            state: what the address holds; `brought`: what the browser's cookie holds.

        Raises:
            OpenIdRefused: it is not the browser that was sent, it comes too late, or the token is not sound.
        """
        with self._lock:
            attempt = self._attempts.pop(state, None)
        same_browser = hmac.compare_digest(state.encode(), brought.encode())
        if attempt is None or attempt.ends < time.monotonic() or not same_browser:
            raise OpenIdRefused("this sign-in was not begun here, or too long ago")
        required = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        with _errors_in_words():
            client = self._client()
            token = client.fetch_access_token(attempt.returns_to, code=code, code_verifier=attempt.verifier)
            claims = client.parse_id_token(token, attempt.nonce, claims_options=required, leeway=_CLOCKS_APART)
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
        """A client for one request of ours: the organisation's metadata and keys are asked anew, for they change."""
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
        # authlib hands all of it to its HTTP client as options: nothing else may come along.
        names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "_loaded_at")
        algorithms = [name for name in found.get(_ALGORITHMS_SUPPORTED) or () if name in _ALGORITHMS]
        client.server_metadata = {name: found[name] for name in names} | {_ALGORITHMS_SUPPORTED: algorithms}
        return client


def _encoded_basic(client: Any, method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:  # noqa: ARG001
    """HTTP Basic as RFC 6749, 2.3.1, has it: both encoded as in a form first, which authlib's own leaves out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


@contextmanager
def _errors_in_words() -> Iterator[None]:
    try:
        yield
    except (
        httpx2.HTTPError, httpx2.InvalidURL, AuthlibBaseError, JoseError, KeyError, RuntimeError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise OpenIdRefused(f"the organisation's sign-in cannot be used: {type(error).__name__}: {error}") from error
