"""The guard against server-side request forgery, over the whole of both address spaces."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from index.sources.fetching.address import AddressPolicy, host_of, is_literal, why_not_public
from index.sources.fetching.outcomes import Failure, FetchSettingInvalid, Reason, shown

# Written from the IANA special-purpose registries and RFC 5735, 6890, 8190, apart from the table under test.
REGISTRY_V4 = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 168.63.129.16/32
"""
REGISTRY_V6 = """
    ::/128 ::1/128 ::/96 ::ffff:0:0/96 64:ff9b:1::/48 100::/64 2001::/32 2001:2::/48 2001:10::/28 2001:20::/28
    2001:db8::/32 2002::/16 3fff::/20 4000::/3 5f00::/16 8000::/1 fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
FORBIDDEN_V4 = [IPv4Network(text) for text in REGISTRY_V4.split()]
FORBIDDEN_V6 = [IPv6Network(text) for text in REGISTRY_V6.split()]
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
]

v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
v6 = st.integers(0, 2**128 - 1).map(IPv6Address)


def inside(networks):
    return st.sampled_from(networks).flatmap(
        lambda network: st.integers(int(network[0]), int(network[-1])).map(type(network[0]))
    )


@given(v4)
def test_an_ipv4_address_is_public_exactly_when_no_registry_says_otherwise(address):
    assert (why_not_public(address) == "") == (not any(address in network for network in FORBIDDEN_V4))


@given(st.sampled_from(FORBIDDEN_V4), st.sampled_from([-1, 0]), st.booleans())
def test_the_edges_of_every_ipv4_block(network, offset, upper):
    edge = int(network[-1]) - offset if upper else int(network[0]) + offset
    assume(0 <= edge < 2**32)
    address = IPv4Address(edge)
    assert bool(why_not_public(address)) == any(address in block for block in FORBIDDEN_V4)


@given(inside(FORBIDDEN_V6))
def test_no_special_ipv6_address_is_public(address):
    assert why_not_public(address)


@given(v6)
def test_only_global_unicast_ipv6_is_public(address):
    if not why_not_public(address):
        assert address in IPv6Network("2000::/3") or address in IPv6Network("64:ff9b::/96")
        assert not address.is_multicast
        assert not address.is_reserved or address in IPv6Network("64:ff9b::/96")


@given(st.integers(0, 2**125 - 1).map(lambda low: IPv6Address((0b001 << 125) | low)))
def test_ordinary_ipv6_addresses_are_not_refused(address):
    assume(not any(address in network for network in FORBIDDEN_V6))
    assume(address not in IPv6Network("2001::/23"))
    assert why_not_public(address) == ""


@given(st.one_of(v4, inside(FORBIDDEN_V4)), st.integers(0, 2**80 - 1))
def test_no_ipv6_form_smuggles_in_a_forbidden_ipv4_address(embedded, rest):
    number = int(embedded)
    mapped, compatible = IPv6Address((0xFFFF << 32) | number), IPv6Address(number)
    six_to_four = IPv6Address((0x2002 << 112) | (number << 80) | rest)
    teredo = IPv6Address((0x20010000 << 96) | (rest & (2**64 - 1)) << 32 | (number ^ 0xFFFFFFFF))
    local_nat64 = IPv6Address((0x64FF9B0001 << 80) | number)
    assert all(why_not_public(address) for address in (mapped, compatible, six_to_four, teredo, local_nat64))
    nat64 = IPv6Address((0x64FF9B << 96) | number)
    assert bool(why_not_public(nat64)) == bool(why_not_public(embedded))


@given(st.one_of(v4, v6))
def test_what_is_public_is_public_to_the_standard_library_too(address):
    if not why_not_public(address) and address not in IPv6Network("64:ff9b::/96"):
        assert address.is_global
        assert not any((address.is_private, address.is_loopback, address.is_link_local, address.is_unspecified))


@pytest.mark.parametrize("address", METADATA)
def test_cloud_metadata_is_out_of_reach_even_where_the_host_is_allowed(address):
    assert why_not_public(ip_address(address))
    with pytest.raises(Failure):
        AddressPolicy.allowing(["images.internal"]).check_addresses("images.internal", 80, [address])


def spellings(address):
    """Ways to write an IPv4 address that the C library reads and a naive check does not."""
    a, b, c, d = address.packed
    number = int(address)
    return [
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"0x{a:x}.{b}.{number & 0xFFFF}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"{a}.{b}.{c}.{d}.",
        f"00{a:o}.{b}.{c}.{d}",
    ]


@given(st.one_of(v4, inside(FORBIDDEN_V4)), st.integers(0, 8))
@example(IPv4Address("127.0.0.1"), 0)
def test_odd_spellings_of_ipv4_addresses_are_refused(address, which):
    spelling = spellings(address)[which]
    if not spelling.endswith("."):
        assert socket.inet_aton(spelling) == address.packed
    with pytest.raises(Failure) as refused:
        AddressPolicy().check_url(f"http://{spelling}/a.jpg")
    assert refused.value.reason == Reason.URL_INVALID


@given(inside(FORBIDDEN_V4), st.lists(inside([IPv4Network("93.184.0.0/16")]), max_size=3), st.randoms())
def test_one_forbidden_address_refuses_all_that_a_name_resolves_to(bad, good, random):
    addresses = [str(bad), *map(str, good)]
    random.shuffle(addresses)
    with pytest.raises(Failure) as refused:
        AddressPolicy().check_addresses("shop.test", 443, addresses)
    assert refused.value.reason == Reason.ADDRESS_REFUSED
    assert not refused.value.transient


@pytest.mark.parametrize("answer", ["fe80::1%eth0", "2606:4700::1%eth0", "localhost", "", "127.1"])
def test_what_is_not_a_plain_address_is_no_address(answer):
    with pytest.raises(Failure):
        AddressPolicy().check_addresses("shop.test", 80, [answer])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://shop.test/a.jpg", Reason.URL_REFUSED),
        ("file:///etc/passwd", Reason.URL_REFUSED),
        ("//shop.test/a.jpg", Reason.URL_REFUSED),
        ("a.jpg", Reason.URL_REFUSED),
        ("http:///a.jpg", Reason.URL_INVALID),
        ("http://user:secret@shop.test/", Reason.URL_REFUSED),
        ("http://shop.test@10.0.0.1/", Reason.URL_REFUSED),
        ("ftp://user:secret@shop.test/", Reason.URL_REFUSED),
        ("http://shop.test:8080/", Reason.URL_REFUSED),
        ("https://shop.test:80/", Reason.URL_REFUSED),
        ("http://shop.test:99999/", Reason.URL_INVALID),
        ("http://shop.test:-1/", Reason.URL_INVALID),
        ("http://shop test/", Reason.URL_INVALID),
        ("http://sh\x00op.test/", Reason.URL_INVALID),
        ("http://a..b/", Reason.URL_INVALID),
        ("http://" + "a" * 64 + ".test/", Reason.URL_INVALID),
        ("http://[fe80::1%25eth0]/", Reason.URL_INVALID),
        ("http://[::1/", Reason.URL_INVALID),
        ("http://１２７.０.０.１/", Reason.URL_INVALID),
        ("http://shop.test/" + "a" * 5000, Reason.URL_INVALID),
    ],
)
def test_urls_that_are_never_requested(url, reason):
    with pytest.raises(Failure) as refused:
        AddressPolicy().check_url(url)
    assert refused.value.reason == reason
    assert "secret" not in str(refused.value)


def test_international_names_and_paths_are_requested_in_ascii():
    url = AddressPolicy().check_url(" https://BÜCHER.example/bilder/größe.jpg?q=ä b#teil ")
    assert host_of(url) == "xn--bcher-kva.example"
    assert url.raw_path == b"/bilder/gr%C3%B6%C3%9Fe.jpg?q=%C3%A4%20b"
    assert url.fragment == ""


@given(st.text(), st.sampled_from(["", "http://", "https://", "http://[", "http://shop.test:", "http://shop.test/"]))
def test_any_text_is_a_url_or_a_refusal(text, prefix):
    try:
        url = AddressPolicy().check_url(prefix + text)
    except Failure:
        return
    assert url.scheme in ("http", "https")
    assert url.raw_path.isascii()
    assert AddressPolicy().check_url(url) == url


@given(st.text())
@example("http://[")
@example("//user@10.0.0.1/")
@example("http://10.0.0.1:99999/")
def test_any_location_is_followed_safely_or_refused(location):
    try:
        target = AddressPolicy().check_redirect(httpx.URL("https://shop.test/a/b.jpg"), location)
    except Failure:
        return
    assert target.scheme == "https"
    assert target.port is None
    assert not target.userinfo


@given(st.text(), st.text())
def test_a_message_is_fit_for_a_terminal(text, prefix):
    assert shown(prefix + text).isprintable()
    assert len(shown(text * 10, limit=20)) <= 20 * len(ascii("\U0010ffff")) + 3


def test_redirects_stay_protected_once_they_were():
    policy = AddressPolicy()
    assert str(policy.check_redirect(httpx.URL("http://shop.test/a"), "https://shop.test/b")) == "https://shop.test/b"
    assert str(policy.check_redirect(httpx.URL("https://shop.test/a/b"), "../c?d")) == "https://shop.test/c?d"
    with pytest.raises(Failure) as refused:
        policy.check_redirect(httpx.URL("https://shop.test/a"), "http://shop.test/b")
    assert refused.value.reason == Reason.REDIRECT_REFUSED


@pytest.mark.parametrize(
    ("entry", "host", "ports"),
    [
        ("images.internal", "images.internal", (80, 8123)),
        ("Images.Internal.", "images.internal", (80, 8123)),
        ("127.0.0.1:8123", "127.0.0.1", (8123,)),
        ("images.internal:80", "images.internal", (80,)),
        ("[fd00::5]:8123", "fd00::5", (8123,)),
        ("fd00::5", "fd00::5", (80, 8123)),
        ("bücher.example", "xn--bcher-kva.example", (80, 8123)),
    ],
)
def test_an_allowed_host_may_be_private_on_its_ports_only(entry, host, ports):
    policy = AddressPolicy.allowing([entry])
    address = host if is_literal(host) else "10.1.2.3"
    bracketed = f"[{host}]" if ":" in host else host
    for port in (80, 8123, 9999):
        allowed = port in ports or len(ports) > 1
        if allowed:
            assert policy.check_addresses(host, port, [address]) == [address]
            assert policy.check_url(f"http://{bracketed}:{port}/")
        else:
            with pytest.raises(Failure):
                policy.check_addresses(host, port, [address])
    with pytest.raises(Failure):
        policy.check_addresses("other.internal", ports[0], ["10.1.2.3"])
    with pytest.raises(Failure):
        policy.check_addresses(host, ports[0], ["169.254.169.254"])


@pytest.mark.parametrize(
    "entry", ["", "http://shop.test", "a b", "user@host", "host:0", "host:99999", "host:x", "1.2.3"]
)
def test_an_entry_that_names_no_host_is_an_error(entry):
    with pytest.raises(FetchSettingInvalid, match="allowed"):
        AddressPolicy.allowing([entry])
