"""Text messages that a person stops, and allows again. Without them nobody signs in, since every sign-in needs a passcode.

Two things are kept apart: a person's consent, and a phone that is to be left alone whoever signs up with it.
"""

from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from django.db import transaction

from compliance import audit, consent, erasure_ledger, policy
from compliance.erasure_ledger import Entry
from identity import email_proof
from identity.access import Client, record
from identity.models import AccessEvent, AccountMail, Session, StoppedNumber, User
from processors.errors import DomainError
from processors.pseudonyms import pseudonym
from realtime.publish import close_sockets_on_commit

# replay: a restored backup is told again; the person was told then.
Way = Literal["page", "text", "support", "replay"]
# Nobody's browser; what comes from the carrier or from support.
_NO_CLIENT: Final = Client(address=None, agent="")


class NumberStopped(DomainError):
    """Nothing is sent to this phone until the phone, or support, says otherwise."""

    code: ClassVar[str] = "number_stopped"

    def __init__(self) -> None:
        super().__init__(
            "This phone wants no text messages. If it answered STOP, text START to the same number; else write to support."
        )


class PolicyOutdated(DomainError):
    """The wording that was agreed to is not the present one; the page has to be loaded again."""

    code: ClassVar[str] = "policy_outdated"


def stop(*, user_id: UUID, way: Way, client: Client, now: datetime, by: str = "") -> None:
    """Withdraws the consent, ends every session, closes every socket, and mails what that means. A second time it changes nothing but who is in.

    by: how the audit log names the one of us who does it; "" where it is the person.
    """
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).filter(id=user_id).first()
        if user is None:
            return
        if consent.holds(user_id=user_id, purpose="sms"):
            user.texts_stopped_at = now
            user.save(update_fields=["texts_stopped_at"])
            consent.withdraw(user_id=user_id, purpose="sms", ip=client.address, now=now)
            record(kind=AccessEvent.TEXTS_STOPPED, client=client, now=now, user=user)
            _note("texts.stopped", str(user.id), way, now, by=by)
            _enter("texts_of", pseudonym("user", user_id), now, stopped=True)
            if user.mobile_verified_at is not None and way != "replay":
                kind = AccountMail.TEXTS_STOPPED
                AccountMail.objects.create(kind=kind, email=user.email, user=user, created_at=now, next_at=now)
        Session.objects.filter(user=user).delete()
        email_proof.use_up(user_id=user_id, kinds=[AccountMail.NEW_EMAIL], now=now)
        close_sockets_on_commit(user_id=user_id)


def allow(*, user_id: UUID, policy_version: str, client: Client, now: datetime) -> None:
    """Records the consent anew, so that passcodes are sent again. A second time it changes nothing.

    What the person could reach stays shut until the passcode is proved. Who has proved no phone yet does not learn of a phone that
    wants no text messages. Raises NumberStopped, PolicyOutdated.
    """
    if policy_version != policy.current_version():
        raise PolicyOutdated("What you agree to has changed meanwhile. Reload the page, then read it again.")
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=user_id)
        if user.mobile_verified_at is not None and is_stopped(user.mobile_e164):
            raise NumberStopped
        if consent.holds(user_id=user_id, purpose="sms"):
            return
        consent.grant(user_id=user_id, purpose="sms", policy_version=policy_version, ip=client.address, now=now)
        record(kind=AccessEvent.TEXTS_ALLOWED, client=client, now=now, user=user)
        _note("texts.allowed", str(user.id), "page", now)
        _enter("texts_of", pseudonym("user", user_id), now, stopped=False)


def stop_number(*, mobile_e164: str, way: Literal["text", "support"], now: datetime, by: str = "") -> int:
    """Leaves a phone alone, and stops everybody who uses it or began to sign up with it. Returns how many that were.

    For how long it is kept runs from the newest stop. by: as in `stop`.
    """
    number_key = pseudonym("phone", mobile_e164)
    with transaction.atomic():
        _, is_new = StoppedNumber.objects.update_or_create(number_key=number_key, defaults={"stopped_at": now})
        _enter("texts", number_key, now, stopped=True)
        if is_new:
            _note("texts.stopped", number_key, way, now, by=by)
    ids = list(User.objects.filter(mobile_e164=mobile_e164).values_list("id", flat=True))
    for user_id in ids:
        stop(user_id=user_id, way=way, client=_NO_CLIENT, now=now, by=by)
    return len(ids)


def allow_number(*, mobile_e164: str, way: Literal["text", "support"], now: datetime, by: str = "") -> bool:
    """Lifts that; what people agree to, the next sign-in asks them. Whether there was something to lift. by: as in `stop`."""
    number_key = pseudonym("phone", mobile_e164)
    with transaction.atomic():
        removed, _ = StoppedNumber.objects.filter(number_key=number_key).delete()
        if removed:
            _enter("texts", number_key, now, stopped=False)
            _note("texts.allowed", number_key, way, now, by=by)
    return bool(removed)


def is_stopped(mobile_e164: str) -> bool:
    return StoppedNumber.objects.filter(number_key=pseudonym("phone", mobile_e164)).exists()


def may_be_sent(*, user_id: UUID | None, person: str) -> bool:
    """Whether text messages may still go to an account, or to who is known by the number alone, whose pseudonym person is then."""
    if user_id is not None:
        return consent.holds(user_id=user_id, purpose="sms")
    return not StoppedNumber.objects.filter(number_key=person).exists()


def proved(*, user: User) -> None:
    """A passcode was right: whatever was shut since the person stopped the text messages opens again."""
    if user.texts_stopped_at is not None:
        User.objects.filter(id=user.id, texts_stopped_at=user.texts_stopped_at).update(texts_stopped_at=None)


def _enter(kind: Literal["texts", "texts_of"], key: str, now: datetime, *, stopped: bool) -> None:
    erasure_ledger.note([Entry(kind, key, now, {"stopped": stopped})], now=now)


def _note(
    action: Literal["texts.stopped", "texts.allowed"], target: str, way: Way, now: datetime, *, by: str = ""
) -> None:
    """target: the account, or the pseudonym of the number; it also acts, unless one of us did."""
    audit.record(workspace_id=None, actor_ref=by or target, action=action, target=target, detail={"way": way}, now=now)
