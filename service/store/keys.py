"""Queries on API keys."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from service.store.database import now
from service.store.models import ApiKey

PREFIX = "tmb_"
#: Characters of a key that somebody chose; `new_key` makes longer ones.
MIN_LENGTH = 24
NAME_LENGTH = 100


def _shown(key: str) -> str:
    """Return what may be shown of a key: little of one that somebody chose."""
    return key[: len(PREFIX) + 4] if key.startswith(PREFIX) else key[:2]


def digest(key: str) -> str:
    """Return what is stored of a key: its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    """Return a fresh key of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def add(session: Session, name: str, key: str) -> ApiKey:
    """Register a key under a name."""
    row = ApiKey(name=name, prefix=_shown(key), digest=digest(key), created_at=now())
    session.add(row)
    session.flush()
    return row


def ensure(session: Session, name: str, key: str) -> None:
    """Make this the valid key of that name, whatever was registered under it before."""
    row = by_name(session, name)
    if row is None:
        add(session, name, key)
    elif row.digest != digest(key) or row.revoked_at is not None:
        row.digest, row.prefix, row.revoked_at = digest(key), _shown(key), None


def by_name(session: Session, name: str) -> ApiKey | None:
    """Return the key of that name, revoked or not."""
    return session.scalars(select(ApiKey).where(ApiKey.name == name)).one_or_none()


def by_key(session: Session, key: str) -> ApiKey | None:
    """Return the row of a key that is valid now."""
    return session.scalars(
        select(ApiKey).where(ApiKey.digest == digest(key), ApiKey.revoked_at.is_(None))
    ).one_or_none()


def any_valid(session: Session) -> bool:
    """Tell whether any key is valid."""
    return bool(session.scalar(select(exists().where(ApiKey.revoked_at.is_(None)))))


def any_ever(session: Session) -> bool:
    """Tell whether any key was ever registered, valid or revoked."""
    return bool(session.scalar(select(exists().where(ApiKey.id.is_not(None)))))


def all_keys(session: Session) -> Sequence[ApiKey]:
    """Return all keys, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def revoke(session: Session, name: str) -> bool:
    """Revoke the key of that name; false if there is no such valid key."""
    return (
        session.scalars(
            update(ApiKey)
            .where(ApiKey.name == name, ApiKey.revoked_at.is_(None))
            .values(revoked_at=now())
            .returning(ApiKey.id)
        ).first()
        is not None
    )
