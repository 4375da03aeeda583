"""Consent: append-only events; the newest decides."""

from datetime import datetime
from uuid import UUID

from compliance import policy
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


def _record(
    *, user_id: UUID, purpose: Purpose, given: bool, policy_version: str, text: str, ip: str | None, now: datetime
) -> ConsentEvent:
    return ConsentEvent.objects.create(
        user_id=user_id,
        person=pseudonym("user", user_id),
        purpose=purpose,
        given=given,
        policy_version=policy_version,
        text_hash=policy.sha256_of(text),
        ip=ip,
        at=now,
    )
