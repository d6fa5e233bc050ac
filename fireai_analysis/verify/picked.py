"""Rows that were picked for a figure, and what tells how it comes about from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Picked:
    """Rows of a figure; `marked` is the label in the index of the row that it is, None where it is not one row."""

    rows: pd.DataFrame
    notes: dict[str, str] = field(default_factory=dict)
    marked: Any = None
