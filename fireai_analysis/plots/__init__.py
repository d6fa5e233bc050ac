"""Figures of a run, each drawn twice from the same frame: plotly for the screen, SVG for print."""
