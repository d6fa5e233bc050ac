"""Turns a judged campaign into files: notebooks run in batch, report, exporters, alert rules."""
