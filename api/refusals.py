"""What is refused to somebody, and from where, written down for whoever looks after the product: a bounded number of each kind and
network in an hour; and guesses, of which the operator is told. Wrong passwords and passcodes are recorded where they are counted.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from django.db import DatabaseError
from django.http import HttpRequest

from api.auth import CsrfFailed, look_of
from api.client import client_of
from compliance.policy_change import PolicyUnanswered
from compliance.requests import ConfirmationMismatch, ReceiptUnknown
from identity import access
from identity.api_keys import ApiKeyInvalid
from identity.auth import Actor
from identity.case_links import CaseLinkInvalid
from identity.email_proof import EmailLinkInvalid
from identity.invitations import InvitationInvalid
from identity.models import AccessEvent
from identity.nominees import NomineeLinkInvalid
from identity.number_access import DataLinkUnknown, NumberCodeWrong
from identity.operations import AccountBlocked
from identity.passwords import ResetLinkInvalid
from identity.staff.people import EnrolmentInvalid
from identity.step_up import ProofNotRecent
from processors import guessing
from processors.errors import DomainError

logger = logging.getLogger(__name__)

KINDS: Final[dict[type[DomainError], str]] = {
    ApiKeyInvalid: AccessEvent.KEY_REFUSED,
    CaseLinkInvalid: AccessEvent.LINK_REFUSED,
    CsrfFailed: AccessEvent.PAGE_FORGED,
    EmailLinkInvalid: AccessEvent.LINK_REFUSED,
    EnrolmentInvalid: AccessEvent.LINK_REFUSED,
    InvitationInvalid: AccessEvent.LINK_REFUSED,
    NomineeLinkInvalid: AccessEvent.LINK_REFUSED,
    ResetLinkInvalid: AccessEvent.LINK_REFUSED,
}
GUESSES: Final[dict[type[DomainError], guessing.Kind]] = {
    CaseLinkInvalid: "case_link",
    ConfirmationMismatch: "confirmation",
    DataLinkUnknown: "copy_link",
    EmailLinkInvalid: "mailed_link",
    EnrolmentInvalid: "mailed_link",
    InvitationInvalid: "mailed_link",
    NomineeLinkInvalid: "nominee_link",
    NumberCodeWrong: "number_code",
    ReceiptUnknown: "receipt",
    ResetLinkInvalid: "mailed_link",
}
_STATUSES: Final[dict[int, str]] = {
    403: AccessEvent.RIGHT_REFUSED,
    404: AccessEvent.NOT_THERE,
    429: AccessEvent.THROTTLED,
}
# Recorded where they are decided, or no attempt at anything.
_ELSEWHERE: Final = (access.SignInThrottled, AccountBlocked, PolicyUnanswered, ProofNotRecent)


def note(request: HttpRequest, status: int, error: Exception | None = None) -> None:
    """error: why, where the route said so. Nothing is written in a look, whose transaction may not."""
    kind = next((kind for cls, kind in KINDS.items() if isinstance(error, cls)), _STATUSES.get(status))
    if kind is not None and not isinstance(error, _ELSEWHERE):
        note_kind(request, kind)
    guessed = next((guessed for cls, guessed in GUESSES.items() if isinstance(error, cls)), None)
    if guessed is not None and look_of(request) is None:
        with _kept(guessed):
            guessing.note(kind=guessed, network=client_of(request).network, now=datetime.now(UTC))


def note_kind(request: HttpRequest, kind: str) -> None:
    """kind: of AccessEvent."""
    if look_of(request) is not None:
        return
    actor = getattr(request, "auth", None)
    user_id = actor.user_id if isinstance(actor, Actor) else None
    with _kept(kind):
        access.note_refusal(kind=kind, client=client_of(request), now=datetime.now(UTC), user_id=user_id)


@contextmanager
def _kept(kind: str) -> Iterator[None]:
    """The refusal itself stands, whether or not it can be written down."""
    try:
        yield
    except DatabaseError as failure:
        logger.warning("refusal not noted", extra={"error_type": type(failure).__name__, "kind": kind})
