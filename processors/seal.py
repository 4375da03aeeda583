"""Values that only the product can read: sealed with keys that are not in the database, found by a keyed hash.

AES-256-GCM of the library cryptography. A sealed value is the key's id (4 bytes), the blind index where there is one (32), a
random nonce (12), and the ciphertext with its tag. What it belongs to is authenticated along, so that it opens nowhere else.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_ID_BYTES: Final = 4
INDEX_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


class SealUnreadable(Exception):
    """A sealed value does not open: its key is not among the settings, or it was changed or put elsewhere; permanent until
    the right key is back."""


@dataclass(frozen=True, slots=True)
class _Key:
    """key_id: follows from the key and says nothing about it."""

    key_id: bytes
    cipher: AESGCM


def seal(text: str, *, about: str, keys: str = "FIELD_KEYS", index: bytes = b"") -> bytes:
    """Under the newest key of the setting that `keys` names. about: what the value belongs to. Raises ImproperlyConfigured."""
    key = _newest(keys)
    head, nonce = key.key_id + index, secrets.token_bytes(_NONCE_BYTES)
    return head + nonce + key.cipher.encrypt(nonce, text.encode(), head + about.encode())


def unseal(sealed: bytes, *, about: str, keys: str = "FIELD_KEYS", index_bytes: int = 0) -> str:
    """What `seal` was given, with the same `about`. Raises SealUnreadable, ImproperlyConfigured."""
    key = _ring(keys).get(sealed[:KEY_ID_BYTES])
    if key is None:
        raise SealUnreadable(
            f"A value was sealed with a key that is not in {keys}. Put that key back behind the newest."
        )
    head_bytes = KEY_ID_BYTES + index_bytes
    head, nonce = sealed[:head_bytes], sealed[head_bytes : head_bytes + _NONCE_BYTES]
    try:
        return key.cipher.decrypt(nonce, sealed[head_bytes + _NONCE_BYTES :], head + about.encode()).decode()
    except (InvalidTag, ValueError):
        raise SealUnreadable("A sealed value was changed, or belongs to another row or column.") from None


def seal_in_json(text: str, *, about: str) -> str:
    """As `seal`, for a place inside a JSON value. Raises ImproperlyConfigured."""
    return base64.b64encode(seal(text, about=about)).decode()


def unseal_from_json(sealed: str, *, about: str) -> str:
    """Raises SealUnreadable, ImproperlyConfigured."""
    return unseal(base64.b64decode(sealed), about=about)


def blind_indexes(value: str, *, of: str) -> list[bytes]:
    """By which a value is found without being read: HMAC-SHA-256 over it, blanks around it and the case of letters aside, as
    far as `parse_email` sets them aside: what is two addresses there is two here. Under LOOKUP_KEY, by which it is written,
    then under LOOKUP_KEY_PREVIOUS where that is set.

    of: the column, so that the same address in two tables is not seen to be the same. Raises ImproperlyConfigured.
    """
    text = f"{of}:{value.strip().lower()}".encode()
    return [hmac.digest(key, text, "sha256") for key in _look_up_keys()]


def look_up_key_ids() -> list[str]:
    """Of LOOKUP_KEY, then of LOOKUP_KEY_PREVIOUS where that is set; they say nothing about the keys. Raises ImproperlyConfigured."""
    return [
        HKDF(SHA256(), KEY_ID_BYTES, salt=None, info=b"klosesales.lookup").derive(key).hex() for key in _look_up_keys()
    ]


def _look_up_keys() -> list[bytes]:
    """Raises ImproperlyConfigured."""
    return _hex_keys("LOOKUP_KEY")


def _hex_keys(setting: str) -> list[bytes]:
    """It, and the former one where that is set. Raises ImproperlyConfigured."""
    former = f"{setting}_PREVIOUS"
    keys = []
    for name in (setting, former) if getattr(settings, former) else (setting,):
        try:
            keys.append(bytes.fromhex(getattr(settings, name)))
        except ValueError:
            keys.append(b"")
        if len(keys[-1]) != _KEY_BYTES:
            raise ImproperlyConfigured(f"{name} is not 64 hex digits; see docs/configuration.md.")
    return keys


def newest_key_id(keys: str) -> bytes:
    """What values that are sealed now begin with. Raises ImproperlyConfigured."""
    return _newest(keys).key_id


def known_key_ids(keys: str) -> list[bytes]:
    """In the setting's order. Raises ImproperlyConfigured."""
    return list(_ring(keys))


def _newest(keys: str) -> _Key:
    return next(iter(_ring(keys).values()))


def _ring(keys: str) -> Mapping[bytes, _Key]:
    if keys == "SUPPRESSION_KEY":
        return _made(tuple(base64.urlsafe_b64encode(key).decode() for key in _hex_keys(keys)))
    try:
        return _made(tuple(getattr(settings, keys)))
    except ValueError:
        raise ImproperlyConfigured(
            f"{keys} is not 32 random bytes in URL-safe base64, or several of them; see docs/configuration.md."
        ) from None


@lru_cache(maxsize=16)
def _made(keys: tuple[str, ...]) -> Mapping[bytes, _Key]:
    """By their ids, the newest first. Raises ValueError."""
    made = [_of(key) for key in keys]
    if not made:
        raise ValueError
    return {key.key_id: key for key in made}


def _of(key: str) -> _Key:
    """Raises ValueError."""
    try:
        random = base64.b64decode(key.encode(), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError from error
    if len(random) != _KEY_BYTES:
        raise ValueError
    # Derived, so that the id may be known and no key does two kinds of work.
    derived = HKDF(SHA256(), _KEY_BYTES + KEY_ID_BYTES, salt=None, info=b"klosesales.seal").derive(random)
    return _Key(derived[_KEY_BYTES:], AESGCM(derived[:_KEY_BYTES]))
