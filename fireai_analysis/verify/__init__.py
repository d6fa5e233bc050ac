"""Recomputes what a campaign reports, from its rows, by a second path that shares no formula with analysis."""
