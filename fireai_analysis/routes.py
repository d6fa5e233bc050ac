"""Method and path of each action of a mix: what the generator asks, and what the gate expects to find asked."""

from __future__ import annotations

SESSIONS = "/v1/tests/sessions"
RESULTS = "/v1/tests/sessions/{session_id}/results"
ROUTES: dict[str, tuple[str, str]] = {
    "health": ("GET", "/health"),
    "classify": ("POST", "/v1/classify"),
    "evidence": ("POST", "/v1/evidence"),
    "session": ("POST", SESSIONS),
    "results": ("POST", RESULTS),
    "unique": ("POST", RESULTS),
    "contended": ("POST", RESULTS),
    "counter": ("POST", RESULTS),
    "replay": ("POST", RESULTS),
    "duplicate": ("POST", RESULTS),
    "altered": ("POST", RESULTS),
}
CRDT_WRITES = frozenset(action for action, (_, path) in ROUTES.items() if path == RESULTS)
"""Actions that write to a session."""
