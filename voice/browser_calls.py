"""Calls whose rep speaks in the browser: what lets a browser begin one, and the leg that it brings.

Two tokens are needed. Twilio's access token says who may connect to our application; the dial token, which only whoever pressed
Call gets, says for which call, and is good once. Nobody is dialled before the carrier has asked us with both.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from identity.auth import Actor
from processors import disclosures
from processors.pseudonyms import pseudonym
from voice import callbacks, queries, reps, submission, sweeps, wake, ways
from voice.models import Call, CallLeg, DialIntent
from voice.schemas import CallStartedOut, VoiceTokenOut
from voice.state import LegFacts

# The page gives up before: it tells why and lets go of the call itself.
CONNECT_WITHIN: Final = timedelta(seconds=30)
ACCESS_FOR: Final = timedelta(minutes=30)
# By which name the page hands the dial token to the carrier, and the carrier to us.
PARAMETER: Final = "token"


def identity_of(*, user_id: UUID, workspace_id: UUID) -> str:
    """By which the carrier knows a person in a workspace: it names nobody to who lacks our key and the person's identifier.

    The carrier keeps it of legs that were turned away, of which nothing is stored here, so it must say nothing once the
    person is erased. It is the same in every token, since a token is renewed while a call goes on.
    """
    return pseudonym("browser", f"{user_id.hex}_{workspace_id.hex}")


def access_token(*, actor: Actor, now: datetime) -> VoiceTokenOut:
    """Lets the actor's browser call our application at the carrier, and nothing else there; nobody can ring it.

    :raises BrowserCallsOff:
    """
    ways.refuse_unless_open("browser")
    disclosures.record(
        processor="twilio",
        endpoint="voice.token",
        data_classes=("record_reference",),
        whom=disclosures.About(user_id=actor.user_id, workspace_id=actor.workspace_id),
        now=now,
    )
    token = AccessToken(
        settings.TWILIO_ACCOUNT_SID,
        settings.TWILIO_API_KEY_SID,
        settings.TWILIO_API_KEY_SECRET,
        identity=identity_of(user_id=actor.user_id, workspace_id=actor.workspace_id),
        ttl=int(ACCESS_FOR.total_seconds()),
    )
    token.add_grant(VoiceGrant(outgoing_application_sid=settings.TWILIO_TWIML_APP_SID, incoming_allow=False))
    return VoiceTokenOut(token=token.to_jwt(), expires_at=now + ACCESS_FOR)


def started_out(call: Call, *, now: datetime) -> CallStartedOut:
    """For whoever pressed Call, and nobody else: with what begins a call in the browser, as long as it waits for one."""
    waits = DialIntent.objects.filter(call_id=call.id, state="waiting").exists()
    token = _signer().sign(str(call.id)) if waits else None
    return CallStartedOut(**dict(queries.call_out(call, now=now)), dial_token=token)


def _signer() -> Signer:
    return Signer(salt="voice.browser_calls")


def _call_named_by(token: str) -> UUID | None:
    try:
        return UUID(_signer().unsign(token))
    except (BadSignature, ValueError):
        return None


def connect(*, token: str, identity: str, sid: str, now: datetime) -> Call | None:
    """Binds the browser's leg to the call that its dial token names.

    None for who may not have it: a token that is forged, another's, used or too old, or a call that was given up meanwhile. The
    carrier repeats a request whose answer it lost, so the same leg gets its call again.
    """
    call_id = _call_named_by(token)
    if call_id is None:
        return None
    with transaction.atomic():
        locked = Call.objects.select_for_update(of=("self",), no_key=True).select_related("lead", "user")
        call = locked.filter(id=call_id, way="browser").first()
        if call is None or not _is_rep(call, identity):
            return None
        bound = CallLeg.objects.filter(sid=sid).first()
        if bound is not None:
            return call if bound.call_id == call.id else None
        if call.hangup_requested_at is not None or now - call.created_at > CONNECT_WITHIN:
            return None
        waiting = DialIntent.objects.filter(call_id=call.id, state="waiting")
        if not waiting.update(state="submitted", claimed_at=now, submitted_at=now):
            return None
        # Whoever calls in is there: the document that answers this is what picks up.
        there = LegFacts(role="agent", status="in-progress", answered_at=now)
        callbacks.learn(call=call, kind="placed", sid=sid, news=there, now=now)
        wake.soon("limit_called_in", call.id)
        return call


def _is_rep(call: Call, identity: str) -> bool:
    """Whether the caller is the call's rep, and may still call."""
    if identity != identity_of(user_id=call.user_id, workspace_id=call.workspace_id):
        return False
    return reps.may_call(user_id=call.user_id, workspace_id=call.workspace_id)


def withdraw(*, call_id: UUID, status: str, reason: str, now: datetime) -> bool:
    """Gives up a call that still waits for its browser, and releases its hold; False for all others."""
    with transaction.atomic():
        # The call first, as whoever connects takes it.
        Call.objects.select_for_update(of=("self",), no_key=True).get(id=call_id)
        if not DialIntent.objects.filter(call_id=call_id, state="waiting").update(state="refused", error_code=reason):
            return False
        submission.give_up(call_id=call_id, status=status, reason=reason, now=now)
        return True


def sweep_unconnected(*, now: datetime) -> None:
    """Gives up calls whose browser never came."""
    late = DialIntent.objects.filter(state="waiting", call__created_at__lt=now - CONNECT_WITHIN)
    due = list(late.values_list("call_id", flat=True)[:50])

    def give_up(call_id: UUID) -> None:
        withdraw(call_id=call_id, status="failed", reason="rep_not_connected", now=now)

    sweeps.one_by_one("withdraw", due, give_up)
