"""Secrets and signatures, as Standard Webhooks describes them: https://www.standardwebhooks.com (version 1, symmetric)."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings

PREFIX: Final = "whsec_"


def new_nonce() -> str:
    return secrets.token_hex(32)


def secret(endpoint_id: UUID, nonce: str) -> str:
    """The secret that follows from a row. No copy of the database opens it: SECRET_KEY is part of it."""
    return _secret(settings.SECRET_KEY, endpoint_id, nonce)


def believed(endpoint_id: UUID, nonce: str) -> list[str]:
    """The secrets by which a receiver may know us: that of now, and those that followed from former values of SECRET_KEY."""
    return [_secret(each, endpoint_id, nonce) for each in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _secret(ours: str, endpoint_id: UUID, nonce: str) -> str:
    key = hmac.new(ours.encode(), f"outgoing:{endpoint_id}:{nonce}".encode(), hashlib.sha256).digest()
    return PREFIX + base64.b64encode(key).decode()


def headers(*, message_id: str, body: bytes, signed_with: list[str], now: datetime) -> dict[str, str]:
    """The three headers; one signature for each secret, with a space between."""
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(each, content) for each in signed_with),
    }


def _signature(secret_text: str, content: bytes) -> str:
    key = base64.b64decode(secret_text.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
