"""Method, path and right statuses of each action: what the generator asks, and what the gate expects to find."""

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

REFUSED_KEY = frozenset((409, 422))
_WRITE = frozenset((200, 409))
SUCCESS: dict[str, frozenset[int]] = {
    "health": frozenset((200,)),
    "classify": frozenset((200,)),
    "session": frozenset((200, 201)),
    "evidence": frozenset((201,)),
    **dict.fromkeys(CRDT_WRITES, _WRITE),
    "altered": frozenset((200, *REFUSED_KEY)),
}
"""Statuses of a right answer; a 409 conflict of a CRDT write is answered as designed.

Another body under a used key is refused as designed. Where it is acknowledged, that is an answer like another, which
the checker looks into: it may have taken effect, or may have been swallowed.
"""
