"""Keyed hashes that stand for people. The key lives outside the database, so a copy of the database alone
names nobody."""

import hmac
from uuid import UUID

from django.conf import settings


def pseudonym(kind: str, value: str | UUID) -> str:
    """64 hex digits. kind separates the spaces: "user", "phone" (E.164), "email", "sid", "social" (provider:subject),
    "browser" (user_workspace); e-mails are compared in lower case."""
    text = str(value).strip()
    if kind == "email":
        text = text.lower()
    key = bytes.fromhex(settings.SUPPRESSION_KEY)
    return hmac.digest(key, f"{kind}:{text}".encode(), "sha256").hex()
