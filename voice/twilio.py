"""Twilio Voice over its official SDK: placing, looking up, ending and deleting calls; listening to them again."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import ClassVar, Final

import requests
from django.conf import settings
from django.http import HttpRequest, QueryDict
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance

from processors.egress import twilio_http_client
from processors.errors import DomainError
from voice.state import LEG_RANK, LegFacts
from voice.twiml import LEG_EVENTS, RETRY, TRANSCRIPTION

logger = logging.getLogger(__name__)

# What an answer that is no JSON, or says something else than Twilio documents, comes to in its SDK.
_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError)
_CALL_SID: Final = re.compile(r"CA[0-9a-f]{32}")
_LISTED_MAX: Final = 20
# In the order in which a call goes through them, so that none slips between two lists.
_LIVE: Final = ("queued", "ringing", "in-progress")
# Of each of these; the newest come first.
LIVE_MAX: Final = 5_000
LISTED_PAGE: Final = 500
FORM = "application/x-www-form-urlencoded"
# Its own numbers of what it did not do since the account has as much at once as it may: calls, requests.
# https://www.twilio.com/docs/api/errors/10004, https://www.twilio.com/docs/api/errors/20429
AT_LIMIT: Final = frozenset({10004, 20429})


class CarrierRefused(DomainError):
    """Twilio answered with an error; nothing was dialled. The same request would fail again.

    number: Twilio's own of the error, 0 when it gave none.
    """

    code: ClassVar[str] = "carrier_refused"

    def __init__(self, message: str, *, number: int = 0) -> None:
        super().__init__(message)
        self.number = number


class CarrierKnowsNone(CarrierRefused):
    """Twilio has no record of what it was asked about."""

    code: ClassVar[str] = "carrier_knows_none"


class CarrierSilent(DomainError):
    """No usable answer: Twilio may or may not have done it. Look it up before anything else. number: as of `CarrierRefused`."""

    code: ClassVar[str] = "carrier_silent"
    retryable: ClassVar[bool] = True

    def __init__(self, message: str, *, number: int = 0) -> None:
        super().__init__(message)
        self.number = number


@contextmanager
def heard() -> Iterator[None]:
    """Around what the carrier is asked through its SDK, and the reading of what it answers.

    :raises CarrierKnowsNone: it has no record of it. CarrierRefused: an answer that says no. CarrierSilent: no answer, a server
        error, or an answer that nobody can read.
    """
    try:
        yield
    except (TwilioRestException, TwilioServiceException) as error:
        raise told(error) from error
    except (TwilioException, requests.RequestException, OSError) as error:
        # Of a list that cannot be fetched the SDK raises the general kind.
        raise CarrierSilent("The carrier did not answer.") from error
    except _UNREADABLE as error:
        logger.warning("carrier's answer unreadable", extra={"error_type": type(error).__name__})
        raise CarrierSilent("The carrier's answer cannot be read.") from error


@dataclass(frozen=True, slots=True)
class CarrierLeg:
    """A leg as Twilio's REST shows it; eventually consistent. parent_sid: null for the agent's leg."""

    sid: str
    parent_sid: str | None
    facts: LegFacts


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that goes on and shows our number. parent_sid: of the one that dialled it, null where none did."""

    sid: str
    parent_sid: str | None
    to_e164: str
    began_at: datetime


def client() -> Client:
    """Twilio's SDK with our account, on the only way out. Raises ProcessorMisconfigured."""
    return _client_of(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_API_URL)


@lru_cache(maxsize=1)
def _client_of(account_sid: str, auth_token: str, _api_url: str) -> Client:
    """One for all requests, until a setting that it was made with is another."""
    return Client(account_sid, auth_token, http_client=twilio_http_client())


def place_call(*, to_e164: str, answer_url: str, status_url: str, time_limit_s: int) -> str:
    """Rings the rep. Never call this twice for one intent: `POST Calls` is not idempotent.

    :returns: the leg's SID.
    :raises CarrierRefused: an answer that says no. CarrierSilent: no answer, or a server error.
    """
    with heard():
        call = client().calls.create(
            to=to_e164,
            from_=settings.TWILIO_CALLER_ID,
            url=answer_url + RETRY,
            method="POST",
            status_callback=status_url + RETRY,
            status_callback_event=LEG_EVENTS.split(),
            status_callback_method="POST",
            timeout=30,
            time_limit=time_limit_s,
        )
        sid = str(call.sid)
    if not _CALL_SID.fullmatch(sid):
        raise CarrierSilent("The carrier's answer names no call; whether it took the call is being looked up.")
    return sid


def calls_to(*, to_e164: str, since: datetime) -> list[str]:
    """The SIDs of calls that we made to this number since then, the newest first, some twenty at most. What another call
    dialled is none of them.

    :raises CarrierSilent: no usable answer.
    """
    made: list[tuple[datetime, str]] = []
    for call in _listed(to=to_e164, from_=settings.TWILIO_CALLER_ID):
        began = call.date_created
        is_ours = call.to == to_e164 and not call.parent_call_sid and _CALL_SID.fullmatch(str(call.sid))
        # The carrier tells whole seconds.
        if is_ours and began and began >= since.replace(microsecond=0):
            made.append((began, str(call.sid)))
    return [sid for _, sid in sorted(made, reverse=True)]


def live_calls() -> list[LiveCall]:
    """Every call from our number that is not over, whoever placed it.

    :raises CarrierSilent: no usable answer, to one of the pages at least.
    """
    found: dict[str, LiveCall] = {}
    for status in _LIVE:
        for call in _listed(LIVE_MAX, from_=settings.TWILIO_CALLER_ID, status=status):
            sid, parent, began = str(call.sid), str(call.parent_call_sid or ""), call.date_created
            # As its SDK names it.
            is_asked_for = call._from == settings.TWILIO_CALLER_ID and call.status == status
            if is_asked_for and began and _CALL_SID.fullmatch(sid):
                found[sid] = LiveCall(sid, parent or None, str(call.to), began)
    return list(found.values())


def look_up(sid: str) -> CarrierLeg | None:
    """A leg as the carrier knows it now; None when it knows no such call.

    :raises CarrierSilent: no usable answer.
    """
    try:
        with heard():
            leg = _leg(client().calls(sid).fetch())
    except CarrierKnowsNone:
        return None
    except CarrierRefused as error:
        raise CarrierSilent("The carrier did not tell about the call.") from error
    if leg.sid != sid:
        raise CarrierSilent("The carrier told about another call.")
    return leg


def children_of(sid: str) -> list[CarrierLeg]:
    """The legs that this leg dialled.

    :raises CarrierSilent: no usable answer.
    """
    with heard():
        legs = [_leg(call) for call in _listed(parent_call_sid=sid)]
    return [leg for leg in legs if leg.parent_sid == sid and _CALL_SID.fullmatch(leg.sid)]


def end_call(sid: str) -> bool:
    """Ends a leg, answered or not; False when the carrier knows no such call.

    :raises CarrierSilent: no usable answer. CarrierRefused: the carrier said no.
    """
    try:
        _change(sid, status="completed")
    except CarrierKnowsNone:
        return False
    return True


def redirect_call(sid: str, *, url: str) -> None:
    """Lets a live leg go on with the document at this address. A leg that was dialled leaves the Dial, which then is over.

    :raises CarrierSilent, CarrierRefused:
    """
    _change(sid, url=url + RETRY, method="POST")


def limit_call(sid: str, *, time_limit_s: int) -> None:
    """Lets the carrier end a live leg this long after it was answered, instead of what was said before.

    :raises CarrierSilent, CarrierRefused:
    """
    _change(sid, time_limit=time_limit_s)


def _change(sid: str, **changes: str | int) -> None:
    """:raises CarrierSilent: another call was told of than that which was to change, too."""
    with heard():
        changed = client().calls(sid).update(**changes)
        if changed.sid != sid:
            raise CarrierSilent("The carrier told about another call.")


def delete_call(sid: str) -> bool:
    """Removes the carrier's record of an ended call; True when it is gone.

    :raises CarrierSilent, CarrierRefused:
    """
    try:
        with heard():
            return bool(client().calls(sid).delete())
    except CarrierKnowsNone:
        return True


def start_stream(*, sid: str, url: str, token: str, status_url: str) -> None:
    """Opens a media socket on a live leg again.

    :raises CarrierRefused, CarrierSilent:
    """
    with heard():
        client().calls(sid).streams.create(
            url=url,
            track="both_tracks",
            status_callback=status_url + RETRY,
            status_callback_method="POST",
            parameter1_name="token",
            parameter1_value=token,
        )


def start_transcription(*, sid: str, name: str, status_url: str) -> None:
    """Has Twilio transcribe a live leg again. name: by which it can be stopped.

    :raises CarrierRefused, CarrierSilent:
    """
    with heard():
        client().calls(sid).transcriptions.create(name=name, status_callback_url=status_url + RETRY, **TRANSCRIPTION)


def stop_transcription(*, sid: str, transcription: str) -> bool:
    """Ends a leg's transcription, named by its SID or its name; False when Twilio knows none.

    :raises CarrierRefused, CarrierSilent:
    """
    try:
        with heard():
            client().calls(sid).transcriptions(transcription).update(status="stopped")
    except CarrierKnowsNone:
        return False
    return True


def signed_by_twilio(request: HttpRequest) -> bool:
    """Whether a form POST carries Twilio's signature over our public address; never raises.

    The address is built from PUBLIC_URL and the raw path, never from Host or X-Forwarded-*.
    """
    signature = request.headers.get("X-Twilio-Signature")
    if not signature or request.content_type != FORM:
        return False
    return form_signed_by_twilio(path=request.get_full_path(), fields=request.POST, signature=signature)


def form_signed_by_twilio(*, path: str, fields: QueryDict, signature: str) -> bool:
    """The same for a form that was read already. path: with its query."""
    return _signed(settings.PUBLIC_URL + path, fields, signature)


def socket_signed_by_twilio(*, raw_path: str, signature: str) -> bool:
    """The same for a media socket's upgrade, over its wss:// address and no fields."""
    return bool(signature) and _signed(settings.MEDIA_SOCKET_URL + raw_path, {}, signature)


def signature_of(*, url: str, fields: Mapping[str, str]) -> str:
    """What Twilio would sign a request to this address with: so that we can knock at our own door as it does."""
    return str(_validator(settings.TWILIO_AUTH_TOKEN).compute_signature(url, dict(fields)))


def _signed(url: str, fields: QueryDict | dict[str, str], signature: str) -> bool:
    """With either of the account's two tokens, so that none is refused while one takes the place of the other."""
    tokens = filter(None, (settings.TWILIO_AUTH_TOKEN, settings.TWILIO_AUTH_TOKEN_OTHER))
    return any(_validator(token).validate(url, fields, signature) for token in tokens)


@lru_cache(maxsize=2)
def _validator(auth_token: str) -> RequestValidator:
    return RequestValidator(auth_token)


def _listed(most: int = _LISTED_MAX, **filters: object) -> list[CallInstance]:
    try:
        with heard():
            return list(client().calls.list(**filters, limit=most, page_size=min(most, LISTED_PAGE)))
    except CarrierRefused as error:
        raise CarrierSilent("The carrier did not list the calls.") from error


def _leg(call: CallInstance) -> CarrierLeg:
    status = str(call.status)
    terminal = LEG_RANK.get(status, 0) == 4
    duration = str(call.duration or "")
    # `start_time` is the answer for an answered leg; an unanswered one never had a conversation.
    answered = status == "in-progress" or (status == "completed" and duration not in ("", "0"))
    return CarrierLeg(
        sid=str(call.sid),
        parent_sid=call.parent_call_sid,
        facts=LegFacts(
            role="callee" if call.parent_call_sid else "agent",
            status=status if status in LEG_RANK else "queued",
            answered_at=call.start_time if answered else None,
            ended_at=call.end_time if terminal else None,
            duration_s=int(duration) if terminal and duration.isdigit() else None,
        ),
    )


def told(error: TwilioRestException | TwilioServiceException) -> CarrierRefused | CarrierSilent:
    """What an error of Twilio's means to us."""
    status, code = error.status, error.code
    number = code if isinstance(code, int) else 0
    if not isinstance(status, int) or status >= 500 or status == 429:
        return CarrierSilent(f"The carrier could not do it now (its error {code or status}).", number=number)
    kind = CarrierKnowsNone if status == 404 else CarrierRefused
    return kind(f"The carrier refused (its error {code or status}).", number=number)
