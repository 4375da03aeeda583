"""Breaches of personal data: noticed, told to the authority within 72 hours, told to the people, closed with a reason, and with one of
its own where the authority was not told."""

import logging
import secrets
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from django.db import transaction

from compliance import audit
from compliance.audit import PersonalAction
from compliance.cases import reason_given
from compliance.models import Breach, BreachAlert, BreachEntry
from compliance.redaction import redact_cards
from processors.errors import DomainError
from processors.operator_mails import Written, send_alerts

logger = logging.getLogger(__name__)

AUTHORITY_WITHIN: Final = timedelta(hours=72)
# And once a day after the last of them.
ALERTS_AFTER_H: Final = (24, 48, 66, 72)
_SUBJECT: Final = "Breach {reference}: {after_h} of 72 hours have passed"
_LATE_SUBJECT: Final = "Breach {reference}: its 72 hours ran out {over_h} hours ago"
_TEXT: Final = (
    "The authority {has} to be told of breach {reference} by {due} UTC, and nothing says that it was.\n\n"
    "Read it: manage.py breach show {reference}\n"
    "When it is told: manage.py breach told {reference} authority HOW\n"
    "Where it need not be told: manage.py breach close {reference} CONCLUSION --untold REASON\n"
)


class BreachUnknown(DomainError):
    """No breach has this reference. Check it."""

    code: ClassVar[str] = "breach_unknown"


class BreachClosed(DomainError):
    """The breach is closed; nothing about it changes any more."""

    code: ClassVar[str] = "breach_closed"


class AuthorityUntold(DomainError):
    """The authority was not told of the breach, and nothing says why it need not be."""

    code: ClassVar[str] = "authority_untold"


class NoticedLater(DomainError):
    """A breach cannot have been noticed in the future."""

    code: ClassVar[str] = "breach_noticed_later"


def due_at(breach: Breach) -> datetime:
    """Until when the authority has to be told."""
    return breach.noticed_at + AUTHORITY_WITHIN


def record(*, what: str, noticed_at: datetime, by: str, now: datetime) -> Breach:
    """Opens a breach; its 72 hours run from when it was noticed. Raises ReasonMissing, NoticedLater."""
    if noticed_at > now:
        raise NoticedLater("It cannot have been noticed in the future. Give a time that has passed.")
    with transaction.atomic():
        breach = Breach.objects.create(
            reference=f"BR-{secrets.token_hex(4).upper()}", noticed_at=noticed_at, what=redact_cards(reason_given(what))
        )
        _audit(breach, "breach.recorded", by, now)
    return breach


def note(*, reference: str, text: str, by: str, now: datetime) -> Breach:
    """Raises BreachUnknown, ReasonMissing."""
    with transaction.atomic():
        breach = _locked(reference)
        _write(breach, text, by, now)
        _audit(breach, "breach.noted", by, now)
    return breach


def told(*, reference: str, whom: Literal["authority", "people"], how: str, by: str, now: datetime) -> Breach:
    """Notes that the authority or the people concerned were told, and how. Raises BreachUnknown, BreachClosed, ReasonMissing."""
    with transaction.atomic():
        breach = _open(reference)
        field = "told_authority_at" if whom == "authority" else "told_people_at"
        if getattr(breach, field) is None:
            setattr(breach, field, now)
            breach.save(update_fields=[field])
        _write(breach, f"Told the {whom}: {how}" if how.strip() else "", by, now)
        _audit(breach, "breach.told", by, now, whom=whom)
    return breach


def close(*, reference: str, conclusion: str, untold_reason: str = "", by: str, now: datetime) -> Breach:
    """untold_reason: why the authority need not be told, of a breach of which it was not.

    Raises BreachUnknown, BreachClosed, ReasonMissing, AuthorityUntold.
    """
    with transaction.atomic():
        breach = _open(reference)
        breach.closed_at, breach.conclusion = now, redact_cards(reason_given(conclusion))
        if breach.told_authority_at is None:
            if not untold_reason.strip():
                raise AuthorityUntold("The authority was not told. Record that it was, or say why it need not be told.")
            breach.untold_reason = redact_cards(untold_reason.strip())
        breach.save(update_fields=["closed_at", "conclusion", "untold_reason"])
        _audit(breach, "breach.closed", by, now)
    return breach


def of_reference(reference: str) -> Breach:
    """Raises BreachUnknown."""
    breach = Breach.objects.filter(reference=reference.strip().upper()).first()
    if breach is None:
        raise BreachUnknown("No breach has this reference. Check it.")
    return breach


def raise_breach_alerts(*, now: datetime) -> int:
    """Tells the operator of each open breach of which the authority is not told after 24, 48, 66 and 72 hours, once each, and then once a
    day until it is told or the breach is closed."""
    raised = 0
    late = Breach.objects.filter(
        closed_at__isnull=True, told_authority_at__isnull=True, noticed_at__lte=now - timedelta(hours=ALERTS_AFTER_H[0])
    )
    for breach in late.prefetch_related("alerts"):
        for after_h in _alerts_due(breach, now) - {alert.after_h for alert in breach.alerts.all()}:
            _, is_first = BreachAlert.objects.get_or_create(breach=breach, after_h=after_h, defaults={"next_at": now})
            if is_first:
                logger.error("breach is not told", extra={"reference": breach.reference, "count": after_h})
                raised += 1
    return raised


def _alerts_due(breach: Breach, now: datetime) -> set[int]:
    """After how many hours the operator should have heard of it: the last of these alone, however long nothing ran, or however late it
    was recorded."""
    passed_h = (now - breach.noticed_at) // timedelta(hours=1)
    last_day_h = passed_h // 24 * 24
    if last_day_h > ALERTS_AFTER_H[-1]:
        return {last_day_h}
    return {max(after_h for after_h in ALERTS_AFTER_H if after_h <= passed_h)}


def send_breach_alerts(*, now: datetime) -> int:
    """Sends the mails of these alerts; returns how many."""
    alerts = BreachAlert.objects.select_related("breach")
    return send_alerts(alerts, kind="breach_untold", write=_write_alert, now=now)


def _write_alert(alert: BreachAlert) -> Written:
    over_h = alert.after_h - ALERTS_AFTER_H[-1]
    places = {
        "reference": alert.breach.reference,
        "after_h": alert.after_h,
        "over_h": over_h,
        "has": "has" if over_h < 0 else "had",
        "due": f"{due_at(alert.breach):%Y-%m-%d %H:%M}",
    }
    return Written((_SUBJECT if over_h <= 0 else _LATE_SUBJECT).format(**places), _TEXT.format(**places))


def _locked(reference: str) -> Breach:
    return Breach.objects.select_for_update().get(id=of_reference(reference).id)


def _open(reference: str) -> Breach:
    breach = _locked(reference)
    if breach.closed_at is not None:
        raise BreachClosed("The breach is closed. Record another for what is new.")
    return breach


def _write(breach: Breach, text: str, by: str, now: datetime) -> None:
    BreachEntry.objects.create(breach=breach, at=now, author=by, text=redact_cards(reason_given(text)))


def _audit(breach: Breach, action: PersonalAction, by: str, now: datetime, **detail: str) -> None:
    audit.record(workspace_id=None, actor_ref=by, action=action, target=breach.reference, detail=detail, now=now)
