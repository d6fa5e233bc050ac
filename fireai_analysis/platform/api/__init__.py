"""The FastAPI service of the embedded platform: the public API in front of the Go service."""
