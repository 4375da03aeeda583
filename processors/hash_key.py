"""The key of all keyed hashes. It never changes, since whom most of them stand for nobody knows any more; so it is in the database,
sealed under SUPPRESSION_KEY, which can be replaced (decision 0040)."""

from functools import lru_cache
from typing import Any, Final, cast

from django.apps import apps
from django.conf import settings
from django.db import models

from processors.seal import SealUnreadable
from processors.sealed_columns import KeysWrong

SEALED_OTHERWISE: Final = (
    "The key of all hashes was sealed under another SUPPRESSION_KEY, and without it nobody who was erased or must not be called is"
    " recognised. Set that key as SUPPRESSION_KEY_PREVIOUS until `manage.py sealed renew` is through."
)
_NEVER_MADE: Final = (
    "This database has no key of hashes yet. Run `manage.py replay_erasures` while the erasure ledger answers."
)


def hash_key() -> bytes:
    """32 bytes. Read once in a process, which asks for it before it serves anybody (config/replayed.py). Raises KeysWrong,
    ImproperlyConfigured."""
    return _opened(settings.SUPPRESSION_KEY, settings.SUPPRESSION_KEY_PREVIOUS)


def stored() -> models.Manager[Any]:
    """Of the one row."""
    # Models import what hashes before any model can be.
    return cast(models.Manager[Any], apps.get_model("processors", "HashKey")._default_manager)


@lru_cache(maxsize=4)
def _opened(*_keys: str) -> bytes:
    """With the keys at hand. What is raised is not kept."""
    row = stored().first()
    if row is None:
        raise KeysWrong(_NEVER_MADE)
    try:
        return bytes.fromhex(row.value)
    except SealUnreadable:
        raise KeysWrong(SEALED_OTHERWISE) from None
