"""The default address and port of the server, and the check for loopback addresses."""

from __future__ import annotations

import ipaddress

HOST, PORT = "127.0.0.1", 8080


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address is a loopback address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
