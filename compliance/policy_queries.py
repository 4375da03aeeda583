"""Reads of the policy, its versions, and what each person is told and asked about them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db.models import Count

from compliance import policy, policy_change
from compliance.clauses import SECTIONS
from compliance.differences import differences
from compliance.models import PolicyMail, PolicyReceipt
from compliance.policy import Policy
from compliance.policy_schemas import (
    ClauseChangeOut,
    ClauseOut,
    ConsentTextOut,
    NewPurposeOut,
    PieceOut,
    PolicyChangesOut,
    PolicyNoticeOut,
    PolicyOut,
    PolicyToldOut,
    PolicyVersionOut,
    PolicyVersionsOut,
    PurposeOut,
    PurposesOut,
)
from compliance.versions import NewPurpose
from processors.errors import DomainError
from processors.pseudonyms import pseudonym


class PolicyVersionUnknown(DomainError):
    """There never was such a version of the policy."""

    code: ClassVar[str] = "policy_version_unknown"


def served_policy(version: str | None = None) -> PolicyOut:
    """One version, or the one in force. Raises PolicyVersionUnknown."""
    known = policy.all_versions()
    shown = policy.present() if version is None else known[_place(known, version)]
    return PolicyOut(
        **_version_out(shown, policy.present()).model_dump(),
        clauses=[
            ClauseOut(id=clause.id, section=clause.section, heading=clause.heading, text=clause.text)
            for clause in shown.clauses
        ],
        consents=[ConsentTextOut(purpose=purpose, text=text) for purpose, text in policy.CONSENT_TEXTS.items()],
        purposes=_purposes_out(shown.purposes),
    )


def versions() -> PolicyVersionsOut:
    present = policy.present()
    return PolicyVersionsOut(items=[_version_out(each, present) for each in reversed(policy.all_versions())])


def changes(*, version: str | None, since: str | None) -> PolicyChangesOut:
    """What differs between a version and an older one: the newest, and the one before it, where nothing else is asked for.

    Raises PolicyVersionUnknown.
    """
    known, present = policy.all_versions(), policy.present()
    place = len(known) - 1 if version is None else _place(known, version)
    after = known[place]
    before = known[place - 1] if since is None and place else known[_place(known, since)] if since else None
    return PolicyChangesOut(
        before=_version_out(before, present) if before else None,
        after=_version_out(after, present),
        items=[
            ClauseChangeOut(
                kind=change.kind,
                id=change.clause.id,
                section=change.clause.section,
                heading=SECTIONS[change.clause.section],
                pieces=[PieceOut(kind=piece.kind, text=piece.text) for piece in change.pieces],
            )
            for change in differences(before.clauses if before else after.clauses, after.clauses)
        ],
    )


def notice(*, user_id: UUID, now: datetime) -> PolicyNoticeOut:
    present = policy.present()
    row = policy_change.coming(now=now).first()
    coming = policy.of_row(row) if row else None
    receipts = PolicyReceipt.objects.filter(person=pseudonym("user", user_id))
    channels = set(receipts.filter(version=coming.version).values_list("channel", flat=True)) if coming else set()
    asks = policy_change.asks(user_id=user_id)
    return PolicyNoticeOut(
        coming=_version_out(coming, present) if coming else None,
        confirmed="app" in channels,
        mail_came_back="back" in channels,
        question=_version_out(present, present) if asks else None,
        purposes=_purposes_out(policy_change.unanswered(user_id=user_id) if asks else []),
    )


def purposes(*, user_id: UUID) -> PurposesOut:
    """What people are asked for, and what this person said last."""
    return PurposesOut(
        items=[
            PurposeOut(
                **_purpose_out(each).model_dump(), given=policy_change.standing(user_id=user_id, purpose=each.key)
            )
            for each in policy_change.asked_in_force()
        ]
    )


def words_of_consents() -> dict[str, str]:
    """Text hash -> what was agreed to, as far as it is known by its words."""
    words = {policy.sha256_of(text): text for text in policy.CONSENT_TEXTS.values()}
    for version in policy.all_versions():
        words[version.text_hash] = f"The privacy policy of {version.effective_at:%-d %B %Y}, version {version.version}."
        words.update({policy.sha256_of(purpose.words): purpose.words for purpose in version.purposes})
    return words


def told() -> list[PolicyToldOut]:
    """Of every version that people were or are told of, the newest first."""
    by_channel = PolicyReceipt.objects.values_list("version", "channel").order_by().annotate(Count("id"))
    counts = Counter({(version, channel): count for version, channel, count in by_channel})
    unsent = PolicyMail.objects.filter(sent_at__isnull=True).values_list("version__name").order_by()
    waiting = Counter(dict(unsent.annotate(Count("id"))))
    return [
        PolicyToldOut(
            version=each.version,
            effective_on=each.effective_at.date(),
            by_mail=counts[each.version, "mail"] - counts[each.version, "back"],
            came_back=counts[each.version, "back"],
            on_page=counts[each.version, "app"],
            waiting=waiting[each.name],
        )
        for each in reversed(policy.all_versions())
        if each.published_at
    ]


def _place(known: Sequence[Policy], version: str) -> int:
    places = [place for place, each in enumerate(known) if each.version == version]
    if not places:
        raise PolicyVersionUnknown("There is no such version of the policy. Choose one from the list of versions.")
    return places[0]


def _version_out(shown: Policy, present: Policy) -> PolicyVersionOut:
    order = (shown.effective_at > present.effective_at) - (shown.effective_at < present.effective_at)
    return PolicyVersionOut(
        version=shown.version,
        state="in_force" if order == 0 else "coming" if order > 0 else "past",
        effective_on=shown.effective_at.date(),
        published_at=shown.published_at,
        summary=shown.summary,
        text_hash=shown.text_hash,
    )


def _purpose_out(purpose: NewPurpose) -> NewPurposeOut:
    return NewPurposeOut(key=purpose.key, title=purpose.title, words=purpose.words, if_no=purpose.if_no)


def _purposes_out(purposes: Sequence[NewPurpose]) -> list[NewPurposeOut]:
    return [_purpose_out(purpose) for purpose in purposes]
