"""Observes a live system: drives the load, records each request, samples the parts, reads the final states."""
