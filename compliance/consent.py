"""Consent: append-only events; the newest decides. That one was taken back is told to the erasure ledger, so that a restored backup
does not go by the yes of before."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from compliance import erasure_ledger, policy
from compliance.erasure_ledger import Entry
from compliance.models import ConsentEvent
from compliance.policy import Purpose, StandingPurpose
from processors.pseudonyms import pseudonym


def grant(
    *, user_id: UUID, purpose: StandingPurpose, policy_version: str, ip: str | None, now: datetime
) -> ConsentEvent:
    """Records that the person agreed to the present text for a purpose."""
    text = policy.consent_text(purpose)
    return _record(
        user_id=user_id, purpose=purpose, given=True, policy_version=policy_version, text=text, ip=ip, now=now
    )


def grant_for_number(
    *, phone_e164: str, purpose: StandingPurpose, policy_version: str, ip: str | None, now: datetime
) -> None:
    """The same of somebody without an account, known by the number alone."""
    ConsentEvent.objects.create(
        person=pseudonym("phone", phone_e164),
        purpose=purpose,
        given=True,
        policy_version=policy_version,
        text_hash=policy.sha256_of(policy.consent_text(purpose)),
        ip=ip,
        at=now,
        # No account ends after which the term of the proof could begin.
        unlinked_at=now,
    )


def withdraw(*, user_id: UUID, purpose: StandingPurpose, ip: str | None, now: datetime) -> ConsentEvent:
    """Records that the person no longer agrees. What follows from that is the caller's part."""
    version, text = policy.current_version(), policy.consent_text(purpose)
    return _record(user_id=user_id, purpose=purpose, given=False, policy_version=version, text=text, ip=ip, now=now)


def record_words(*, user_id: UUID, purpose: Purpose, given: bool, words: str, ip: str | None, now: datetime) -> None:
    """Records a yes or no to words that were made for what the person chose; whoever made them keeps them."""
    version = policy.current_version()
    _record(user_id=user_id, purpose=purpose, given=given, policy_version=version, text=words, ip=ip, now=now)


def holds(*, user_id: UUID, purpose: Purpose) -> bool:
    """Whether the person's newest word on a purpose is yes."""
    newest = (
        ConsentEvent.objects.filter(person=pseudonym("user", user_id), purpose=purpose)
        .order_by("-at", "-id")
        .values_list("given", flat=True)
        .first()
    )
    return newest is True


def enter_withdrawal(event: ConsentEvent) -> None:
    """Has the erasure ledger told of a no, in the caller's transaction. Text messages have entries of their own (identity/opt_out.py)."""
    if event.purpose != "sms":
        erasure_ledger.note([_withdrawal(event)], now=event.at)


def recall(entry: Entry, *, user_id: UUID) -> None:
    """In a database that was restored: the no to the newest yes that is older than it, with the words of that yes. Repeating it changes
    nothing."""
    of_purpose = ConsentEvent.objects.filter(person=entry.key, purpose=entry.detail["purpose"])
    newest = of_purpose.order_by("-at", "-id").first()
    if newest is None or not newest.given or newest.at >= entry.at:
        return
    ConsentEvent.objects.create(
        user_id=user_id,
        person=entry.key,
        purpose=newest.purpose,
        given=False,
        policy_version=newest.policy_version,
        text_hash=newest.text_hash,
        ip=None,
        at=entry.at,
    )


def remembered(*, since: datetime) -> Iterator[Entry]:
    """What was taken back since then, for a ledger that does not know it."""
    taken_back = ConsentEvent.objects.filter(given=False, at__gte=since).exclude(purpose="sms")
    for event in taken_back.order_by("id").iterator():
        yield _withdrawal(event)


def _withdrawal(event: ConsentEvent) -> Entry:
    return Entry("withdrawal", event.person, event.at, {"purpose": event.purpose})


def _record(
    *, user_id: UUID, purpose: Purpose, given: bool, policy_version: str, text: str, ip: str | None, now: datetime
) -> ConsentEvent:
    event = ConsentEvent.objects.create(
        user_id=user_id,
        person=pseudonym("user", user_id),
        purpose=purpose,
        given=given,
        policy_version=policy_version,
        text_hash=policy.sha256_of(text),
        ip=ip,
        at=now,
    )
    if not given:
        enter_withdrawal(event)
    return event
