"""Signing up, in and linking with Google or Facebook: what becomes of a person whom they confirm.

An e-mail address from a provider opens and links nothing: only the subject that it always calls the person by does. Whoever
comes in so is where a right password would have led: before the passcode.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from social_core.utils import sanitize_redirect

from compliance import tombstones
from identity import invitations, operations, social, step_up, ways_in
from identity.access import Client, record, refuse_mass_sign_up
from identity.auth import Actor, actor_of_session
from identity.models import AccessEvent, Invitation, Session, SocialIdentity, User
from identity.operations import AccountBlocked
from identity.schemas import Provider, SocialSignUpIn, SocialSignUpOut
from identity.sessions import SessionStore
from identity.social import Confirmed, SocialSignUpOver, SocialStateInvalid
from processors.errors import DomainError

Intent = Literal["sign_in", "sign_up", "link"]
# Where a session keeps what it began at a provider, and whom that confirmed, until the sign-up page is filled in.
_ATTEMPT: Final = "social_attempt"
_PENDING: Final = "social_sign_up"
# How long the way to a provider and back may take: so long a proof before it counts.
ATTEMPT_GOOD_FOR: Final = timedelta(minutes=30)
_PAGES: Final[Mapping[str, str]] = {"sign_in": "/sign-in", "sign_up": "/sign-up", "link": "/settings"}
# Of whoever follows an invitation. The link itself the browser has forgotten: the page asks for it again.
_INVITED: Final = "/join"


class SocialErased(DomainError):
    """The person who signed in with it was erased; nothing brings the account back unasked."""

    code: ClassVar[str] = "social_erased"


class SocialEmailKnown(DomainError):
    """The address, which the provider has proved, has an account, which it does not open."""

    code: ClassVar[str] = "social_email_known"


def begin(
    *,
    session: SessionStore,
    provider: Provider,
    intent: Literal["sign_in", "sign_up"],
    next_path: str | None,
    invitation: str | None,
    now: datetime,
) -> str:
    """The provider's address to which the browser goes. A path that is not ours is dropped. invitation: what stands in a mailed
    invitation after the #; only its id is kept.

    Raises ProviderNotOffered, InvitationInvalid.
    """
    followed = invitations.of_token(invitation, now=now) if invitation else None
    return _begin(session, provider, intent, _own_path(next_path), now, followed)


def begin_link(
    *,
    actor: Actor,
    session: SessionStore,
    provider: Provider,
    present: str | None,
    code: str | None,
    client: Client,
    now: datetime,
) -> str:
    """The same for somebody who is signed in and wants to sign in with it too.

    Raises ProviderNotOffered and what `step_up.demand` raises.
    """
    step_up.demand(actor=actor, present=present, code=code, client=client, now=now)
    return _begin(session, provider, "link", "", now)


def returned(
    *, session: SessionStore, provider: Provider, answer: Mapping[str, str], client: Client, now: datetime
) -> str:
    """Takes the provider's answer; returns the path of the page that goes on. What was refused is told to it by its code.

    answer: the query with which the provider sent the browser back.
    """
    attempt: dict[str, Any] = session.get(_ATTEMPT) or {}
    page = _INVITED if attempt.get("invitation") else _PAGES[attempt.get("intent", "sign_in")]
    try:
        if not _goes_on(attempt, provider, now):
            raise SocialStateInvalid("This attempt is over or was begun in another browser. Start again.")
        confirmed = social.finish(session=session, provider=provider, answer=answer)
        if attempt["intent"] == "link":
            _link(session, confirmed, client, now)
            session.pop(_ATTEMPT)
            return f"{page}?{urlencode({'linked': provider})}"
        return _enter(session, confirmed, attempt, client, now)
    except DomainError as error:
        return f"{page}?{urlencode({'refused': error.code, 'by': provider})}"


def pending(session: SessionStore) -> SocialSignUpOut:
    """Whom the sign-up page is to be filled in for. Raises SocialSignUpOver."""
    confirmed = _waiting(session)
    return SocialSignUpOut(
        provider=confirmed.provider,
        first_name=confirmed.first_name,
        last_name=confirmed.last_name,
        email=confirmed.email or None,
    )


def drop(session: SessionStore) -> None:
    """Forgets whoever was about to sign up in this browser. A second time it changes nothing."""
    if session.get(_PENDING) is not None:
        session.flush()


def renew_waiting() -> int:
    """Brings every sign-up that waits in some browser under the newest keys: by the blind index of a LOOKUP_KEY of before no
    erasure would find it. What does not open has to begin again. Returns how many go on."""
    renewed = 0
    for waiting in Session.objects.filter(user=None, data__has_key=_PENDING):
        try:
            confirmed = Confirmed.from_json(waiting.data[_PENDING])
        except SocialSignUpOver:
            waiting.delete()
            continue
        # What its browser has changed meanwhile stays.
        same = Session.objects.filter(id=waiting.id, data=waiting.data)
        renewed += same.update(data={**waiting.data, _PENDING: confirmed.as_json()})
    return renewed


def sign_up(*, session: SessionStore, form: SocialSignUpIn, client: Client, now: datetime) -> None:
    """Creates person, workspace and consents, and a session that waits for the passcode, as `operations.sign_up` does.
    Until the passcode is right the provider's account stays nobody's, so that a sign-up that is given up is in nobody's way.

    Raises SocialSignUpOver, SignUpThrottled, EmailInvalid, MobileInvalid, SmsConsentMissing, PolicyNotAccepted,
    TransferNotAgreed, InvitationInvalid, InvitationOfAnother.
    """
    confirmed = _waiting(session)
    invitation = invitations.followed(session, now=now)
    user = operations.person(form, email=confirmed.email or form.email or "", now=now)
    if invitation is not None:
        invitations.demand_same(invitation, user.email)
    user.set_unusable_password()
    if confirmed.email:
        user.email_verified_at = user.email_first_proved_at = now
    with transaction.atomic():
        refuse_mass_sign_up(client=client, now=now)
        membership = operations.open_account(user, form, client, now)
        record(kind=AccessEvent.SIGN_UP, client=client, now=now, user=user, email=user.email)
        session.begin(user=user, membership=membership, client=client, now=now)
        ways_in.note_claim(session=session, confirmed=confirmed)
        if invitation is not None:
            invitations.follow(session=session, invitation=invitation)
    ways_in.disclosed(user=user, provider=confirmed.provider, now=now)


def _begin(
    session: SessionStore,
    provider: Provider,
    intent: Intent,
    next_path: str,
    now: datetime,
    invitation: Invitation | None = None,
) -> str:
    address = social.begin(session=session, provider=provider)
    session.pop(_PENDING, None)
    began_at = now.isoformat()
    attempt = {"provider": provider, "intent": intent, "next": next_path, "began_at": began_at}
    if invitation is not None:
        attempt["invitation"] = str(invitation.id)
    session[_ATTEMPT] = attempt
    return address


def _goes_on(attempt: Mapping[str, Any], provider: Provider, now: datetime) -> bool:
    """Whether this is what was begun there, a short while ago: a session goes on for days after its proof."""
    if attempt.get("provider") != provider or "began_at" not in attempt:
        return False
    return now - datetime.fromisoformat(attempt["began_at"]) <= ATTEMPT_GOOD_FOR


def _enter(
    session: SessionStore, confirmed: Confirmed, attempt: Mapping[str, Any], client: Client, now: datetime
) -> str:
    """Raises AccountBlocked, SocialErased, SocialEmailKnown, InvitationInvalid, InvitationOfAnother."""
    after = {"next": attempt["next"]} if attempt["next"] else {}
    identity = ways_in.of(confirmed)
    invitation = invitations.open_one(UUID(attempt["invitation"]), now=now) if "invitation" in attempt else None
    address = identity.user.email if identity is not None else confirmed.email
    if invitation is not None and address:
        # Of one that is still to be typed it is asked then.
        invitations.demand_same(invitation, address)
    if identity is not None:
        _open(session, identity, client, now, invitation)
        ways_in.disclosed(user=identity.user, provider=confirmed.provider, now=now)
        return f"/verify?{urlencode({'send': 'true', **after})}"
    name = social.NAMES[confirmed.provider]
    if attempt["intent"] != "sign_up" and ways_in.was_erased(confirmed):
        raise SocialErased(f"The account that you used with {name} was deleted. Sign up anew if you want another.")
    if confirmed.email and _has_account(confirmed.email):
        # Who has proved the address is told that it has an account, and gets nothing of it. Of one that is typed it is told when a phone
        # is proved, as in any sign-up.
        raise SocialEmailKnown(
            f"Your e-mail address has an account already. Sign in with its password, then link {name} in the settings."
        )
    session.flush()
    session[_PENDING] = confirmed.as_json()
    if invitation is not None:
        invitations.follow(session=session, invitation=invitation)
    return f"/sign-up/finish?{urlencode(after)}".rstrip("?")


def _has_account(email: str) -> bool:
    return User.objects.filter(email=email, mobile_verified_at__isnull=False).exists()


def _open(
    session: SessionStore, identity: SocialIdentity, client: Client, now: datetime, invitation: Invitation | None
) -> None:
    """Raises AccountBlocked; of somebody who was erased too, whose rows a restored backup brought back."""
    with transaction.atomic():
        # An unlinking, an erasure or a block at this moment waits, or was first.
        user = User.objects.select_for_update(no_key=True).get(id=identity.user_id)
        linked = SocialIdentity.objects.select_for_update().filter(id=identity.id).exists()
        usable = linked and user.is_active and not tombstones.is_erased("user", user.id)
        membership = operations.last_used(user) if usable else None
        if membership is not None:
            record(kind=AccessEvent.SOCIAL_SIGN_IN, client=client, now=now, user=user)
            session.begin(user=user, membership=membership, client=client, now=now)
            if invitation is not None:
                invitations.follow(session=session, invitation=invitation)
    if membership is None:
        record(kind=AccessEvent.SIGN_IN_REFUSED, client=client, now=now, user=user)
        raise AccountBlocked("This account cannot be used now. Write to support to learn why and what can be done.")


def _link(session: SessionStore, confirmed: Confirmed, client: Client, now: datetime) -> None:
    """Raises SocialStateInvalid when nobody is signed in here any more, SocialInUse, SocialLinkedAlready."""
    over = SocialStateInvalid("You are not signed in any more. Sign in, then link it again.")
    actor = actor_of_session(session)
    if actor is None or actor.session_id is None:
        raise over
    with transaction.atomic():
        # Whoever signed this session out while the provider answered was first, or waits.
        user = User.objects.select_for_update(no_key=True).filter(id=actor.user_id).first()
        if user is None or not Session.objects.filter(id=actor.session_id).exists():
            raise over
        ways_in.link(user=user, confirmed=confirmed, client=client, now=now)
    ways_in.disclosed(user=user, provider=confirmed.provider, now=now)


def _waiting(session: SessionStore) -> Confirmed:
    """Raises SocialSignUpOver."""
    stored = session.get(_PENDING)
    if stored is None:
        raise SocialSignUpOver
    return Confirmed.from_json(stored)


def _own_path(typed: str | None) -> str:
    """The path if it is one of ours, otherwise ""."""
    host = urlsplit(settings.PUBLIC_URL).netloc
    if typed is None or not typed.startswith("/") or typed.startswith("//"):
        return ""
    return sanitize_redirect([host], typed) or ""
