"""Samples the parts of a running system in a process of its own, one thread a source.

`python -m fireai_analysis.collect.samplers BUNDLE_DIR NUMBER` writes `journal/samplers-NUMBER.jsonl` until its standard
input ends.
"""
