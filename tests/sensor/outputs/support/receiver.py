"""A webhook's receiver on loopback that keeps what it gets and answers as a test wants."""

from __future__ import annotations

import collections
import gzip
import http.server
import json
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: Any
    connection: int

    @property
    def json(self) -> Any:
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return json.loads(body)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Receiver:
    """`answers` are given in order, then 200 to everything. `dead`: closes connections unanswered. `open`: answers
    wait while it is clear. port: 0 for any."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.answers: collections.deque[Answer] = collections.deque()
        self.dead = False
        self.open = threading.Event()
        self.open.set()
        self.changed = threading.Condition()
        self.connections = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body in one packet: the delayed acknowledgement of the first would cost 40 ms.
            wbufsize = -1

            def setup(self) -> None:
                super().setup()
                receiver.connections += 1
                self.number = receiver.connections

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver._take(self, body)

            do_PATCH = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def get_request(self) -> Any:
                connection, address = super().get_request()
                # The handshake in the connection's thread: one that fails must not hold up the others.
                if tls is not None:
                    connection = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                return connection, address

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def _take(self, handler: Any, body: bytes) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        peer = handler.connection.getpeercert() if isinstance(handler.connection, ssl.SSLSocket) else None
        with self.changed:
            self.requests.append(Request(handler.command, handler.path, headers, body, peer, handler.number))
            answer = self.answers.popleft() if self.answers else Answer()
            self.changed.notify_all()
        self.open.wait()
        if self.dead:
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def wait(self, count: int, seconds: float = 20.0) -> list[Request]:
        """The requests once there are `count`."""
        with self.changed:
            reached = self.changed.wait_for(lambda: len(self.requests) >= count, seconds)
            assert reached, f"{len(self.requests)} requests instead of {count} after {seconds} s"
            return list(self.requests)

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()


def until(condition: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.005)
