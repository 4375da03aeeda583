"""A changed policy: it is published, people are told, it takes effect, and whoever goes on using the product accepts it.

Only who was told before the effective date accepts by use. Everybody else, and whoever is asked for a new purpose, answers on a
page before the product goes on.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal, cast
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from compliance import consent, policy, tombstones
from compliance.models import ConsentEvent
from compliance.policy import Policy
from compliance.policy_models import PolicyReceipt, PolicyVersion
from compliance.versions import NewPurpose, Version
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

logger = logging.getLogger(__name__)

NOTICE: Final = timedelta(days=14)
Channel = Literal["mail", "app", "back"]


class PolicyUnanswered(DomainError):
    """The policy has changed, and this person has to answer before the product goes on."""

    code: ClassVar[str] = "policy_unanswered"

    def __init__(self) -> None:
        super().__init__("Our privacy policy has changed and we have to ask you something first. Reload the page.")


class PolicyNotInForce(DomainError):
    """What was answered is not the version in force; the page has to be loaded again."""

    code: ClassVar[str] = "policy_not_in_force"


class AnswerMissing(DomainError):
    """Not every new purpose was answered with yes or no, or one was that nobody asked for."""

    code: ClassVar[str] = "answer_missing"


class NothingToConfirm(DomainError):
    """There is no coming version of the policy that people are being told of."""

    code: ClassVar[str] = "no_policy_notice"


class PurposeUnknown(DomainError):
    """Nobody is asked for this purpose, so there is nothing to give or take back."""

    code: ClassVar[str] = "purpose_unknown"


def publish_versions(*, now: datetime) -> list[str]:
    """Makes known what the registry has and no row has yet, each version once; returns which.

    A version whose date is nearer than NOTICE cannot be told in time: it is not published, never takes effect, and the log says so.
    Where nobody has accepted anything yet there is nobody to be told, so a new installation begins with the newest.
    """
    published = []
    to_be_told = ConsentEvent.objects.filter(purpose="policy", unlinked_at__isnull=True).exists()
    for version in cast(Sequence[Version], import_string(f"{settings.POLICY_VERSIONS}.VERSIONS"))[1:]:
        row = _row_of(version, now)
        known = PolicyVersion.objects.filter(name=version.name).first()
        if known is not None:
            if known.text_hash != row.text_hash:
                logger.error("policy version was edited after people were told of it", extra={"version": version.name})
        elif to_be_told and version.effective_at - now < NOTICE:
            logger.error(
                "policy version comes too late to tell people",
                extra={"version": version.name, "due_on": version.effective_on.isoformat()},
            )
        else:
            PolicyVersion.objects.bulk_create([row], ignore_conflicts=True)
            published.append(version.name)
    return published


def coming(*, now: datetime) -> QuerySet[PolicyVersion]:
    """What people are being told of, the next one first."""
    return PolicyVersion.objects.filter(effective_at__gt=now).order_by("effective_at")


def note_told(*, version: PolicyVersion, user_id: UUID, channel: Channel, now: datetime) -> None:
    """Adds the receipt, or with "back" that the mail of which there is one did not arrive. A second one for the same person and channel
    changes nothing. Who was erased meanwhile gets none."""
    if tombstones.is_erased("user", user_id):
        return
    told = policy.of_row(version)
    receipt = PolicyReceipt(
        version=told.version,
        user_id=user_id,
        person=pseudonym("user", user_id),
        channel=channel,
        text_hash=told.text_hash,
        at=now,
    )
    PolicyReceipt.objects.bulk_create([receipt], ignore_conflicts=True)


def confirm_notice(*, user_id: UUID, version: str, now: datetime) -> None:
    """The person has read the notice on the page. Raises NothingToConfirm."""
    row = next((each for each in coming(now=now) if policy.of_row(each).version == version), None)
    if row is None:
        raise NothingToConfirm("This notice is over. Reload the page to see the policy in force.")
    note_told(version=row, user_id=user_id, channel="app", now=now)


def asks(*, user_id: UUID) -> bool:
    """Whether the person has to answer a page before the product goes on."""
    now_in_force = policy.present()
    if now_in_force.published_at is None:
        return False
    if unanswered(user_id=user_id):
        return True
    return not (_has_accepted(user_id, now_in_force) or was_told(user_id=user_id, of=now_in_force))


def unanswered(*, user_id: UUID) -> list[NewPurpose]:
    """New purposes of all versions in force that the person has said neither yes nor no to."""
    asked = [purpose for version in _in_force() for purpose in version.purposes]
    keys = [purpose.key for purpose in asked]
    said = ConsentEvent.objects.filter(person=pseudonym("user", user_id), purpose__in=keys)
    answered = set(said.values_list("purpose", flat=True))
    return [purpose for purpose in asked if purpose.key not in answered]


def was_told(*, user_id: UUID, of: Policy) -> bool:
    """Whether there is a receipt from before the version took effect; one of a mail counts for nothing once that came back."""
    receipts = PolicyReceipt.objects.filter(person=pseudonym("user", user_id), version__in=of.names)
    at = dict(receipts.values_list("channel", "at"))
    if "back" in at:
        at = {channel: when for channel, when in at.items() if channel == "app"}
    return any(when < of.effective_at for when in at.values())


def accept_by_use(*, user_id: UUID, ip: str | None, now: datetime) -> str:
    """The first use after the effective date accepts the version in force, once however many requests come together. Returns it.

    Raises PolicyUnanswered.
    """
    if asks(user_id=user_id):
        raise PolicyUnanswered
    present = policy.present()
    _accept(user_id, present, ip, now)
    return present.version


def answer(*, user_id: UUID, version: str, answers: Mapping[str, bool], ip: str | None, now: datetime) -> None:
    """Accepts the version in force on the page, with a yes or no to every new purpose. A second time it changes nothing.

    Raises PolicyNotInForce, AnswerMissing.
    """
    present = policy.present()
    if present.version != version:
        raise PolicyNotInForce("The policy has changed meanwhile. Reload the page, then read it again.")
    with transaction.atomic():
        _lock(user_id)
        wanted = {purpose.key: purpose for purpose in unanswered(user_id=user_id)}
        if missing := set(wanted) - set(answers):
            titles = ", ".join(wanted[key].title for key in sorted(missing))
            raise AnswerMissing(f"Say yes or no to each of these: {titles}.")
        known = {purpose.key for each in _in_force() for purpose in each.purposes}
        if not set(answers) <= known:
            raise AnswerMissing("Only what the page asks can be answered. Reload it, then answer again.")
        for key, purpose in wanted.items():
            _note_purpose(user_id, purpose, answers[key], present, ip, now)
        _accept(user_id, present, ip, now)


def asked_in_force() -> list[NewPurpose]:
    """What people may allow and take back at any time: the country of our servers, and the new purposes of all versions in force."""
    return [policy.TRANSFER, *(purpose for version in _in_force() for purpose in version.purposes)]


def set_purpose(*, user_id: UUID, purpose: str, given: bool, ip: str | None, now: datetime) -> bool:
    """Gives, or takes back, the consent to one of the purposes that people are asked for; False when the person had said so before.

    Raises PurposeUnknown.
    """
    asked = next((each for each in asked_in_force() if each.key == purpose), None)
    if asked is None:
        raise PurposeUnknown("Nobody is asked for this. Reload the page to see what you can agree to.")
    with transaction.atomic():
        _lock(user_id)
        if standing(user_id=user_id, purpose=purpose) is given:
            return False
        _note_purpose(user_id, asked, given, policy.present(), ip, now)
    return True


def standing(*, user_id: UUID, purpose: str) -> bool | None:
    """What the person said last; None when nothing was said."""
    events = ConsentEvent.objects.filter(person=pseudonym("user", user_id), purpose=purpose)
    return events.order_by("-at", "-id").values_list("given", flat=True).first()


def _in_force() -> list[Policy]:
    present = policy.present()
    return [each for each in policy.all_versions() if each.effective_at <= present.effective_at]


def _has_accepted(user_id: UUID, version: Policy) -> bool:
    accepted = ConsentEvent.objects.filter(person=pseudonym("user", user_id), purpose="policy", given=True)
    return accepted.filter(policy_version__in=version.names).exists()


def _accept(user_id: UUID, version: Policy, ip: str | None, now: datetime) -> None:
    event = ConsentEvent(
        user_id=user_id,
        person=pseudonym("user", user_id),
        purpose="policy",
        given=True,
        policy_version=version.version,
        text_hash=version.text_hash,
        ip=ip,
        at=now,
    )
    # A constraint of the database lets one acceptance of a version stand for each person.
    ConsentEvent.objects.bulk_create([event], ignore_conflicts=True)


def _note_purpose(
    user_id: UUID, purpose: NewPurpose, given: bool, version: Policy, ip: str | None, now: datetime
) -> None:
    event = ConsentEvent.objects.create(
        user_id=user_id,
        person=pseudonym("user", user_id),
        purpose=purpose.key,
        given=given,
        policy_version=version.version,
        text_hash=policy.sha256_of(purpose.words),
        ip=ip,
        at=now,
    )
    if not given:
        consent.enter_withdrawal(event)


def _lock(user_id: UUID) -> None:
    """Two answers of one person wait for each other until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"policy:{user_id}"])


def _row_of(version: Version, now: datetime) -> PolicyVersion:
    content = {
        "summary": version.summary,
        "clauses": [asdict(clause) for clause in version.clauses],
        "purposes": [asdict(purpose) for purpose in version.purposes],
        "where_twilio_writes": dict(version.where_twilio_writes),
        "receives": {key: sorted(classes) for key, classes in version.receives.items()},
    }
    whole = json.dumps([version.name, version.effective_on.isoformat(), content], sort_keys=True)
    return PolicyVersion(
        name=version.name,
        effective_at=version.effective_at,
        published_at=now,
        text_hash=policy.sha256_of(whole),
        **content,
    )
