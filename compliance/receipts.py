"""The signed receipt of an erasure: what it says as one text, our signature under it, and whether that is ours.

Ed25519 of the library cryptography, with a key that follows from that of all hashes: as the address of the receipt does, so both hold
for as long as each other, and no key that is replaced ends them. Who has the text and the signature needs our word for nothing
but the public key.
"""

import base64
import binascii
import json
from datetime import UTC
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from compliance.models import Request
from processors.hash_key import hash_key

_KEY_BYTES: Final = 32


def text_of(request: Request) -> str:
    """What is signed of an erasure that is done: its receipt's keyed address, times and counts. Whether something is held is not in
    it, because an order may forbid to tell."""
    receipt: dict[str, Any] = request.receipt or {}
    finished = request.finished_at
    said = {
        "receipt": request.receipt_hash,
        "requested_at": request.opened_at.astimezone(UTC).isoformat(),
        "finished_at": finished.astimezone(UTC).isoformat() if finished else None,
        "erased": receipt["erased"],
        "left": receipt["left"],
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def sign(text: str) -> str:
    """In base64."""
    return base64.b64encode(_key().sign(text.encode())).decode()


def is_ours(text: str, signature: str) -> bool:
    """Whether we have signed exactly this text."""
    try:
        _key().public_key().verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def public_key() -> str:
    """The 32 bytes by which anybody checks a signature without us, in base64."""
    return base64.b64encode(_key().public_key().public_bytes_raw()).decode()


def _key() -> Ed25519PrivateKey:
    # Derived, so that no key does two kinds of work.
    derive = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"klosesales.erasure-receipt")
    return Ed25519PrivateKey.from_private_bytes(derive.derive(hash_key()))
