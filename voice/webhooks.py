"""Twilio's HTTP callbacks. Unsigned or wrongly signed: 403 with a code; unknown call: 404; never a 500 for bad input."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from uuid import UUID

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt

from compliance import suppression
from processors import disclosures
from voice import (
    browser_calls,
    callback_rows,
    callbacks,
    dialling,
    listening,
    reps,
    scripted_call,
    submission,
    transcription,
    transcription_events,
    twilio,
    twiml,
)
from voice.models import Call, CallLeg
from voice.notice import CLOSING_LINE, CREDITS_END_LINE, LONGEST_CALL_LINE, NOTICE, OPT_OUT_KEY, SHUT_OUT_LINE
from voice.transcription_events import Content, EventInvalid

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]


def _refuse(status: int, code: str, detail: str) -> HttpResponse:
    body = {"type": f"/problems/{code}", "status": status, "code": code, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def _from_twilio(view: View) -> Callable[..., HttpResponse]:
    """view: gets the request, the call, now, and what else its address names."""

    @_signed
    @wraps(view)
    def of_call(request: HttpRequest, now: datetime, *, call_id: UUID, **named: UUID) -> HttpResponse:
        call = Call.objects.select_related("lead", "user").filter(id=call_id).first()
        if call is None:
            return _refuse(404, "call_unknown", "There is no such call.")
        try:
            return view(request, call, now, **named)
        except Call.DoesNotExist:
            # Erased since it was looked up.
            return _refuse(404, "call_unknown", "There is no such call.")

    return of_call


def _signed(view: View) -> Callable[..., HttpResponse]:
    """view: gets the request, now, and what its address names."""

    @csrf_exempt
    @wraps(view)
    def checked(request: HttpRequest, **named: UUID) -> HttpResponse:
        if request.method != "POST":
            return _refuse(405, "method_not_allowed", "Only POST is answered here.")
        try:
            genuine = twilio.signed_by_twilio(request)
            sid = request.POST.get("CallSid", "")
        except (BadRequest, MultiPartParserError, SuspiciousOperation, UnicodeDecodeError):
            return _refuse(400, "body_unusable", "The form cannot be read.")
        if not genuine:
            return _refuse(403, "signature_invalid", "The request is not signed by the carrier.")
        if not callback_rows.SID.fullmatch(sid):
            return _refuse(400, "call_sid_invalid", "CallSid is missing or malformed.")
        if any("\x00" in value for value in request.POST.values()):
            return _refuse(400, "body_unusable", "A field holds what no text may hold.")
        try:
            return view(request, datetime.now(UTC), **named)
        except (OperationalError, InterfaceError) as error:
            # What was stored before the database went away is applied by the sweep; the rest the carrier sends again.
            logger.warning("database away", extra={"error_type": type(error).__name__})
            return unavailable()

    return checked


def unavailable() -> HttpResponse:
    return _refuse(503, "database_unavailable", "This cannot be taken now. Send it again.")


def _twiml(document: str) -> HttpResponse:
    return HttpResponse(document, content_type="text/xml; charset=utf-8")


@_from_twilio
def agent_answered(request: HttpRequest, call: Call, now: datetime) -> HttpResponse:
    """The rep picked up: begin to listen, ring the lead."""
    callbacks.receive(call=call, kind="agent", params=request.POST.dict(), now=now)
    call.refresh_from_db()
    return _bridged(call, now)


@_signed
def browser_connected(request: HttpRequest, now: datetime) -> HttpResponse:
    """A browser calls our application. With the tokens of a call that waits for it, the same as a rep who picked up."""
    if request.POST.get("ApplicationSid") != settings.TWILIO_TWIML_APP_SID:
        return _twiml(twiml.turn_away())
    call = browser_calls.connect(
        token=request.POST.get(browser_calls.PARAMETER, ""),
        identity=request.POST.get("From", "").removeprefix("client:"),
        sid=request.POST["CallSid"],
        now=now,
    )
    if call is None:
        logger.warning("browser turned away")
        return _twiml(twiml.turn_away())
    return _bridged(call, now)


@_signed
def browser_status(request: HttpRequest, now: datetime) -> HttpResponse:
    """A browser's leg has ended. Those that were turned away are legs of no call."""
    leg = CallLeg.objects.select_related("call__lead", "call__user").filter(sid=request.POST["CallSid"]).first()
    if leg is not None:
        callbacks.receive(call=leg.call, kind="leg", params=request.POST.dict(), now=now)
    return HttpResponse(status=204)


def _bridged(call: Call, now: datetime) -> HttpResponse:
    """What the rep's leg is to do."""
    if not call.is_live or call.hangup_requested_at or not call.lead.phone_e164:
        return _twiml(twiml.hang_up())
    if call.legs.filter(role="callee").exists() or call.streams.filter(connected_at__isnull=False).exists():
        # The carrier obeyed the first answer already: this is a replay. It gets neither a token nor the number, and what forbids to
        # ring the lead comes too late to give the call up.
        return _twiml(twiml.go_on())
    if not reps.may_call(user_id=call.user_id, workspace_id=call.workspace_id):
        submission.give_up(call_id=call.id, status="cancelled", reason="rep_may_not_call", now=now)
        return _twiml(twiml.hang_up())
    if suppression.is_suppressed(workspace_id=call.workspace_id, phone_e164=call.lead.phone_e164):
        # They asked not to be called after Call was pressed and before the rep picked up: the last moment to obey.
        submission.give_up(call_id=call.id, status="cancelled", reason="lead_suppressed", now=now)
        return _twiml(twiml.hang_up())
    if not dialling.may_be_rung(call.lead, now=now):
        # The rep's phone rang until the hour was over.
        submission.give_up(call_id=call.id, status="cancelled", reason="outside_calling_hours", now=now)
        return _twiml(twiml.hang_up())
    listener = listening.issue(call=call, now=now)
    listener.disclose(call, now=now)
    # The lead's number leaves in this answer, not in a request of ours, so no session records it.
    disclosures.record(
        processor="twilio",
        endpoint="twiml.dial",
        data_classes=("phone", "call_control", "webhook_address"),
        whom=disclosures.About(phone_e164=call.lead.phone_e164, workspace_id=call.workspace_id),
        now=now,
    )
    return _twiml(
        twiml.bridge_to_lead(
            listening=listener.as_twiml(),
            caller_id=settings.TWILIO_CALLER_ID,
            lead_phone_e164=call.lead.phone_e164,
            notice_url=submission.callback_url(call.id, "notice"),
            leg_callback_url=submission.callback_url(call.id, "status"),
            after_url=submission.callback_url(call.id, "after"),
            machine_url=submission.callback_url(call.id, "machine") if settings.VOICEMAIL_DETECTION else None,
            time_limit_s=call.max_duration_s,
        )
    )


@_from_twilio
def leg_status(request: HttpRequest, call: Call, now: datetime) -> HttpResponse:
    callbacks.receive(call=call, kind="leg", params=request.POST.dict(), now=now)
    return HttpResponse(status=204)


@_from_twilio
def machine(request: HttpRequest, call: Call, now: datetime) -> HttpResponse:
    """Who took the lead's phone, a person or a machine."""
    callbacks.receive(call=call, kind="machine", params=request.POST.dict(), now=now)
    return HttpResponse(status=204)


@_from_twilio
def stream_status(request: HttpRequest, call: Call, now: datetime) -> HttpResponse:
    callbacks.receive(call=call, kind="stream", params=request.POST.dict(), now=now)
    return HttpResponse(status=204)


@_from_twilio
def transcribed(request: HttpRequest, call: Call, now: datetime, *, stream_id: UUID) -> HttpResponse:
    """What Twilio's own transcription understood, and how it fares."""
    try:
        event = transcription_events.parse(request.POST.dict(), received_at=now)
    except EventInvalid as error:
        return _refuse(400, error.code, error.message)
    if not call.streams.filter(id=stream_id, engine=transcription.ENGINE).exists():
        return _refuse(404, "transcription_unknown", "There is no such transcription of this call.")
    if not call.legs.filter(sid=request.POST["CallSid"], role="agent").exists():
        return _refuse(404, "leg_unknown", "The transcription is of another leg.")
    if isinstance(event, Content):
        transcription.hear(call_id=call.id, stream_id=stream_id, said=event, now=now)
    elif event is not None:
        params = {**request.POST.dict(), "ListenedBy": str(stream_id)}
        callbacks.receive(call=call, kind="transcript", params=params, now=now)
    return HttpResponse(status=204)


@_from_twilio
def notice(request: HttpRequest, call: Call, now: datetime) -> HttpResponse:
    """What the lead hears before both are bridged."""
    callbacks.receive(call=call, kind="notice", params=request.POST.dict(), now=now)
    return _twiml(twiml.play_notice(words=NOTICE, played_url=submission.callback_url(call.id, "notice/played")))


@_from_twilio
def notice_played(request: HttpRequest, call: Call, now: datetime) -> HttpResponse:
    """The proof that the notice was heard; a pressed key refuses the transcript, and one of them the call."""
    callbacks.receive(call=call, kind="played", params=request.POST.dict(), now=now)
    # The two are joined after this answer: nobody else's transcription may hear a lead who refused it.
    transcription.stop_unwanted(call_id=call.id, now=now)
    return _twiml(twiml.hang_up() if request.POST.get("Digits") == OPT_OUT_KEY else twiml.go_on())


@_from_twilio
def closing(request: HttpRequest, call: Call, now: datetime) -> HttpResponse:
    """What the lead hears when the credits end, or when the rep may not call any more."""
    callbacks.receive(call=call, kind="closing", params=request.POST.dict(), now=now)
    return _twiml(twiml.say_and_hang_up(CLOSING_LINE))


@_from_twilio
def after_dial(request: HttpRequest, call: Call, now: datetime) -> HttpResponse:
    """The lead is gone, or hears the closing line; without this the rep's line would stay open."""
    callbacks.receive(call=call, kind="after", params=request.POST.dict(), now=now)
    if call.shut_out:
        return _twiml(twiml.say_and_hang_up(SHUT_OUT_LINE))
    if call.closes:
        talked_s = int((now - (call.answered_at or now)).total_seconds())
        words = LONGEST_CALL_LINE if call.is_longest(talked_s) else CREDITS_END_LINE
        return _twiml(twiml.say_and_hang_up(words))
    return _twiml(twiml.hang_up())


@_signed
def scripted_answer(request: HttpRequest, now: datetime, *, check_id: UUID) -> HttpResponse:
    """Somebody picked up the operator's test call."""
    if not scripted_call.note(call_id=check_id, what="answer", now=now):
        return _refuse(404, "call_unknown", "There is no such test call.")
    return _twiml(scripted_call.script(call_id=check_id))


@_signed
def scripted_status(request: HttpRequest, now: datetime, *, check_id: UUID) -> HttpResponse:
    return _noted(check_id, request.POST.get("CallStatus", ""), now)


@_signed
def scripted_stream(request: HttpRequest, now: datetime, *, check_id: UUID) -> HttpResponse:
    return _noted(check_id, request.POST.get("StreamEvent", ""), now)


def _noted(check_id: UUID, what: str, now: datetime) -> HttpResponse:
    if not scripted_call.note(call_id=check_id, what=what, now=now):
        return _refuse(404, "call_unknown", "There is no such test call.")
    return HttpResponse(status=204)
