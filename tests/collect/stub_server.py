"""A platform of one process that answers by the contract, or misbehaves as told: `python stub_server.py MODE`.

Prints its port, then serves until its standard input is closed. `GET /counts` tells how many requests arrived.
"""

import asyncio
import json
import re
import sys
import uuid
from collections import Counter

COUNTS: Counter[str] = Counter()
REASONS = {200: "OK", 201: "Created", 302: "Found", 500: "Internal Server Error"}
FORM_HASH = re.compile(rb'name="sha256_hash"\r\n\r\n([0-9a-f]{64})')


def right_answer(method: str, path: str, body: bytes) -> tuple[int, dict[str, object]]:
    if path == "/counts":
        return 200, dict(COUNTS)
    COUNTS[f"{method} {path}"] += 1
    if path == "/v1/tests/sessions":
        return 201, {"session_id": str(uuid.uuid4())}
    if path == "/v1/evidence":
        found = FORM_HASH.search(body)
        return 201, {"evidence_id": str(uuid.uuid4()), "hash": found[1].decode() if found else "", "status": "stored"}
    if path.endswith("/results"):
        asked = json.loads(body)
        return 200, {
            "session_id": asked["session_id"],
            "vector_clock": asked["vector_clock"],
            "processed_at": "2026-01-01T00:00:00Z",
        }
    return 200, {"status": "ok"}


async def request_of(reader: asyncio.StreamReader) -> tuple[str, str, bytes] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, path, _ = head.split(" ", 2)
    return method, path, body


async def serve(mode: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while asked := await request_of(reader):
        status, content = right_answer(*asked)
        how = "right" if asked[1] in ("/counts", "/v1/tests/sessions") else mode
        header = "Server-Timing: app;dur=1.5, db;dur=0.25"
        if how == "errors":
            status, content = 500, {"detail": "broken"}
        elif how == "redirect":
            status, header = 302, "Location: http://127.0.0.2:1/health"
        elif how == "hang":
            await asyncio.sleep(3600)
        elif how == "drip":
            await drip(writer)
        elif how == "drop":
            break
        data = json.dumps(content).encode()
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Content-Type: application/json", header]
        writer.write("\r\n".join([*lines, f"Content-Length: {len(data)}", "", ""]).encode() + data)
        if how == "close":
            break
    writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b" ")
        await asyncio.sleep(0.02)


async def main(mode: str) -> None:
    server = await asyncio.start_server(lambda r, w: serve(mode, r, w), "127.0.0.1", 0, limit=2**20, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
