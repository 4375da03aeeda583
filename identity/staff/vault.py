"""Secrets that have to be read again, encrypted with keys that are not in the database.

The first key of `STAFF_SECRET_KEYS` encrypts, all of them decrypt: a new one is put first, `manage.py staff rekey` encrypts
everything anew, and then the old one can go.
"""

from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from processors.errors import DomainError


class SecretUnreadable(DomainError):
    """None of the keys opens a secret: the key that sealed it is no longer among the settings; permanent until it is."""

    code: ClassVar[str] = "staff_secret_unreadable"


def sealed(secret: str) -> str:
    return _keys().encrypt(secret.encode()).decode()


def opened(token: str) -> str:
    """Raises SecretUnreadable."""
    try:
        return _keys().decrypt(token.encode()).decode()
    except InvalidToken:
        raise _unreadable() from None


def sealed_anew(token: str) -> str:
    """The same secret under the first key. Raises SecretUnreadable."""
    try:
        return _keys().rotate(token.encode()).decode()
    except InvalidToken:
        raise _unreadable() from None


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.STAFF_SECRET_KEYS])


def _unreadable() -> SecretUnreadable:
    return SecretUnreadable("Your second factor cannot be read on this server. Ask whoever runs it to reset you.")
