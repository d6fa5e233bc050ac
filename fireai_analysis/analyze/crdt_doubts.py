"""What speaks against a history whose counts are clean: evidence that is missing, too early, or not exercised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import floats, texts
from fireai_analysis.analyze.document import ABSENT, Document, at
from fireai_analysis.spec import Scenario

KINDS = frozenset(("unique", "contended", "counter", "replay", "duplicate", "altered"))
REPETITIONS = ("replay", "duplicate", "altered")
REQUIRED = ("op_id", "kind", "session_id", "path", "token", "idempotency_key", "outcome", "status", "end_ns")


def history_doubts(
    frame: pd.DataFrame, finals: pd.DataFrame | None, keys: pd.DataFrame | None, scenario: Scenario
) -> Iterator[str]:
    """Yield in words what keeps a history from passing.

    Parameters
    ----------
    frame, finals, keys : pandas.DataFrame
        History (schema OPERATIONS), final states (schema STATES) and rows of idempotency keys; the latter two may be
        absent, which other doubts tell.
    scenario : Scenario
        Its mix says which kinds of operations belong into the history.
    """
    missing = [name for name in REQUIRED if name not in frame]
    if missing:
        yield f"the history has no column {', '.join(missing)}"
        return
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
    yield from _early(frame, finals)
    yield from _elsewhere(frame, finals)
    yield from _keyless(frame, keys)


def _early(frame: pd.DataFrame, finals: pd.DataFrame | None) -> Iterator[str]:
    """Tell of final states that were read before the last answer of their session, or at an unknown time."""
    if finals is None or finals.empty:
        return
    ok = frame[(frame["outcome"] == "ok").to_numpy(dtype=bool)]
    last = pd.Series(floats(ok, "end_ns"), index=texts(ok, "session_id")).groupby(level=0).max()
    begun = pd.Series(floats(finals, "begin_ns"), index=texts(finals, "session_id")).groupby(level=0).min()
    late = begun.reindex(last.index)
    read = last.index.isin(begun.index)
    early = int((read & ~(late.to_numpy() > last.to_numpy())).sum())
    if early:
        yield f"the final state of {early:,} sessions was read before their last answer, or at an unknown time"


def _elsewhere(frame: pd.DataFrame, finals: pd.DataFrame | None) -> Iterator[str]:
    """Tell of acknowledged elements that do not stand at their own path in a database where others do."""
    if finals is None or finals.empty:
        return
    rows = finals[texts(finals, "source").astype(str) == "sql"]
    read = zip(texts(rows, "session_id"), texts(rows, "document"), strict=True)
    documents = {session: document for session, text in read if (document := Document.parse(text)) is not None}
    kept = frame[(frame["outcome"] == "ok").to_numpy(dtype=bool)]
    kinds, paths, standing, absent = texts(kept, "kind"), texts(kept, "path"), 0, 0
    for session, kind, path in zip(texts(kept, "session_id"), kinds, paths, strict=True):
        if session in documents and kind in ("unique", "contended", "counter"):
            held = at(documents[session].content, path)
            standing += held is not ABSENT
            absent += kind == "unique" and (held is ABSENT or held is None)
    if standing and absent:
        yield f"{absent:,} acknowledged elements do not stand at their own path, where others do"


def _keyless(frame: pd.DataFrame, keys: pd.DataFrame | None) -> Iterator[str]:
    """Tell of keys of acknowledged writes that were not found: nothing is known of their effects."""
    if keys is None or keys.empty:
        return
    acknowledged = len(set(texts(frame, "idempotency_key")[(frame["outcome"] == "ok").to_numpy(dtype=bool)]))
    found = int((floats(keys, "rows_count") >= 1).sum())
    if found < acknowledged:
        yield f"{acknowledged - found:,} of {acknowledged:,} keys of acknowledged writes were not found"
