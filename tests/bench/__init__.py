"""Benchmarks: figures that the project promises of itself, measured on this machine, now."""
