"""Keyed hashes that stand for people. What opens their key lives outside the database, so a copy of the database alone
names nobody."""

import hmac
from uuid import UUID

from processors.hash_key import hash_key


def pseudonym(kind: str, value: str | UUID) -> str:
    """64 hex digits. kind separates the spaces: "user", "phone" (E.164), "email", "sid", "social" (provider:subject),
    "browser" (user_workspace); e-mails are compared in lower case."""
    return hashed(hash_key(), kind, value)


def hashed(key: bytes, kind: str, value: str | UUID) -> str:
    """The same under a key that the database may not have."""
    text = str(value).strip()
    if kind == "email":
        text = text.lower()
    return hmac.digest(key, f"{kind}:{text}".encode(), "sha256").hex()
