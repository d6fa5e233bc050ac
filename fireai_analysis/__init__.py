"""Performance validation that can be believed: load, evidence, verdicts and reports for the Fire-AI platform."""
