"""The key of all keyed hashes, sealed, in the product's database and in the erasure ledger (decision 0040).

Both need it, and either may be older than the last change of SUPPRESSION_KEY: a database that was restored takes what the ledger has,
and the other way round, so that no former key is asked for that the other place does without.
"""

import hmac
import secrets
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from uuid_utils.compat import uuid7

from compliance import erasure_ledger
from compliance.erasure_ledger import Connection, LedgerStrange
from compliance.models import LedgerMark, Suppression, Tombstone
from processors.hash_key import SEALED_OTHERWISE, stored
from processors.pseudonyms import hashed
from processors.seal import KEY_ID_BYTES, SealUnreadable, newest_key_id
from processors.sealed_columns import KeysWrong

_KEY_BYTES: Final = 32
_WHICH: Final = (
    "Which key has hashed so far is not known without the erasure ledger of before. Start once with that one as SUPPRESSION_KEY and"
    " without SUPPRESSION_KEY_PREVIOUS."
)
_OTHER_LEDGER: Final = "The erasure ledger was written with another SUPPRESSION_KEY. Put that key back, or set it as SUPPRESSION_KEY_PREVIOUS."


def settle(*, is_new: bool = False) -> None:
    """Both places have the key, sealed under the newest SUPPRESSION_KEY of the two; made where there is none yet. Repeating it changes
    nothing.

    is_new: as for `erasure_ledger.prepare`. Raises KeysWrong, LedgerAway, LedgerStrange, ImproperlyConfigured.
    """
    with transaction.atomic(), erasure_ledger.opened_ledger() as ledger:
        mark = LedgerMark.objects.select_for_update().first()
        erasure_ledger.make_tables(ledger)
        head = ledger.execute("SELECT id, key_check, last_sequence FROM erasure_ledger").fetchone()
        identity, key_check, last = head or (uuid7(), "", 0)
        if mark is not None and not is_new and (why := erasure_ledger.strange(mark, identity, last)):
            raise LedgerStrange(why)
        ours, theirs = _ours(), _theirs(ledger)
        is_one = mark.ledger == identity if mark else not ours
        found = [sealed for sealed in (ours, theirs if is_one else b"") if sealed]
        if readable := [sealed for sealed in found if _opened(sealed)]:
            sealed = max(readable, key=_is_newest)
        elif found:
            raise KeysWrong(SEALED_OTHERWISE)
        else:
            sealed = _sealed(_first(is_installed=mark is not None, identity=identity, key_check=key_check))
        if key_check and not _fits(bytes.fromhex(_opened(sealed)), identity, key_check):
            # With it nobody would be found, and all would look well.
            raise LedgerStrange(_OTHER_LEDGER)
        if sealed != ours:
            stored().update_or_create(id=1, defaults={"value": sealed})
        if sealed != theirs:
            ledger.execute(
                "INSERT INTO erasure_hash_key (sealed) VALUES (%s) ON CONFLICT (single) DO UPDATE SET sealed = excluded.sealed",
                [sealed],
            )


def key_id_in_ledger() -> str:
    """Of the SUPPRESSION_KEY under which the ledger's copy is, in hex. Raises LedgerAway, LedgerStrange."""
    with erasure_ledger.opened_ledger() as ledger:
        return _theirs(ledger)[:KEY_ID_BYTES].hex()


def _first(*, is_installed: bool, identity: UUID, key_check: str) -> str:
    """In hex. Until there was one, SUPPRESSION_KEY itself was what hashed, and goes on doing so where it has; who begins gets one that
    nobody has ever seen. Raises KeysWrong, LedgerStrange."""
    known = any(model._default_manager.exists() for model in (get_user_model(), Suppression, Tombstone))
    if not (known or is_installed or key_check):
        return secrets.token_hex(_KEY_BYTES)
    at_hand = [key.lower() for key in (settings.SUPPRESSION_KEY, settings.SUPPRESSION_KEY_PREVIOUS) if key]
    if key_check:
        for key in at_hand:
            if _fits(bytes.fromhex(key), identity, key_check):
                return key
        raise LedgerStrange(_OTHER_LEDGER)
    if len(at_hand) > 1:
        raise KeysWrong(_WHICH)
    return at_hand[0]


def _fits(key: bytes, identity: UUID, key_check: str) -> bool:
    return hmac.compare_digest(hashed(key, "ledger", identity), key_check)


def _ours() -> bytes:
    row = stored().select_for_update().first()
    return bytes(row.__dict__["value"]) if row else b""


def _theirs(ledger: Connection) -> bytes:
    """A copy of what the product's database has, byte by byte, so that it opens as that does."""
    row = ledger.execute("SELECT sealed FROM erasure_hash_key").fetchone()
    return bytes(row[0]) if row else b""


def _row(value: Any) -> Any:
    return stored().model(value=value)


def _opened(sealed: bytes) -> str:
    """In hex; empty where no key at hand opens it."""
    try:
        return str(_row(sealed).value)
    except SealUnreadable:
        return ""


def _sealed(key: str) -> bytes:
    row = _row(key)
    return bytes(row._meta.get_field("value").pre_save(row, add=True))


def _is_newest(sealed: bytes) -> bool:
    return sealed[:KEY_ID_BYTES] == newest_key_id("SUPPRESSION_KEY")
