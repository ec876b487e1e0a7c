"""HTTP/1.1 as uvicorn reads it with httptools, but with a bound on what comes before a body."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Of the request line and all headers of one request. httptools itself has no limit: a client that never ends its
# headers could take all memory.
MAX_HEAD_BYTES = 65_536


class BoundedHttpProtocol(HttpToolsProtocol):
    """Refuses a request whose head has more than MAX_HEAD_BYTES (400), and closes its connection."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head_open, self._head_bytes = False, 0

    def on_message_begin(self) -> None:
        self._head_open, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_open = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_open:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("the request's headers are too long")
