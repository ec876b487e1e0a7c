"""Whether a server is about to stop, which a load balancer has to learn before it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Stopping:
    """Set once, by the signal to stop; read by requests. `now` stays true."""

    now: bool = False
