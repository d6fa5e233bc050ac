"""Whether idempotency keys are distinct: each row carries eight bytes of its key, counted once the run has ended.

The generator keeps no key: a set of them would grow by some hundred bytes a request over a run of hours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from fireai_analysis.collect.workload import Request

REPEATED = frozenset(("replay", "duplicate", "altered"))
"""Actions that use a key again on purpose: they do not count."""
_DIGEST_BYTES = 8


def digest(request: Request) -> int:
    """Return the 64-bit digest of a request's own idempotency key, 0 where it has none or repeats one on purpose.

    The same in every process. Among n distinct keys two digests are equal with a probability of n * n / 2**65: one in
    six million over the 2.4 million requests of four hours at 166 rps.
    """
    if request.key is None or request.action in REPEATED:
        return 0
    found = hashlib.blake2b(request.key.encode(), digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(found, "little") or 1


def counts(digests: Iterable[int]) -> dict[str, int]:
    """Return how many keys were sent and how many of them are distinct; they differ where keys collide.

    Examples
    --------
    >>> counts([7, 0, 9, 7])
    {'keys_sent_count': 3, 'keys_distinct_count': 2}
    """
    sent = np.fromiter(digests, dtype=np.uint64)
    sent = sent[sent != 0]
    return {"keys_sent_count": len(sent), "keys_distinct_count": len(np.unique(sent))}
