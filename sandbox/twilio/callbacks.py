"""What Twilio tells the product about a call: the common form fields and the progress events."""

import math
from collections.abc import Mapping

from sandbox import clock
from sandbox.records import CallRecord
from sandbox.twilio.webhooks import TwilioWebhooks

# The subscription's name of an event, and the CallStatus that its callback carries. "completed" carries the final one.
EVENTS = ("initiated", "ringing", "answered", "completed")
_STATUS_OF = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}


def common_fields(record: CallRecord) -> dict[str, str]:
    """The fields of every voice webhook. Twilio does not know the places of these numbers, so they are empty."""
    fields = {
        "AccountSid": record.account_sid,
        "ApiVersion": "2010-04-01",
        "CallSid": record.sid,
        "CallStatus": record.status,
        "Called": record.to,
        "CalledCity": "",
        "CalledCountry": _country(record.to),
        "CalledState": "",
        "CalledZip": "",
        "Caller": record.from_,
        "CallerCity": "",
        "CallerCountry": _country(record.from_),
        "CallerState": "",
        "CallerZip": "",
        "Direction": record.direction,
        "From": record.from_,
        "FromCity": "",
        "FromCountry": _country(record.from_),
        "FromState": "",
        "FromZip": "",
        "To": record.to,
        "ToCity": "",
        "ToCountry": _country(record.to),
        "ToState": "",
        "ToZip": "",
    }
    if record.parent_sid is not None:
        fields["ParentCallSid"] = record.parent_sid
    return fields


def progress(webhooks: TwilioWebhooks, record: CallRecord, event: str) -> None:
    """Post one progress event, if the call's creator subscribed to it."""
    target = record.callbacks
    if not target.url or event not in target.events:
        return
    moment = clock.now()
    fields = common_fields(record) | {
        "CallStatus": _STATUS_OF.get(event, record.status),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(record.callbacks_sent),
        "Timestamp": clock.rfc2822(moment),
    }
    if event == "completed":
        # CallDuration is in seconds, Duration in minutes begun; that is Twilio's way.
        fields["CallDuration"] = str(record.duration_s)
        fields["Duration"] = str(math.ceil(record.duration_s / 60))
        if record.status in ("busy", "failed", "no-answer"):
            fields["SipResponseCode"] = {"busy": "486", "failed": "404", "no-answer": "487"}[record.status]
        if record.answered_by:
            fields["AnsweredBy"] = record.answered_by
    record.callbacks_sent += 1
    webhooks.notify(target.url, target.method, fields, service="twilio.callbacks", event=event)


def stream_fields(account_sid: str, call_sid: str, stream_sid: str, name: str) -> dict[str, str]:
    return {"AccountSid": account_sid, "CallSid": call_sid, "StreamSid": stream_sid, "StreamName": name}


def stream_event(fields: Mapping[str, str], event: str, error: str) -> dict[str, str]:
    told = {**fields, "StreamEvent": event, "Timestamp": clock.iso_micros(clock.now())}
    return {**told, "StreamError": error} if error else told


def _country(e164: str) -> str:
    """A rough guess, enough to have the field filled."""
    return next((country for prefix, country in _PREFIXES if e164.startswith(prefix)), "")


_PREFIXES = (("+1", "US"), ("+44", "GB"), ("+49", "DE"), ("+33", "FR"), ("+34", "ES"), ("+351", "PT"), ("+61", "AU"))
