"""`python -m fireai_analysis.platform.api --fd N`: serves on an inherited listening socket until its pipe closes."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading

import uvicorn

from fireai_analysis.platform.api.app import Settings, make_app

KEEP_ALIVE_S = 600


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="fireai_analysis.platform.api")
    parser.add_argument("--fd", type=int, required=True, help="listening socket, inherited")
    listener = socket.socket(fileno=parser.parse_args().fd)
    settings = Settings(
        database_url=os.environ["DATABASE_URL"],
        go_url=os.environ["GO_SERVICE_URL"],
        internal_secret=os.environ["INTERNAL_JWT_SECRET_KEY"],
        public_secret=os.environ["FIREAI_PUBLIC_JWT_SECRET_KEY"],
    )
    config = uvicorn.Config(
        make_app(settings),
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
        backlog=4096,
        server_header=False,
    )
    threading.Thread(target=_stop_at_eof, daemon=True).start()
    uvicorn.Server(config).run(sockets=[listener])


def _stop_at_eof() -> None:
    """Ask this process to stop when the supervisor's pipe closes."""
    while sys.stdin.buffer.read(4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
