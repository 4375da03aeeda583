"""A person names somebody who acts for them when they no longer can; that somebody declines, or asks.

Nobody learns from the outside whether an account has a nominee, or whether there is an account: whoever asks gets the same answer,
and a mail goes to the nominee's own address alone.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal
from uuid import UUID

from django.db import transaction

from compliance import access, audit, case_mails, cases, consent, nominee_grants, policy
from compliance import nominees as nominee_rows
from compliance.audit import PersonalAction
from compliance.keyed_tokens import hash_of, keyed_token
from compliance.models import AuditEvent, Case, CaseEntry, Nominee, NomineeClaim
from compliance.redaction import redact_cards
from identity.access import Client
from identity.contact import parse_email
from identity.models import User
from identity.number_lock import line_up
from identity.opt_out import PolicyOutdated
from identity.personal_data import subject_of
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

CLAIM_GOOD_FOR: Final = timedelta(hours=24)
CLAIMS_A_DAY_MAX: Final = 3
NAMED_A_DAY_MAX: Final = 5
AN_ADDRESS_A_DAY_MAX: Final = 3
Step = Literal["decline", "confirm", "copy"]


class NomineeIsSelf(DomainError):
    """The address is the account's own."""

    code: ClassVar[str] = "nominee_is_self"


class NomineesTooMany(DomainError):
    """So many were named today that no more mails go out; passes within a day."""

    code: ClassVar[str] = "nominees_too_many"
    retryable: ClassVar[bool] = True


class NomineeDeclined(DomainError):
    """Whoever has the address has declined to act for this person, and is not asked again."""

    code: ClassVar[str] = "nominee_declined"


class NomineeLinkInvalid(DomainError):
    """The link was used, is too old, or never was; which of them is not told."""

    code: ClassVar[str] = "nominee_link_invalid"

    def __init__(self) -> None:
        super().__init__(
            "This link cannot be used any more. Ask again on this page, or write to support@klosesales.com."
        )


def name(*, user_id: UUID, name: str, email: str, policy_version: str, client: Client, now: datetime) -> Nominee:
    """Names somebody, in place of who was named before; the clock mails what it means to the address.

    Who is named already gets no other mail. Raises EmailInvalid, NomineeIsSelf, NomineeDeclined, NomineesTooMany, PolicyOutdated.
    """
    address = parse_email(email)
    if policy_version != policy.current_version():
        raise PolicyOutdated("What you agree to has changed meanwhile. Reload the page, then read it again.")
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=user_id)
        if address == user.email:
            raise NomineeIsSelf("This is your own address. Name somebody else.")
        kept = Nominee.objects.filter(user_id=user_id, email=address).first()
        if kept is not None:
            kept.name = redact_cards(name)[:160]
            kept.save(update_fields=["name"])
            return kept
        address_key = pseudonym("email", address)
        _refuse_mass(user_id, address_key, now)
        if nominee_rows.remove(user_id=user_id, now=now):
            nominee_rows.enter_replaced(user_id=user_id, now=now)
        nominee = Nominee(user_id=user_id, name=redact_cards(name)[:160], email=address, named_at=now, next_at=now)
        nominee.link_hash = hash_of(decline_token(nominee.id))
        nominee.save(force_insert=True)
        consent.grant(user_id=user_id, purpose="nominee", policy_version=policy_version, ip=client.address, now=now)
        _audit("nominee.named", user_id, now, address=address_key)
    return nominee


def take_back(*, user_id: UUID, client: Client, now: datetime) -> None:
    """Nobody acts for the person any more; what was asked for, granted or not, goes with it. Repeating it changes nothing."""
    with transaction.atomic():
        if nominee_rows.remove(user_id=user_id, now=now):
            consent.withdraw(user_id=user_id, purpose="nominee", ip=client.address, now=now)
            _audit("nominee.taken_back", user_id, now)


def ask(*, email: str, account_email: str, words: str, now: datetime) -> None:
    """Takes what a nominee asks for, and has a link mailed that proves it; nothing when the two addresses do not belong together.

    Raises EmailInvalid.
    """
    theirs, account = parse_email(email), parse_email(account_email)
    user = User.objects.filter(email=account, mobile_verified_at__isnull=False).first()
    with transaction.atomic():
        # Whoever asks at the same moment waits.
        named = Nominee.objects.select_for_update(no_key=True).filter(email=theirs, declined_at__isnull=True)
        nominee = named.filter(user_id=user.id).first() if user else None
        if nominee is None or _asked_today(nominee, now) >= CLAIMS_A_DAY_MAX:
            return
        claim = NomineeClaim(
            nominee=nominee, words=redact_cards(words), created_at=now, expires_at=now + CLAIM_GOOD_FOR, next_at=now
        )
        claim.link_hash = hash_of(claim_token(claim.id))
        claim.save(force_insert=True)


def seen(*, token: str, now: datetime) -> Step:
    """What pressing the button behind a mailed link does; looking does nothing. Raises NomineeLinkInvalid."""
    if Nominee.objects.filter(link_hash=hash_of(token), declined_at__isnull=True).exists():
        return "decline"
    if NomineeClaim.objects.filter(link_hash=hash_of(token), expires_at__gt=now).exists():
        return "confirm"
    if nominee_grants.is_link(token, now):
        return "copy"
    raise NomineeLinkInvalid


def press(*, token: str, now: datetime) -> Step:
    """Declines, or confirms what was asked for, which opens a case. Raises NomineeLinkInvalid."""
    with transaction.atomic():
        nominee = Nominee.objects.select_for_update().filter(link_hash=hash_of(token), declined_at__isnull=True).first()
        if nominee is not None:
            nominee_rows.decline(nominee, now=now)
            return "decline"
        claim = (
            NomineeClaim.objects.select_for_update(of=("self",))
            .select_related("nominee")
            .filter(link_hash=hash_of(token), expires_at__gt=now)
            .first()
        )
        if claim is None:
            raise NomineeLinkInvalid
        _open_case(claim, now)
        claim.delete()
        return "confirm"


def copy(*, token: str, now: datetime) -> Iterator[str]:
    """Everything that is held about the person whose nominee was granted a copy; once, see `copied`. Raises NomineeLinkInvalid."""
    with transaction.atomic():
        user_id = nominee_grants.open_link(token=token, now=now)
        if user_id is None:
            raise NomineeLinkInvalid
        return access.export(subject=subject_of(user_id), now=now, by="requester")


def copied(*, token: str, now: datetime) -> None:
    """The copy has left as a whole. now: as `copy` had it."""
    with transaction.atomic():
        nominee_grants.use_up(token=token, now=now)


def prepare(*, reference: str, evidence: str, access: bool, erasure: bool, by: str, now: datetime) -> Case:
    """As `nominee_grants.prepare` says. Raises CaseUnknown, CaseClosed too."""
    with transaction.atomic():
        case = cases.locked_open(reference)
        nominee_grants.prepare(case=case, evidence=evidence, access=access, erasure=erasure, by=by, now=now)
    return case


def approve(*, reference: str, seen: UUID, by: str, now: datetime) -> Case:
    """As `nominee_grants.approve` says. Raises CaseUnknown, CaseClosed, NothingPrepared too."""
    with transaction.atomic():
        case = cases.locked_open(reference)
        if case.user_id is None:
            raise nominee_grants.NotOfNominee("The account is gone, so there is nothing to grant.")
        nominee_grants.approve(case=case, seen=seen, subject=subject_of(case.user_id), by=by, now=now)
    return case


def withdraw(*, reference: str, by: str, now: datetime) -> Case:
    """As `nominee_grants.withdraw` says. Raises CaseUnknown too."""
    with transaction.atomic():
        case = cases.locked(reference)
        nominee_grants.withdraw(case=case, by=by, now=now)
    return case


def decline_token(nominee_id: UUID) -> str:
    """What stands in the mail that says what being named means; made from our key, so it is stored nowhere."""
    return keyed_token("nominee", nominee_id)


def claim_token(claim_id: UUID) -> str:
    return keyed_token("nominee_claim", claim_id)


def _open_case(claim: NomineeClaim, now: datetime) -> None:
    nominee = claim.nominee
    user = User.objects.get(id=nominee.user_id)
    case = cases.open_case(
        kind="nominee",
        channel="nominee_page",
        person=pseudonym("user", user.id),
        user_id=user.id,
        contact=nominee.email,
        words=claim.words,
        proof="link",
        by="requester",
        now=now,
    )
    # Who is well says so, before anybody decides.
    case_mails.queue(case, template="nominee_asks", to=user.email, now=now)


def _refuse_mass(user_id: UUID, address_key: str, now: datetime) -> None:
    """Raises NomineeDeclined, NomineesTooMany. One address is protected from all accounts together."""
    declined = AuditEvent.objects.filter(target=str(user_id), action="nominee.declined", detail__address=address_key)
    if declined.exists():
        raise NomineeDeclined("They have declined to act for you. Name somebody else.")
    line_up(f"nominee:{address_key}")
    today = AuditEvent.objects.filter(at__gt=now - timedelta(days=1), action="nominee.named")
    mine, theirs = today.filter(target=str(user_id)), today.filter(detail__address=address_key)
    if mine.count() >= NAMED_A_DAY_MAX or theirs.count() >= AN_ADDRESS_A_DAY_MAX:
        raise NomineesTooMany("This was changed too often today. Wait a day.")


def _asked_today(nominee: Nominee, now: datetime) -> int:
    """What was confirmed is a case by now."""
    since = now - timedelta(days=1)
    confirmed = CaseEntry.objects.filter(
        at__gt=since,
        kind="words",
        case__user_id=nominee.user_id,
        case__contact=nominee.email,
        case__channel="nominee_page",
    )
    return nominee.claims.filter(created_at__gt=since).count() + confirmed.count()


def _audit(action: PersonalAction, user_id: UUID, now: datetime, **detail: str) -> None:
    audit.record(workspace_id=None, actor_ref=str(user_id), action=action, target=str(user_id), detail=detail, now=now)
