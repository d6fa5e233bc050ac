"""JSON Schemas of the request bodies, compiled once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastjsonschema

from fireai_analysis.platform.api.proxy import Refused

_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}

SESSION: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["building_id", "session_name", "status", "created_by"],
    "properties": {"building_id": _TEXT, "session_name": _TEXT, "status": _TEXT, "created_by": _TEXT},
    "additionalProperties": False,
}

RESULTS: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["session_id", "changes", "vector_clock", "idempotency_key"],
    "properties": {
        "session_id": _TEXT,
        "idempotency_key": _TEXT,
        "vector_clock": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 5000,
            "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 2**53},
        },
        "changes": {
            "type": "array",
            "minItems": 1,
            "maxItems": 100,
            "items": {
                "type": "object",
                "required": ["op", "path", "value"],
                "additionalProperties": False,
                "properties": {
                    "op": {"enum": ["add", "set", "increment"]},
                    "path": _TEXT,
                    "value": {"type": ["object", "string", "integer"]},
                },
            },
        },
    },
    "additionalProperties": False,
}

_results: Callable[[Any], Any] = fastjsonschema.compile(RESULTS)
_session: Callable[[Any], Any] = fastjsonschema.compile(SESSION)


def check_results(document: Any) -> None:
    """Refuse, with 422, a document that is not a CRDT write."""
    _check(_results, document)


def check_session(document: Any) -> dict[str, str]:
    """Return a document that asks for a session; refuse any other with 422."""
    _check(_session, document)
    return dict(document)


def _check(validate: Callable[[Any], Any], document: Any) -> None:
    try:
        validate(document)
    except fastjsonschema.JsonSchemaException as error:
        raise Refused(422, "bad_body", str(error)) from None
