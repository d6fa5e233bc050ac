"""What of a file was refused and left out, counted by reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest.found import LeftOut, Refused
from fireai_analysis.ingest.source import Source


@dataclass
class Tally:
    """Counts by reason."""

    refused: dict[str, Refused] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def add(self, item: Refused | LeftOut) -> None:
        """Count one more; of the refused ones the first line is kept."""
        if isinstance(item, LeftOut):
            before = self.left_out.get(item.reason)
            self.left_out[item.reason] = LeftOut(item.reason, item.count + (before.count if before else 0))
        else:
            first = self.refused.get(item.reason, item)
            count = item.count + (first.count if first is not item else 0)
            self.refused[item.reason] = Refused(item.reason, first.line, count)

    def items(self) -> Iterator[Refused | LeftOut]:
        """Yield one item a reason: the refused by their first line, the left out by name."""
        yield from sorted(self.refused.values(), key=lambda one: (one.line or 0, one.reason))
        yield from sorted(self.left_out.values(), key=lambda one: one.reason)

    def nothing(self, source: Source) -> IngestError:
        """Return the refusal of a file that holds no request that can be read."""
        if self.refused:
            first = min(self.refused.values(), key=lambda one: one.line or 0)
            count = sum(one.count for one in self.refused.values())
            problem = f"holds no request that can be read: {count} refused, the first because {first.reason}"
            return source.refusal(problem, line=first.line)
        if self.left_out:
            what = ", ".join(f"{one.count} of {one.reason}" for one in self.left_out.values())
            return source.refusal(f"holds no request of its own ({what})", remedy="record the requests themselves too")
        return source.refusal("holds no request", remedy="take the file of a run that sent some")
