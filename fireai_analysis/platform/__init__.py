"""The embedded reference platform: PostgreSQL 18, the Go service and the FastAPI service on loopback."""
