"""The validity gate: named checks of a run, before any criterion (DESIGN.md section 6)."""

from fireai_analysis.analyze.validity.gate import gate as gate
