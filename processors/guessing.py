"""Secrets that somebody guesses and senders that somebody forges: counted when they are refused, by kind, network and hour."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from django.db.models import F

from processors.models import Guesses
from processors.pseudonyms import pseudonym

logger = logging.getLogger(__name__)

Kind = Literal[
    "receipt", "nominee_link", "case_link", "mailed_link", "copy_link", "number_code", "confirmation", "forged_mail"
]


@dataclass(frozen=True, slots=True)
class Guessed:
    """what: in words for the operator. told_from: so many from one network in an hour are no mistakes any more, 1 or more."""

    what: str
    told_from: int


KINDS: Final[Mapping[Kind, Guessed]] = {
    "receipt": Guessed("addresses of receipts for deletions that are none", 5),
    "nominee_link": Guessed("links for nominees that are none", 5),
    "case_link": Guessed("links to requests about data that are none", 5),
    "mailed_link": Guessed("links from our mails that are none", 5),
    "copy_link": Guessed("links to a copy of the data about a number that are none", 5),
    "number_code": Guessed("wrong passcodes for a number that was called", 5),
    "confirmation": Guessed("deletions that were confirmed with the wrong address or number", 5),
    # Mail servers that sign nothing are among them, and reports about mails that we did not send.
    "forged_mail": Guessed("mails to support for whose sender nothing vouches", 20),
}


def note(*, kind: Kind, network: str, now: datetime) -> None:
    """Counts one that was refused. network: as `identity.access.Client` has it, "" when unknown."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    key = pseudonym("network", network) if network else ""
    row, _ = Guesses.objects.get_or_create(kind=kind, network_key=key, hour=hour, defaults={"count": 0})
    Guesses.objects.filter(id=row.id).update(count=F("count") + 1)
    if row.count + 1 == KINDS[kind].told_from:
        logger.warning("somebody guesses", extra={"kind": kind, "count": row.count + 1})
