"""A server of raw bytes in threads of the test: each connection gets what the test says, for as long as it says."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

DRIPS_COUNT = 400
Answer = Callable[[socket.socket, str], None]


def http(body: bytes, status: int = 200, *, headers: str = "") -> bytes:
    """Return a whole answer."""
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def says(content: object, status: int = 200) -> Answer:
    """Answer with JSON, or with bytes as they are."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda connection, path: connection.sendall(http(body, status))


@dataclass
class Stub:
    """A running server; `answer` may be changed while it runs."""

    answer: Answer
    port: int
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hang(self, connection: socket.socket, path: str) -> None:
        """Say nothing until the test is over."""
        self.released.wait(30)

    def drip(self, connection: socket.socket, path: str) -> None:
        """Send a long answer byte by byte."""
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(DRIPS_COUNT):
            if self.released.wait(0.02):
                return
            connection.sendall(b" ")


@contextmanager
def serving(answer: Answer | None = None) -> Iterator[Stub]:
    """Yield a server on loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    stub = Stub(answer or says({}), listener.getsockname()[1])

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = connection.recv(65536).decode("latin-1")
            stub.answer(connection, head.split(" ")[1] if " " in head else "")

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield stub
    finally:
        stub.released.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
