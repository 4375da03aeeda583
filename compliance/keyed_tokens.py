"""What opens something that belongs to a row: made from the row and our key, so it is stored nowhere."""

import hashlib
import hmac
from uuid import UUID

from processors.hash_key import hash_key


def keyed_token(what: str, row_id: UUID) -> str:
    """64 hex digits; nobody without our key can make it. what: separates the kinds of rows."""
    return hmac.new(hash_key(), f"{what}:{row_id}".encode(), hashlib.sha256).hexdigest()


def receipt_token(request_id: UUID) -> str:
    """What opens the receipt of an erasure when nobody can sign in any more."""
    return keyed_token("receipt", request_id)


def hash_of(token: str) -> str:
    """What is stored of a token, by which it is found: SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()
