"""The accounts at Google and Facebook with which people sign in: taken, given up, listed."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from compliance import tombstones
from identity import social, step_up
from identity.access import Client, record
from identity.auth import Actor
from identity.models import AccessEvent, AccountMail, SocialIdentity, User
from identity.schemas import Provider, WayInOut, WaysInOut
from identity.sessions import SessionStore
from identity.social import Confirmed
from processors import disclosures
from processors.errors import DomainError

# Where a session keeps what a sign-up was confirmed by, until the phone is proved.
_CLAIM: Final = "social_claim"
_PROCESSORS: Final[dict[Provider, str]] = {"google": "google", "facebook": "meta"}


class SocialInUse(DomainError):
    """Somebody else signs in with this account of the provider."""

    code: ClassVar[str] = "social_in_use"


class SocialLinkedAlready(DomainError):
    """The person signs in with another account of the same provider."""

    code: ClassVar[str] = "social_linked_already"


class LastWayIn(DomainError):
    """Nobody could sign in to the account any more."""

    code: ClassVar[str] = "last_way_in"


def of(confirmed: Confirmed) -> SocialIdentity | None:
    """Whose it is, with the person."""
    found = SocialIdentity.objects.select_related("user")
    return found.filter(provider=confirmed.provider, subject=confirmed.subject).first()


def was_erased(confirmed: Confirmed) -> bool:
    """Whether it belonged to a person who was erased."""
    return tombstones.is_erased("social", _whole(confirmed.provider, confirmed.subject))


def bury(*, user_id: UUID, now: datetime) -> None:
    """Notes what an erased person signed in with, so that no sign-in brings the person back unasked."""
    held = SocialIdentity.objects.filter(user_id=user_id).values_list("provider", "subject")
    tombstones.bury(kind="social", values=[_whole(provider, subject) for provider, subject in held], now=now)


def note_claim(*, session: SessionStore, confirmed: Confirmed) -> None:
    """For `take_claimed`: like the e-mail, it belongs to a new account only when a phone is proved."""
    session[_CLAIM] = confirmed.as_json()


def take_claimed(*, session: SessionStore, user: User, now: datetime) -> None:
    """In the transaction that finishes a sign-up. Raises SocialInUse, SocialSignUpOver."""
    stored = session.pop(_CLAIM, None)
    if stored is not None:
        _take(Confirmed.from_json(stored), user, now)


def link(*, user: User, confirmed: Confirmed, client: Client, now: datetime) -> None:
    """The person signs in with it too from now on. A second time it changes nothing.

    Raises SocialInUse, SocialLinkedAlready.
    """
    with transaction.atomic():
        # Locked, so that two links at once see each other.
        mine = User.objects.select_for_update(no_key=True).get(id=user.id).social_identities
        same = mine.filter(provider=confirmed.provider).first()
        name = social.NAMES[confirmed.provider]
        if same is not None and same.subject == confirmed.subject:
            return
        if same is not None:
            raise SocialLinkedAlready(f"You sign in with another {name} account already. Unlink that one first.")
        _take(confirmed, user, now)
        record(kind=AccessEvent.WAY_LINKED, client=client, now=now, user=user)
        _tell(user, AccountMail.WAY_LINKED, now)


def unlink(*, actor: Actor, provider: Provider, client: Client, now: datetime) -> None:
    """The person no longer signs in with it. A second time it changes nothing. Raises ProofNotRecent, LastWayIn."""
    step_up.demand_recent(actor=actor, now=now)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=actor.user_id)
        if not _may_unlink(user):
            raise LastWayIn("It is your only way in. Set a password first: the settings mail you a link for it.")
        removed, _ = user.social_identities.filter(provider=provider).delete()
        if removed:
            record(kind=AccessEvent.WAY_UNLINKED, client=client, now=now, user=user)
            _tell(user, AccountMail.WAY_UNLINKED, now)


def listed(*, actor: Actor) -> WaysInOut:
    """Every provider that is offered here, and those that the person signs in with."""
    user = User.objects.get(id=actor.user_id)
    linked = dict(user.social_identities.values_list("provider", "created_at"))
    offered = social.offered()
    return WaysInOut(
        has_password=user.has_usable_password(),
        may_unlink=_may_unlink(user),
        providers=[
            WayInOut(provider=each, linked_at=linked.get(each), offered=each in offered)
            for each in social.PROVIDERS
            if each in offered or each in linked
        ],
    )


def disclosed(*, user: User, provider: Provider, now: datetime) -> None:
    """Notes that the provider knows of this sign-in. Only now is it known whose it is; what was asked of the provider before
    is noted as about nobody. Not inside a transaction.
    """
    disclosures.record(
        processor=_PROCESSORS[provider],
        endpoint="sign_in",
        data_classes=["sign_in"],
        whom=disclosures.About(user_id=user.id),
        now=now,
    )


def _take(confirmed: Confirmed, user: User, now: datetime) -> None:
    try:
        with transaction.atomic():
            SocialIdentity.objects.create(
                user=user, provider=confirmed.provider, subject=confirmed.subject, created_at=now
            )
    except IntegrityError as error:
        if "social_identity_of_one_person" not in str(error):
            raise
        name = social.NAMES[confirmed.provider]
        raise SocialInUse(f"Somebody signs in with this {name} account already. Sign in with it instead.") from None


def _may_unlink(user: User) -> bool:
    return user.has_usable_password() or user.social_identities.count() > 1


def _tell(user: User, kind: str, now: datetime) -> None:
    AccountMail.objects.create(kind=kind, email=user.email, user=user, created_at=now, next_at=now)


def _whole(provider: str, subject: str) -> str:
    return f"{provider}:{subject}"
