"""A person's new mobile number: the password, of who has one, and the old phone prove who asks, then the new phone that it is there.

What is under way stands in the session that began it. A person without the old phone turns to support, who recognises the
person otherwise.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction

from compliance import audit, consent, policy
from identity import account_name, email_proof, key_ends, otp, passwords
from identity.access import Client, record
from identity.contact import parse_mobile
from identity.models import AccessEvent, AccountMail, Session, User
from identity.number_lock import lock_numbers
from identity.opt_out import NumberStopped, PolicyOutdated, is_stopped
from identity.otp import SmsConsentMissing
from identity.schemas import MobileChangeIn, MobileCodeIn, MobileStepOut
from identity.sessions import SessionStore
from processors.errors import DomainError
from processors.seal import SealUnreadable, seal_in_json, unseal_from_json
from realtime.publish import close_sockets_on_commit

_KEY: Final = "mobile_change"
GOOD_FOR: Final = timedelta(minutes=30)
# Support has no browser.
_NO_CLIENT: Final = Client(address=None, agent="")


class MobileSame(DomainError):
    """The number is the registered one already."""

    code: ClassVar[str] = "mobile_same"


class NoMobileChange(DomainError):
    """No change to this number is under way in this session, or it began too long ago."""

    code: ClassVar[str] = "no_mobile_change"

    def __init__(self) -> None:
        super().__init__("Begin again with your new number: this took too long, or was begun or ended elsewhere.")


@dataclass(frozen=True, slots=True)
class _Change:
    """began_at: ISO 8601, as the session keeps it. old_e164: the number that gave its code, or has to."""

    mobile_e164: str
    old_e164: str
    policy_version: str
    began_at: str
    old_proved: bool = False


def begin(*, session: SessionStore, form: MobileChangeIn, client: Client, now: datetime) -> MobileStepOut:
    """Texts a code to the old number. A change that was under way is forgotten.

    Whether the new phone wants no text messages is told to nobody who has not proved it: `otp.send` withholds the code.
    Raises MobileInvalid, MobileSame, PolicyOutdated, OtpNumberRefused, PasswordWrong, SignInThrottled and what `otp.send` raises.
    """
    user = _person(session)
    mobile = parse_mobile(form.mobile)
    if mobile == user.mobile_e164:
        raise MobileSame("This is your number already. Type another one.")
    _demand_present(form.policy_version)
    otp.demand_country(mobile)
    if user.has_usable_password():
        present = form.password.get_secret_value() if form.password else ""
        passwords.demand(user=user, present=present, client=client, now=now)
    sent = otp.send(user=user, client=client, now=now)
    change = _Change(mobile, user.mobile_e164, form.policy_version, now.isoformat())
    _keep(session, change)
    return MobileStepOut(step="old", mobile_e164=mobile, sent=sent)


def prove(*, session: SessionStore, form: MobileCodeIn, client: Client, now: datetime) -> MobileStepOut:
    """Takes the code of the old phone, then that of the new one, which makes it the person's.

    Every other session and every API key of the person ends. Raises NoMobileChange, PolicyOutdated and what `otp.check` raises.
    """
    user, change = _person(session), _under_way(session, now)
    if form.mobile_e164 != change.mobile_e164:
        raise NoMobileChange
    if form.step == "old":
        if not change.old_proved:
            otp.check(user=user, code=form.code, client=client, now=now)
            _agree(session=session, change=change, client=client, now=now)
            proved = _Change(
                change.mobile_e164, change.old_e164, change.policy_version, change.began_at, old_proved=True
            )
            _keep(session, proved)
        return _send_to_new(user, change, client, now)
    if not change.old_proved:
        raise NoMobileChange
    otp.check(user=user, code=form.code, client=client, now=now, mobile_e164=change.mobile_e164)
    _complete(session=session, change=change, client=client, now=now)
    session.pop(_KEY, None)
    return MobileStepOut(step="done", mobile_e164=change.mobile_e164)


def send_again(*, session: SessionStore, client: Client, now: datetime) -> MobileStepOut:
    """Another code to the phone whose turn it is. Raises NoMobileChange and what `otp.send` raises."""
    user, change = _person(session), _under_way(session, now)
    mobile = change.mobile_e164 if change.old_proved else user.mobile_e164
    sent = otp.send(user=user, client=client, now=now, mobile_e164=mobile)
    return MobileStepOut(step="new" if change.old_proved else "old", mobile_e164=change.mobile_e164, sent=sent)


def replace(*, user_id: UUID, mobile_e164: str, by: str, now: datetime) -> None:
    """Support's way, for who has lost the old phone. The next sign-in asks whether text messages may go to the new one, and
    proves it.

    by: how the audit log names the one of us who recognised the person. Raises MobileSame, NumberStopped, OtpNumberRefused.
    """
    with transaction.atomic():
        lock_numbers(User.objects.get(id=user_id).mobile_e164, mobile_e164)
        user = User.objects.select_for_update(no_key=True).get(id=user_id)
        if user.mobile_e164 == mobile_e164:
            raise MobileSame("This is the account's number already. Type another one.")
        _demand_free(mobile_e164)
        if consent.holds(user_id=user_id, purpose="sms"):
            consent.withdraw(user_id=user_id, purpose="sms", ip=None, now=now)
        _set(user, mobile_e164, actor_ref=by, client=_NO_CLIENT, now=now)


def _send_to_new(user: User, change: _Change, client: Client, now: datetime) -> MobileStepOut:
    """The old phone's code is used up, so a message that cannot be sent is told and not raised."""
    try:
        sent, problem = otp.send(user=user, client=client, now=now, mobile_e164=change.mobile_e164), None
    except DomainError as error:
        sent, problem = None, error.message
    return MobileStepOut(step="new", mobile_e164=change.mobile_e164, sent=sent, problem=problem)


def _agree(*, session: SessionStore, change: _Change, client: Client, now: datetime) -> None:
    """The consent names the number; before anything is sent to the new one it is given for that."""
    _demand_present(change.policy_version)
    with transaction.atomic():
        user = _still(session, change)
        consent.grant(user_id=user.id, purpose="sms", policy_version=change.policy_version, ip=client.address, now=now)


def _complete(*, session: SessionStore, change: _Change, client: Client, now: datetime) -> None:
    with transaction.atomic():
        # A STOP of either phone comes before this, which it forbids, or finds the account by the number that it then has.
        lock_numbers(change.old_e164, change.mobile_e164)
        user = _still(session, change)
        # Told here, since its code was right: whoever asks holds the phone.
        _demand_free(change.mobile_e164)
        _set(user, change.mobile_e164, actor_ref=str(user.id), client=client, now=now, but=session.row)


def _still(session: SessionStore, change: _Change) -> User:
    """The person, locked, if nothing was signed out, stopped or changed while Twilio answered.

    Raises NoMobileChange, SmsConsentMissing.
    """
    user = User.objects.select_for_update(no_key=True).filter(id=_person(session).id).first()
    row = session.row
    if user is None or row is None or not Session.objects.filter(id=row.id).exists():
        raise NoMobileChange
    if user.mobile_e164 != change.old_e164:
        raise NoMobileChange
    if not consent.holds(user_id=user.id, purpose="sms"):
        raise SmsConsentMissing("You have stopped the text messages meanwhile. Allow them again, then begin again.")
    return user


def _set(
    user: User, mobile_e164: str, *, actor_ref: str, client: Client, now: datetime, but: Session | None = None
) -> None:
    """Makes it the locked person's number, ends every session but one and every API key, and tells the person by mail, which asks
    to confirm the address again: whoever took over a phone does not have the mailbox too."""
    before = account_name.facts_of(user)
    user.mobile_e164, user.mobile_verified_at, user.email_verified_at = mobile_e164, now, None
    user.save(update_fields=["mobile_e164", "mobile_verified_at", "email_verified_at"])
    account_name.follow(user, before, now=now)
    sessions = Session.objects.filter(user=user)
    (sessions.exclude(id=but.id) if but else sessions).delete()
    key_ends.end_all_of(user.id)
    AccountMail.objects.create(
        kind=AccountMail.MOBILE_CHANGED, email=user.email, user=user, created_at=now, next_at=now
    )
    email_proof.use_up(user_id=user.id, kinds=[AccountMail.NEW_EMAIL], now=now)
    email_proof.ask(user=user, now=now)
    record(kind=AccessEvent.MOBILE_CHANGED, client=client, now=now, user=user)
    audit.record(
        workspace_id=None, actor_ref=actor_ref, action="mobile.changed", target=str(user.id), detail={}, now=now
    )
    close_sockets_on_commit(user_id=user.id)


def _demand_present(policy_version: str) -> None:
    """Raises PolicyOutdated."""
    if policy_version != policy.current_version():
        raise PolicyOutdated("What you agree to has changed meanwhile. Reload the page, then read it again.")


def _demand_free(mobile_e164: str) -> None:
    """Raises NumberStopped, OtpNumberRefused."""
    if is_stopped(mobile_e164):
        raise NumberStopped
    otp.demand_country(mobile_e164)


def _person(session: SessionStore) -> User:
    row = session.row
    assert row is not None and row.user is not None
    return row.user


def _under_way(session: SessionStore, now: datetime) -> _Change:
    """Raises NoMobileChange."""
    kept = session.get(_KEY)
    if kept is None or now - datetime.fromisoformat(kept["began_at"]) > GOOD_FOR:
        raise NoMobileChange
    try:
        mobile, old = json.loads(unseal_from_json(kept["numbers"], about=_sealed_for(session)))
    except SealUnreadable:
        # Its key was taken away meanwhile.
        raise NoMobileChange from None
    return _Change(mobile, old, kept["policy_version"], kept["began_at"], kept["old_proved"])


def _keep(session: SessionStore, change: _Change) -> None:
    numbers = json.dumps([change.mobile_e164, change.old_e164])
    session[_KEY] = {
        "numbers": seal_in_json(numbers, about=_sealed_for(session)),
        "policy_version": change.policy_version,
        "began_at": change.began_at,
        "old_proved": change.old_proved,
    }


def _sealed_for(session: SessionStore) -> str:
    return f"identity_session.data.mobile_change:{_person(session).id}"
