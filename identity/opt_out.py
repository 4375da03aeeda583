"""Text messages that a person stops, and allows again. Without them nobody signs in, since every sign-in needs a passcode."""

from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from django.db import transaction

from compliance import audit, consent, policy
from identity.access import Client, record
from identity.models import AccessEvent, Session, User
from processors.errors import DomainError
from realtime.publish import close_sockets_on_commit

Way = Literal["page", "text", "support"]
# Nobody's browser; what comes from the carrier or from support.
NO_CLIENT: Final = Client(address=None, agent="")


class TextsStoppedAtCarrier(DomainError):
    """The carrier was told by the phone itself to send nothing more; only the phone can undo it."""

    code: ClassVar[str] = "texts_stopped_at_carrier"


class PolicyOutdated(DomainError):
    """The wording that was agreed to is not the present one; the page has to be loaded again."""

    code: ClassVar[str] = "policy_outdated"


def stop(*, user_id: UUID, way: Way, client: Client, now: datetime) -> None:
    """Withdraws the consent, ends every session and closes every socket. A second time it changes nothing but who is in."""
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).filter(id=user_id).first()
        if user is None:
            return
        if way == "text" and user.texts_stopped_at is None:
            user.texts_stopped_at = now
            user.save(update_fields=["texts_stopped_at"])
        if consent.holds(user_id=user_id, purpose="sms"):
            consent.withdraw(user_id=user_id, purpose="sms", ip=client.address, now=now)
            record(kind=AccessEvent.TEXTS_STOPPED, client=client, now=now, user=user)
            _note("texts.stopped", user, way, now)
        Session.objects.filter(user=user).delete()
        close_sockets_on_commit(user_id=user_id)


def allow(*, user_id: UUID, policy_version: str, client: Client, now: datetime) -> None:
    """Records the consent anew, so that passcodes are sent again. A second time it changes nothing.

    Raises TextsStoppedAtCarrier, PolicyOutdated.
    """
    if policy_version != policy.current_version():
        raise PolicyOutdated("What you agree to has changed meanwhile. Reload the page, then read it again.")
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=user_id)
        if user.texts_stopped_at is not None:
            raise TextsStoppedAtCarrier(
                "You answered STOP to a text message, so the carrier sends nothing more. Text START to the same number first."
            )
        if consent.holds(user_id=user_id, purpose="sms"):
            return
        consent.grant(user_id=user_id, purpose="sms", policy_version=policy_version, ip=client.address, now=now)
        record(kind=AccessEvent.TEXTS_ALLOWED, client=client, now=now, user=user)
        _note("texts.allowed", user, "page", now)


def hear(*, from_e164: str, asked: Literal["stop", "start"], now: datetime) -> int:
    """Somebody answered a text message from this phone. Returns how many accounts it concerned.

    After START the carrier sends again; what the person agrees to, the next sign-in asks.
    """
    users = User.objects.filter(mobile_e164=from_e164, mobile_verified_at__isnull=False)
    if asked == "start":
        return users.filter(texts_stopped_at__isnull=False).update(texts_stopped_at=None)
    ids = list(users.values_list("id", flat=True))
    for user_id in ids:
        stop(user_id=user_id, way="text", client=NO_CLIENT, now=now)
    return len(ids)


def _note(action: Literal["texts.stopped", "texts.allowed"], user: User, way: Way, now: datetime) -> None:
    audit.record(
        workspace_id=None,
        actor_ref="operator" if way == "support" else str(user.id),
        action=action,
        target=str(user.id),
        detail={"way": way},
        now=now,
    )
