"""What is asked of an organisation that signs people in, and what its answers are worth.

The authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636). The identity token's signature, issuer,
audience, times and nonce are checked; nothing else of what the organisation tells is kept.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.accounts.openid import ATTEMPT_SECONDS, OpenIdRefused
from service.addresses import is_loopback

_MOST_ATTEMPTS = 1000
_TIMEOUT = 15.0
_CLOCKS_APART = 60
# What is signed with a key that only the issuer has; never the "none" or shared-secret kinds.
_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class _Attempt:
    """A sign-in that was sent to the organisation and has not come back. `ends` on the monotonic clock."""

    nonce: str
    verifier: str
    returns_to: str
    onward: str
    ends: float


class OpenId:
    """One organisation's sign-in. Safe from any thread; attempts under way live in memory alone."""

    def __init__(self, issuer: str, client_id: str, secret: str, claim: str) -> None:
        if urlsplit(issuer).scheme != "https" and not is_loopback(urlsplit(issuer).hostname or ""):
            raise OpenIdRefused(f"oidc_issuer {issuer!r}: needs an address that begins with https://")
        self._issuer, self._client_id, self._secret, self._claim = issuer, client_id, secret, claim
        self._attempts: OrderedDict[str, _Attempt] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, returns_to: str, onward: str) -> tuple[str, str]:
        """Where to send somebody, and the state that their browser has to bring back. Asks the organisation.

        Raises:
            OpenIdRefused: it does not answer as it should.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        with self._told():
            url = prepare_grant_uri(
                self._discover()["authorization_endpoint"],
                self._client_id,
                "code",
                redirect_uri=returns_to,
                scope="openid email profile",
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        with self._lock:
            self._attempts[state] = _Attempt(nonce, verifier, returns_to, onward, time.monotonic() + ATTEMPT_SECONDS)
            while len(self._attempts) > _MOST_ATTEMPTS:
                self._attempts.popitem(last=False)
        return url, state

    def complete(self, state: str, brought: str, code: str) -> tuple[str, str]:
        """Who came back, by the claim that names accounts, and where they were going. Asks the organisation.

        Args:
            state: what the address holds; `brought`: what the browser's cookie holds.

        Raises:
            OpenIdRefused: it is not the browser that was sent, it comes too late, or the token is not sound.
        """
        with self._lock:
            attempt = self._attempts.pop(state, None)
        if attempt is None or attempt.ends < time.monotonic() or not hmac.compare_digest(state, brought):
            raise OpenIdRefused("this sign-in was not begun here, or too long ago")
        with self._told():
            found = self._discover()
            token = self._token(found["token_endpoint"], code, attempt)
            keys = KeySet.import_key_set(_json(httpx.get(found["jwks_uri"], timeout=_TIMEOUT)))
            read = jwt.decode(token["id_token"], keys, algorithms=_ALGORITHMS)
            claims = CodeIDToken(
                read.claims,
                read.header,
                {
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                },
                {"nonce": attempt.nonce, "client_id": self._client_id},
            )
            claims.validate(leeway=_CLOCKS_APART)
        return self._name(read.claims), attempt.onward

    def _name(self, claims: dict[str, Any]) -> str:
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name:
            raise OpenIdRefused(f"the identity token has no claim {self._claim}")
        if self._claim == "email" and claims.get("email_verified") is not True:
            raise OpenIdRefused("the organisation has not verified this e-mail address")
        return name

    def _token(self, endpoint: str, code: str, attempt: _Attempt) -> Any:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.returns_to,
            "code_verifier": attempt.verifier,
            **({} if self._secret else {"client_id": self._client_id}),
        }
        # RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
        auth = (quote_plus(self._client_id), quote_plus(self._secret)) if self._secret else None
        return _json(httpx.post(endpoint, data=form, auth=auth, timeout=_TIMEOUT))

    def _discover(self) -> dict[str, str]:
        """What the organisation tells of its sign-in; asked each time, for it may change."""
        address = self._issuer.rstrip("/") + _DISCOVERY
        found = _json(httpx.get(address, timeout=_TIMEOUT))
        if found["issuer"] != self._issuer:
            raise OpenIdRefused(f"{address} speaks of another issuer, {found['issuer']!r}")
        return {name: str(found[name]) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}

    @staticmethod
    @contextmanager
    def _told() -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as error:
            raise OpenIdRefused(
                f"the organisation's sign-in cannot be used: {type(error).__name__}: {error}"
            ) from error


def _json(answer: httpx.Response) -> Any:
    return answer.raise_for_status().json()
