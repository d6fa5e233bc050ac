"""A platform of one process that takes a known time for each answer and tells it: `timed_stub.py DELAY_S`.

Prints its port, then serves until its standard input is closed.
"""

import asyncio
import json
import re
import sys
import time
import uuid

FORM_HASH = re.compile(rb'name="sha256_hash"\r\n\r\n([0-9a-f]{64})')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def content(path: str, body: bytes) -> dict[str, object]:
    if path == "/v1/tests/sessions":
        return {"session_id": str(uuid.uuid4())}
    if path == "/v1/evidence":
        found = FORM_HASH.search(body)
        return {"evidence_id": str(uuid.uuid4()), "hash": found[1].decode() if found else "", "status": "stored"}
    if path.endswith("/results"):
        asked = json.loads(body)
        return {key: asked[key] for key in ("session_id", "vector_clock")} | {"processed_at": "2026-01-01T00:00:00Z"}
    return {"status": "ok"}


async def serve(delay_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            began = time.perf_counter()
            length = LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError):
            break
        path = head.split(b" ", 2)[1].decode("latin-1")
        status = b"201 Created" if path in ("/v1/evidence", "/v1/tests/sessions") else b"200 OK"
        await asyncio.sleep(delay_s)
        data = json.dumps(content(path, body)).encode()
        spent_ms = (time.perf_counter() - began) * 1e3
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nServer-Timing: app;dur=%.3f\r\n" % (status, spent_ms)
        writer.write(head + b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
    writer.close()


async def main(delay_s: float) -> None:
    server = await asyncio.start_server(lambda r, w: serve(delay_s, r, w), "127.0.0.1", 0, limit=2**20, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(float(sys.argv[1])))
