"""A platform behind one queue with one server of fixed service time: `python -m tests.slow_stub MS`.

Sessions are made at once, everything else waits for its turn. Prints its port and serves until its standard input is
closed. Ends stand on absolute times, so that a timer that wakes late does not make the server slower.
"""

import asyncio
import json
import sys

from tests.collect.stub_server import REASONS, request_of, right_answer


class Server:
    def __init__(self, service_s: float) -> None:
        self._service_s, self._free_s = service_s, 0.0

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        self._free_s = max(self._free_s, loop.time()) + self._service_s
        await asyncio.sleep(self._free_s - loop.time())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await request_of(reader):
            status, content = right_answer(*asked)
            if asked[1] != "/v1/tests/sessions":
                await self.turn()
            data = json.dumps(content).encode()
            lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Content-Type: application/json"]
            writer.write("\r\n".join([*lines, f"Content-Length: {len(data)}", "", ""]).encode() + data)
        writer.close()


async def main(service_s: float) -> None:
    stub = Server(service_s)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, limit=2**20, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) / 1000))
