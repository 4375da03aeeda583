"""Whether an e-mail address is the person's: shown by pressing a button behind a link that only its mailbox gets.

A link is good once, for its address alone, and only while the account has that address. Opening it changes nothing, since the
scanners of mail servers open every link.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal
from uuid import UUID

from django.core import signing
from django.db import connection, transaction
from django.db.models import QuerySet

from compliance import audit
from identity.access import Client, record
from identity.auth import Actor
from identity.models import AccessEvent, AccountMail, User
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

Way = Literal["link", "reset_link", "invitation", "provider", "operator"]
LINK_GOOD_FOR: Final = timedelta(hours=24)
# How long whoever has lost an address by a change may take it back.
TAKE_BACK_FOR: Final = timedelta(days=7)
LINKS_AN_HOUR_MAX: Final = 3
LINKS_A_DAY_MAX: Final = 10
_GOOD_FOR: Final = {
    AccountMail.VERIFY_EMAIL: LINK_GOOD_FOR,
    AccountMail.NEW_EMAIL: LINK_GOOD_FOR,
    AccountMail.EMAIL_CHANGED: TAKE_BACK_FOR,
}
_SALT: Final = "identity.email.link"
# Where nobody's browser is known.
NO_CLIENT: Final = Client(address=None, agent="")


class EmailLinkInvalid(DomainError):
    """The link is not one of ours, was used, replaced, or is too old. Says nothing about which of these."""

    code: ClassVar[str] = "email_link_invalid"

    def __init__(self) -> None:
        super().__init__(
            "This link was used already, was replaced by another, or is too old. Ask for a new one in the settings."
        )


class EmailLinksTooMany(DomainError):
    """Too many links were asked for by the person or for the address; passes with time."""

    code: ClassVar[str] = "email_links_too_many"
    retryable: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(
            "Several links were sent lately. Look into your spam folder too, or wait an hour and ask again."
        )


class EmailUnverified(DomainError):
    """The person's address has not been proved, or not since the mobile number was changed."""

    code: ClassVar[str] = "email_unverified"


def ask(*, user: User, now: datetime) -> None:
    """Mails a link to the person's address. In the caller's transaction."""
    AccountMail.objects.create(kind=AccountMail.VERIFY_EMAIL, email=user.email, user=user, created_at=now, next_at=now)


def send_again(*, actor: Actor, now: datetime) -> None:
    """Another link, unless the address is proved; links that were sent before stay good. Raises EmailLinksTooMany."""
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=actor.user_id)
        if user.email_verified_at is not None:
            return
        demand_room(user_id=user.id, kind=AccountMail.VERIFY_EMAIL, now=now)
        ask(user=user, now=now)


def demand_room(*, user_id: UUID, kind: str, now: datetime) -> None:
    """Raises EmailLinksTooMany when the person, locked by the caller, was sent so many links of the kind lately."""
    sent = AccountMail.objects.filter(user_id=user_id, kind=kind)
    an_hour, a_day = (sent.filter(created_at__gt=now - timedelta(hours=hours)).count() for hours in (1, 24))
    if an_hour >= LINKS_AN_HOUR_MAX or a_day >= LINKS_A_DAY_MAX:
        raise EmailLinksTooMany


def is_wanted(mail: AccountMail) -> bool:
    """Whether a link that waits to be sent is still of use."""
    if mail.kind == AccountMail.VERIFY_EMAIL:
        user = mail.user
        return user is not None and user.email == mail.email and user.email_verified_at is None
    return mail.kind != AccountMail.NEW_EMAIL or mail.used_at is None


def link_token(mail: AccountMail) -> str:
    """What the link carries. It follows from the row, so that only the mail ever holds it."""
    return signing.Signer(salt=_SALT).sign(str(mail.id))


def mail_of(token: str, *, now: datetime) -> AccountMail:
    """The mail, with its person, whose link is still good. Raises EmailLinkInvalid.

    Who is blocked may take an address back nevertheless: it may be whoever has changed it whom we keep out.
    """
    try:
        mail_id = UUID(signing.Signer(salt=_SALT).unsign(token))
    except (signing.BadSignature, ValueError):
        raise EmailLinkInvalid from None
    mail = AccountMail.objects.select_related("user").filter(id=mail_id, used_at__isnull=True).first()
    if mail is None or mail.user is None or mail.kind not in _GOOD_FOR:
        raise EmailLinkInvalid
    is_blocked = mail.user.blocked_at is not None
    if not mail.user.is_active and not (is_blocked and mail.kind == AccountMail.EMAIL_CHANGED):
        raise EmailLinkInvalid
    if mail.created_at < now - _GOOD_FOR[mail.kind]:
        raise EmailLinkInvalid
    if mail.kind == AccountMail.VERIFY_EMAIL and mail.email != mail.user.email:
        raise EmailLinkInvalid
    return mail


def proved(*, user: User, way: Way, now: datetime, client: Client = NO_CLIENT) -> None:
    """Notes that the address is the locked person's; links that ask for it are used up. A second time it changes nothing.

    In the caller's transaction.
    """
    use_up(user_id=user.id, kinds=[AccountMail.VERIFY_EMAIL], now=now)
    first = user.email_first_proved_at or now
    unproved = User.objects.filter(id=user.id, email_verified_at__isnull=True)
    if not unproved.update(email_verified_at=now, email_first_proved_at=first):
        return
    user.email_verified_at, user.email_first_proved_at = now, first
    record(kind=AccessEvent.EMAIL_VERIFIED, client=client, now=now, user=user)
    audit.record(
        workspace_id=None,
        actor_ref=str(user.id),
        action="email.verified",
        target=str(user.id),
        detail={"way": way},
        now=now,
    )


def use_up(*, user_id: UUID, kinds: list[str], now: datetime, since: datetime | None = None) -> None:
    """No link of these kinds that was mailed before is good any more. since: only what was asked for then or later."""
    mails = AccountMail.objects.filter(user_id=user_id, kind__in=kinds, used_at__isnull=True)
    (mails if since is None else mails.filter(created_at__gte=since)).update(used_at=now)


def is_held(*, email: str, but: UUID, now: datetime) -> bool:
    """Whether another person has this address, or may still take it back, so that nobody else claims it. After `line_up`.

    The database's own constraint sees no account whose row is under another LOOKUP_KEY than the claimer's.
    """
    accounts = User.objects.filter(email=email, mobile_verified_at__isnull=False).exclude(id=but)
    return accounts.exists() or _given_up(email, now).exclude(user_id=but).exists()


def account_of(email: str, *, now: datetime) -> User | None:
    """The account with this whole address, as one of us types it; else the one that had it until lately and may take it back, since
    somebody else may have changed it."""
    wanted = email.strip().lower()
    if present := User.objects.filter(email=wanted, mobile_verified_at__isnull=False).first():
        return present
    mail = _given_up(wanted, now).select_related("user").order_by("-created_at").first()
    return mail.user if mail else None


def may_be_taken_back(*, user_id: UUID, now: datetime) -> bool:
    """Whether who had the account's address before may still say that it was not they who changed it."""
    changed = AccountMail.objects.filter(user_id=user_id, kind=AccountMail.EMAIL_CHANGED, used_at__isnull=True)
    return changed.filter(created_at__gt=now - TAKE_BACK_FOR).exists()


def _given_up(email: str, now: datetime) -> QuerySet[AccountMail]:
    return AccountMail.objects.filter(
        kind=AccountMail.EMAIL_CHANGED, email=email, used_at__isnull=True, created_at__gt=now - TAKE_BACK_FOR
    )


def line_up(*emails: str) -> None:
    """Who gives an address up and who claims it come one after the other; held to the end of the transaction."""
    with connection.cursor() as cursor:
        for key in sorted(pseudonym("email", email) for email in emails):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"email:{key}"])


def demand(*, actor: Actor) -> None:
    """For what is sent to others in the person's name. Raises EmailUnverified."""
    if not User.objects.filter(id=actor.user_id, email_verified_at__isnull=False).exists():
        raise EmailUnverified(
            "Confirm your own e-mail address first: press the button in the mail that we sent you. The settings send it again."
        )
