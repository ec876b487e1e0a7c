"""Where the server listens by default, and which addresses are this machine's own."""

from __future__ import annotations

import ipaddress

HOST, PORT = "127.0.0.1", 8080


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
