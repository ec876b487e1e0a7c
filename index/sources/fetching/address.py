"""Which URLs and which addresses may be contacted: the guard against server-side request forgery.

A feed is written by strangers, so a URL in it, or a redirect behind it, may point into the network this runs in. What
counts is the address a connection goes to, not the name: names are judged by every address they resolve to, and the
connection is made to an address that was judged (see wire.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from index.sources.fetching.outcomes import Failure, FetchSettingInvalid, Reason, shown

DEFAULT_PORTS = {"http": 80, "https": 443}
URL_LENGTH = 4096

# IANA special-purpose address registries (RFC 6890 and its updates). Spelled out because ipaddress.is_global differs
# between Python releases and says yes to multicast, 6to4 and relays. The first block that fits counts.
_NOT_PUBLIC_V4 = {
    IPv4Network(network): kind
    for network, kind in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.100.100.200/32": "cloud platform",
        "100.64.0.0/10": "carrier-grade NAT",
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "cloud platform",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "reserved",
        "192.0.2.0/24": "documentation",
        "192.88.99.0/24": "6to4 relay",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }.items()
}
_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = {
    IPv6Network(network): kind
    for network, kind in {
        "::/128": "unspecified",
        "::1/128": "loopback",
        "::ffff:0:0/96": "IPv4-mapped",
        "2001::/23": "reserved",
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "3fff::/20": "documentation",
        "fd00:ec2::254/128": "cloud platform",
        "fd20:ce::254/128": "cloud platform",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "private",
        "ff00::/8": "multicast",
    }.items()
}
# A translator that turns IPv6 into IPv4 at the edge of an IPv6-only network (RFC 6052): the IPv4 inside counts.
_NAT64 = IPv6Network("64:ff9b::/96")
# What an allowed host may be: in one's own networks, never link-local (where clouds keep credentials) or multicast.
_OWN_KINDS = frozenset({"private", "loopback", "carrier-grade NAT"})

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ALLOWED_ENTRY = re.compile(r"(?P<host>\[[^\[\]]+\]|[^:\[\]/@?#\s]+)(?::(?P<port>[0-9]{1,5}))?")

Address = IPv4Address | IPv6Address


def why_not_public(address: Address) -> str:
    """The kind of a special-purpose address ("private", "loopback", ...); empty for a public unicast address."""
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _NOT_PUBLIC_V4.items() if address in network), "")
    if address in _NAT64:
        return why_not_public(IPv4Address(int(address) & 0xFFFFFFFF))
    kind = next((kind for network, kind in _NOT_PUBLIC_V6.items() if address in network), "")
    return kind or ("" if address in _PUBLIC_V6 else "reserved")


@dataclass(frozen=True)
class AddressPolicy:
    """What may be contacted: public addresses on ports 80 and 443, and the hosts in `allowed`.

    `allowed` holds (host, port) pairs, port None for every port; build it with `allowing`. An allowed host may be
    anywhere in one's own networks, so every feed and every redirect can reach it with a GET.
    """

    allowed: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def allowing(cls, hosts: Iterable[str]) -> AddressPolicy:
        """Read entries like "images.internal", "127.0.0.1:8123", "[fd00::5]:8080".

        Raises:
            FetchSettingInvalid: an entry is not a host or host:port.
        """
        return cls(frozenset(_allowed_entry(entry) for entry in hosts))

    def check_url(self, url: str | httpx.URL) -> httpx.URL:
        """The URL as it will be requested, without its fragment.

        Raises:
            Failure: not a URL, or one that is never requested (scheme, credentials, port, odd spelling of an address).
        """
        parsed = _parsed(url)
        if parsed.userinfo:
            raise Failure(
                Reason.URL_REFUSED, f"{shown(parsed.host)}: a URL with a user name or password is not fetched"
            )
        text = shown(str(parsed))
        if parsed.scheme not in DEFAULT_PORTS:
            raise Failure(Reason.URL_REFUSED, f"{text}: only http and https are fetched")
        host, port = host_of(parsed), port_of(parsed)
        if not _is_host(host):
            raise Failure(Reason.URL_INVALID, f"{text}: the host is neither a name nor a plainly written address")
        if port != DEFAULT_PORTS[parsed.scheme] and not self._is_allowed(host, port):
            raise Failure(
                Reason.URL_REFUSED,
                f"{text}: port {port} is not the port of {parsed.scheme}; if this host is yours, allow {host}:{port}",
            )
        return parsed.copy_with(fragment=None)

    def check_redirect(self, url: httpx.URL, location: str) -> httpx.URL:
        """Where a redirect leads, judged like any URL; from https it never leads back to http.

        Raises:
            Failure: the target is not one that is requested.
        """
        here, there = shown(str(url)), shown(location)
        try:
            target = self.check_url(url.join(location))
        except (httpx.InvalidURL, ValueError):
            raise Failure(Reason.REDIRECT_REFUSED, f"{here}: redirects to {there}, which is not a URL") from None
        except Failure as failure:
            raise Failure(Reason.REDIRECT_REFUSED, f"{here}: redirects to what is not fetched: {failure}") from None
        if url.scheme == "https" and target.scheme == "http":
            raise Failure(Reason.REDIRECT_REFUSED, f"{here}: redirects from https to {there}, unprotected")
        return target

    def check_addresses(self, host: str, port: int, addresses: Iterable[str]) -> list[str]:
        """The addresses that a host resolved to, when every one of them may be contacted.

        One forbidden address among good ones refuses them all: that is how DNS rebinding looks.

        Raises:
            Failure: an address is not public and the host is not allowed to be private.
        """
        checked = []
        for text in addresses:
            kind = why_not_public(ip_address(text)) if is_literal(text) else "not an address"
            if kind and not (kind in _OWN_KINDS and self._is_allowed(host, port)):
                raise Failure(
                    Reason.ADDRESS_REFUSED,
                    f"{shown(host)}: leads to {shown(text)} ({kind}); if it is yours, allow {shown(host)}:{port}",
                )
            checked.append(text)
        return checked

    def _is_allowed(self, host: str, port: int) -> bool:
        key = host.rstrip(".").lower()
        return (key, None) in self.allowed or (key, port) in self.allowed


def host_of(url: httpx.URL) -> str:
    """The host of a URL in ASCII and lower case, an IPv6 address without brackets."""
    return url.raw_host.decode("ascii").lower()


def port_of(url: httpx.URL) -> int:
    """The port of a URL; where it has none, its scheme's default."""
    return url.port if url.port is not None else DEFAULT_PORTS.get(url.scheme, 0)


def _parsed(url: str | httpx.URL) -> httpx.URL:
    text = str(url).strip()
    if len(text) > URL_LENGTH:
        raise Failure(Reason.URL_INVALID, f"{shown(text)}: longer than {URL_LENGTH} characters; correct the feed")
    try:
        parsed = httpx.URL(text)
        if not 0 <= port_of(parsed) <= 65535:
            raise ValueError("no such port")
        parsed.raw_path.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        raise Failure(Reason.URL_INVALID, f"{shown(text)}: not a URL; correct the feed") from None
    return parsed


def is_literal(host: str) -> bool:
    """Whether this is an address itself, in the usual spelling and without a zone."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _is_host(host: str) -> bool:
    """Whether this is a name or an address; not 127.1, 0x7f.1 or 2130706433, which the C library takes for one."""
    numeric = _NUMERIC_LABEL.fullmatch(host.rstrip(".").rsplit(".", 1)[-1])
    return is_literal(host) or (_HOST_NAME.fullmatch(host) is not None and not numeric)


def _allowed_entry(entry: str) -> tuple[str, int | None]:
    text = f"[{entry}]" if entry.count(":") > 1 and "[" not in entry else entry
    match = _ALLOWED_ENTRY.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError("neither host nor host:port")
        host = host_of(httpx.URL(f"http://{match['host']}/")).rstrip(".")
        port = int(match["port"]) if match["port"] else None
        if not _is_host(host) or port == 0 or (port or 0) > 65535:
            raise ValueError("no such host or port")
    except (httpx.InvalidURL, ValueError):
        raise FetchSettingInvalid(
            f"{shown(entry)!r} is not a host that could be allowed: write images.internal or 127.0.0.1:8123"
        ) from None
    return host, port
