"""Sends single requests to a target before a run; never the load itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import requests
from requests.adapters import HTTPAdapter

from fireai_analysis.collect.contract import failure_text
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.collect.workload import Request
from fireai_analysis.spec import Door, Target

TIMEOUT_S = 5.0
LARGEST_BODY_BYTES = 1 << 20
CONNECTIONS_COUNT = 32

Identity = Literal["right", "wrong", "none"]


@dataclass(frozen=True)
class Reply:
    """What came back on one request: a status with headers and body, or the problem of getting none."""

    status: int
    body: bytes
    problem: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """Sends single requests to a target, with the right tokens, with wrong ones or with none; may be used by threads.

    Parameters
    ----------
    target : Target
        The system under test.
    environment : mapping of str to str
        Holds the secrets under the names in the target file.

    Raises
    ------
    TargetError
        Where a secret is missing.
    """

    def __init__(self, target: Target, environment: Mapping[str, str]) -> None:
        wrong = {name: f"not-{environment.get(name)}" for name in target.secret_names()}
        self._target = target
        self._tokens = {"right": Tokens(target, environment), "wrong": Tokens(target, wrong)}
        self._session = requests.Session()
        self._session.trust_env = False
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS_COUNT))

    def send(self, request: Request, identity: Identity = "right") -> Reply:
        """Return the answer to a request; no redirect is followed, no proxy used."""
        headers = dict(request.headers)
        if identity != "none":
            headers |= self._tokens[identity].headers(request.door, 0)
        try:
            with self._session.request(
                request.method,
                self._target.base_url(request.door) + request.path,
                headers=headers,
                data=request.body,
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = next(answer.iter_content(LARGEST_BODY_BYTES), b"")
                return Reply(answer.status_code, body, headers=answer.headers)
        except requests.RequestException as error:
            return Reply(0, b"", _words(error))


def health(door: Door) -> Request:
    """Return the smallest request there is."""
    return Request("health", door, "/health", {}, None)


def _words(error: requests.RequestException) -> str:
    """Return a transport error in a few words: the texts of requests repeat addresses."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT_S:g} s"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return failure_text(cause)
        cause = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
    return "no connection"
