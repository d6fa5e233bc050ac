"""Whether the run was this scenario: its users, its mix of requests, and a key of its own for each write."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from scipy import stats

from fireai_analysis.analyze.columns import floats, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.validity import told
from fireai_analysis.results import Check
from fireai_analysis.routes import CRDT_WRITES, ROUTES
from fireai_analysis.spec import MixEntry
from fireai_analysis.units import percent_text

USERS_TOLERANCE = 0.02
FALSE_ALARM = 1e-6
"""How often a run with the right mix is called wrong by chance."""

REPEATING = ("replay", "duplicate", "altered")
"""Kinds of CRDT operations that use the key of another on purpose."""

KEYED = frozenset(ROUTES[action] for action in (*CRDT_WRITES, "evidence"))
"""Method and endpoint of the requests that carry a key."""

Kind = tuple[str, str, str]


def users(data: RunData, rows: Rows) -> Check:
    """Whether the requests were sent for as many users as the scenario has, and Locust showed as many.

    Arrivals are handed to the users in turn, so n arrivals of N users come from min(n, N) of them; 2 % may be missing.
    """
    planned, numbers = data.manifest.spec.scenario.users, floats(rows.frame, "user")
    unknown = int(np.isnan(numbers).sum())
    if not len(rows) or unknown:
        return Check(check="users", ok=None, detail=f"the users of {unknown:,} requests are not known")
    found = np.unique(numbers)
    wanted = min(planned, len(rows))
    wrong = [] if (1 - USERS_TOLERANCE) * wanted <= len(found) <= planned else ["not those of the scenario"]
    if found.max() >= planned or found.min() < 0:
        wrong.append(f"user {found.max() if found.max() >= planned else found.min():.0f} does not exist in it")
    shown = _shown_by_locust(data)
    if shown is not None and abs(shown - planned) > USERS_TOLERANCE * planned:
        wrong.append(f"Locust showed {shown:.0f} users")
    detail = f"{len(found):,} users in the rows, {planned:,} in the scenario, {len(rows):,} requests"
    return Check(check="users", ok=not wrong, detail="; ".join([detail, *wrong]))


def _shown_by_locust(data: RunData) -> float | None:
    """Return how many users Locust showed in the middle second, all workers together; None where one was lost."""
    frame, workers = data.during("generator"), told.workers(data) or ()
    if frame is None or any(one.get("state") != "done" for one in workers):
        return None
    counts = pd.Series(floats(frame, "users_count")).groupby(floats(frame, "worker")).median().dropna()
    return float(counts.sum()) if len(counts) else None


def mix(data: RunData, rows: Rows) -> Check:
    """Whether endpoints and doors were asked as often as the weights of the mix say, and are judged as it says.

    Each count is held against its binomial distribution; a mix that is right is called wrong once in a million runs.
    """
    if not len(rows):
        return Check(check="mix", ok=None, detail="no request was recorded")
    shares, seen = _shares(data.manifest.spec.scenario.mix), _seen(rows)
    if strange := sorted(seen.keys() - shares.keys()):
        named = ", ".join(" ".join(kind) for kind in strange)
        return Check(check="mix", ok=False, detail=f"{sum(map(seen.__getitem__, strange)):,} requests to {named}")
    level = FALSE_ALARM / len(shares)
    off = [
        f"{' '.join(kind)} {percent_text(seen[kind] / len(rows))} % instead of {percent_text(share)} %"
        for kind, share in sorted(shares.items())
        if stats.binomtest(seen[kind], len(rows), min(share, 1.0)).pvalue < level
    ]
    if misjudged := _misjudged(data.manifest.spec.scenario.mix, rows):
        off.append(f"{misjudged:,} requests are not judged as their entry of the mix says")
    return Check(check="mix", ok=not off, detail="; ".join(off) or f"{len(shares)} kinds of requests, as weighted")


def _shares(entries: tuple[MixEntry, ...]) -> dict[Kind, float]:
    """Return the share of each door, method and endpoint that a mix asks for."""
    total, shares = sum(entry.weight for entry in entries), dict[Kind, float]()
    for entry in entries:
        kind: Kind = (entry.door, *ROUTES[entry.action])
        shares[kind] = shares.get(kind, 0.0) + entry.weight / total
    return shares


def _misjudged(entries: tuple[MixEntry, ...], rows: Rows) -> int:
    """Return how many rows carry another flag than their entry; kinds that the mix gives both flags tell nothing."""
    flags_of: dict[Kind, set[bool]] = {}
    for entry in entries:
        flags_of.setdefault((entry.door, *ROUTES[entry.action]), set()).add(entry.judged)
    wanted = {kind: float(min(both)) for kind, both in flags_of.items() if len(both) == 1}
    flags = floats(rows.frame, "judged")
    found = Counter(zip(_kinds(rows), flags.tolist(), strict=True))
    return sum(count for (kind, flag), count in found.items() if kind in wanted and flag != wanted[kind])


def _seen(rows: Rows) -> Counter[Kind]:
    return Counter(_kinds(rows))


def _kinds(rows: Rows) -> list[Kind]:
    columns = (texts(rows.frame, name).tolist() for name in ("door", "method", "endpoint"))
    return list(zip(*columns, strict=True))


def idempotency_keys(data: RunData, rows: Rows) -> Check:
    """Whether each write had a key of its own: one that shares a key is answered from a store and measures nothing."""
    facts, history = told.part(data, "generator"), data.operations
    sent, distinct = told.count(facts, "keys_sent_count"), told.count(facts, "keys_distinct_count")
    if sent == 0 and _keyed_count(rows):
        sent = None
    shared = None if history is None or history.empty else _shared_keys(history)
    if (sent is None or distinct is None) and shared is None:
        return Check(check="idempotency_keys", ok=None, detail="the keys of the writes were not counted")
    wrong = [f"{shared:,} CRDT writes share their key with another"] if shared else []
    told_text = "keys of the CRDT history were compared"
    if sent is not None and distinct is not None:
        told_text = f"{distinct:,} distinct keys on {sent:,} keyed writes"
        wrong += [f"{sent - distinct:,} writes used a key again"] if distinct != sent else []
        keyless = _keyed_count(rows) - _repeated_count(history) - sent
        wrong += [f"{keyless:,} more writes were sent than keys were counted"] if keyless > 0 else []
    return Check(check="idempotency_keys", ok=not wrong, detail="; ".join([told_text, *wrong]))


def _keyed_count(rows: Rows) -> int:
    """Return how many requests were sent that carry a key."""
    kinds = _kinds(rows)
    return sum(sent and kind[1:] in KEYED for sent, kind in zip(rows.sent.tolist(), kinds, strict=True))


def _repeated_count(history: pd.DataFrame | None) -> int:
    """Return how many CRDT writes used the key of another on purpose."""
    return 0 if history is None else int(np.isin(texts(history, "kind"), REPEATING).sum())


def _shared_keys(history: pd.DataFrame) -> int:
    """Return how many CRDT writes carry a key that another write, not repeated on purpose, carries too."""
    own = history[~np.isin(texts(history, "kind"), REPEATING)]
    keys = pd.Series(texts(own, "idempotency_key"))
    return int(keys.duplicated(keep=False).sum())
