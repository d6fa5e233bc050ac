"""What checked records share: they are immutable, and their addresses carry no secret."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict


class Frozen(BaseModel):
    """A checked, immutable record that refuses unknown keys and numbers that are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


def checked_url(url: str) -> str:
    """Return an http(s) address without trailing slash; raise ValueError for user names, secrets or bad ports."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address must start with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise ValueError("an address must not carry a user name or password; put secrets in the environment")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("port out of range, allowed 1 to 65535") from None
    if port == 0:
        raise ValueError("port out of range, allowed 1 to 65535")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(checked_url)]
