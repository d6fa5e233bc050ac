"""What speaks against a history whose counts are clean: evidence that is missing or was not exercised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import floats, texts
from fireai_analysis.analyze.crdt_idempotency import digest_of
from fireai_analysis.spec import Scenario

KINDS = frozenset(("unique", "contended", "counter", "replay", "duplicate", "altered"))
REPETITIONS = ("replay", "duplicate", "altered")
REQUIRED = ("op_id", "kind", "session_id", "path", "token", "idempotency_key", "outcome", "status", "end_ns")


def history_doubts(frame: pd.DataFrame, keys: pd.DataFrame | None, scenario: Scenario) -> Iterator[str]:
    """Yield in words what keeps a history from passing.

    Parameters
    ----------
    frame, keys : pandas.DataFrame
        History (schema OPERATIONS) and rows of idempotency keys; the latter may be absent, which other doubts tell.
    scenario : Scenario
        Its mix says which kinds of operations belong into the history.
    """
    missing = [name for name in REQUIRED if name not in frame]
    if missing:
        yield f"the history has no column {', '.join(missing)}"
        return
    for name in ("op_id", "path"):
        if bare := int((texts(frame, name) == "").sum()):
            yield f"{bare:,} operations carry no {name}"
    kinds, tokens = texts(frame, "kind"), texts(frame, "token")
    if odd := int((~np.isin(kinds.astype(str), sorted(KINDS))).sum()):
        yield f"{odd:,} operations are of no known kind"
    if bare := int((tokens == "").sum()):
        yield f"{bare:,} operations carry no token"
    counters = kinds == "counter"
    if counters.any() and (unsaid := int(np.isnan(floats(frame, "amount")[counters]).sum())):
        yield f"{unsaid:,} counter writes do not say what they add"
    asked = {entry.action for entry in scenario.mix} & set(REPETITIONS)
    if asked and not np.isin(kinds.astype(str), REPETITIONS).any():
        yield "no write was repeated: idempotency was not exercised"
    yield from _keyless(frame, keys)


def _keyless(frame: pd.DataFrame, keys: pd.DataFrame | None) -> Iterator[str]:
    """Tell of keys of acknowledged writes that were not found: nothing is known of their effects."""
    if keys is None or keys.empty:
        return
    rows = floats(keys, "rows_count") >= 1
    found = set(texts(keys, "key_sha256")[rows])
    acknowledged = set(texts(frame, "idempotency_key")[(frame["outcome"] == "ok").to_numpy(dtype=bool)])
    absent = sum(key not in found and digest_of(key) not in found for key in map(str, acknowledged))
    if absent:
        yield f"{absent:,} of {len(acknowledged):,} keys of acknowledged writes were not found"
