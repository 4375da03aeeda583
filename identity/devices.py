"""Browsers in which somebody came in all the way before. Each keeps an allowance of wrong passwords of its own, so that whoever
types wrong ones elsewhere shuts nobody out of the browser that is always used (OWASP's device cookies).

What such a browser shows says nothing about anybody: a random mark, and for each account a proof that we gave the two together.
"""

import hashlib
import re
import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from processors.pseudonyms import pseudonym

KNOWN_FOR: Final = timedelta(days=365)
# People who share a browser are each known in it; whoever came in last pushes out who did not for longest.
ACCOUNTS_MAX: Final = 4
_SALT: Final = "identity.devices"
# The mark is that of secrets.token_urlsafe(32), a proof 256 bits in hex.
_FORM: Final = re.compile(rf"([A-Za-z0-9_-]{{43}})((?:\.[0-9a-f]{{64}}){{1,{ACCOUNTS_MAX}}})")


def marked(*, shown: str, email: str) -> str:
    """What a browser in which the account came in shows from now on. shown: what it showed until now, however malformed."""
    mark, proofs = _read(shown)
    mark = mark or secrets.token_urlsafe(32)
    proof = _proof(mark, email, settings.SECRET_KEY)
    return ".".join([mark, proof, *[one for one in proofs if one != proof][: ACCOUNTS_MAX - 1]])


def key_of(*, shown: str, email: str) -> str:
    """Under what this browser is counted for the account, another for each account, so that the keys do not tell who shares a
    browser; "" where the account never came in, or does not exist."""
    mark, proofs = _read(shown)
    if not mark:
        return ""
    for ours in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        proof = _proof(mark, email, ours)
        if any(constant_time_compare(proof, one) for one in proofs):
            return hashlib.sha256(proof.encode()).hexdigest()
    return ""


def _read(shown: str) -> tuple[str, list[str]]:
    found = _FORM.fullmatch(shown)
    return (found[1], found[2][1:].split(".")) if found else ("", [])


def _proof(mark: str, email: str, ours: str) -> str:
    return salted_hmac(_SALT, f"{mark}:{pseudonym('email', email)}", secret=ours, algorithm="sha256").hexdigest()
