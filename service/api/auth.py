"""Who may come in: bearer keys, and the gate that is open only while no key was ever seen."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from service.api.problems import ProblemError
from service.store import keys

#: Whose idempotency keys these are, where nobody needs an API key.
ANYBODY = ""

_scheme = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="tmb_…",
    description="A key made with `tombola keys create NAME`. A server without keys listens on loopback only "
    "and asks for none.",
    auto_error=False,
)


class Gate:
    """Lets requests in: all of them while there are no keys, else those with a valid key.

    It closes for good at the first sight of a key, so that revoking the last one locks everybody out
    instead of letting everybody in.
    """

    def __init__(self, *, closed: bool) -> None:
        """Start closed, or open until a key is seen."""
        self._closed = closed

    def look(self, session: Session) -> bool:
        """Tell whether a key is needed, closing the gate if there are keys by now."""
        if not self._closed and keys.any_ever(session):
            self._closed = True
        return self._closed

    def admit(self, session: Session, authorization: str | None) -> str:
        """Return whose request this is: the id of the key, or `ANYBODY`.

        Raises:
            ProblemError: 401, a key is needed and this is none.
        """
        if not self.look(session):
            return ANYBODY
        scheme, _, key = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise _unauthorized(
                "this server needs an API key: send the header `Authorization: Bearer KEY` "
                "(`tombola keys create NAME` makes one)",
                "",
            )
        row = keys.by_key(session, key.strip())
        if row is None:
            raise _unauthorized("the API key is not valid, or it was revoked", ', error="invalid_token"')
        return str(row.id)


def _unauthorized(detail: str, more: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": f'Bearer realm="tombola"{more}'})


def _caller(
    request: Request,
    # Read by the route before the body (see `service.api.routes`); here it puts the scheme into OpenAPI.
    _credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_scheme)],
) -> str:
    return str(request.state.caller)


#: Whose request this is; every guarded router depends on it.
guarded = Depends(_caller)
Caller = Annotated[str, guarded]
