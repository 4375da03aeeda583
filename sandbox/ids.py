"""Identifiers of the form that the real services give out."""

import secrets
import time

_ULID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def sid(prefix: str) -> str:
    """A Twilio SID: two letters and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


def paddle_id(prefix: str) -> str:
    """A Paddle id: prefix, "_" and a lower-case ULID (26 characters, sortable by time)."""
    number = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    letters = []
    for _ in range(26):
        letters.append(_ULID_LETTERS[number & 31])
        number >>= 5
    return f"{prefix}_{''.join(reversed(letters))}"


def verification_code() -> str:
    """Six digits, as Verify sends them by default."""
    return f"{secrets.randbelow(1_000_000):06d}"
