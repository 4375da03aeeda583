"""Our account at Twilio as its REST shows it: what an operator has to set up before the first call."""

from dataclasses import dataclass
from typing import Final, Literal

from django.conf import settings
from twilio.rest import Client

from processors.egress import twilio_http_client
from voice.twilio import CarrierKnowsNone, CarrierRefused, CarrierSilent, client, heard

_LISTED_MAX: Final = 20

CallerId = Literal["owned", "owned_without_voice", "verified", "unknown"]


@dataclass(frozen=True, slots=True)
class CarrierAccount:
    """status: active, suspended or closed. is_trial: Twilio restricts whom it calls, and streams no sound."""

    status: str
    is_trial: bool


def account() -> CarrierAccount:
    """:raises CarrierRefused: with number 20003 where SID and token do not belong together. CarrierSilent:"""
    with heard():
        found = client().api.v2010.accounts(settings.TWILIO_ACCOUNT_SID).fetch()
    return CarrierAccount(status=str(found.status), is_trial=str(found.type) == "Trial")


def caller_id() -> CallerId:
    """What TWILIO_CALLER_ID is to the account: a number of its own, one that it has verified, or neither.

    :raises CarrierSilent:
    """
    number = settings.TWILIO_CALLER_ID
    try:
        with heard():
            # Twilio's filter also finds numbers that merely contain this one.
            owned = client().incoming_phone_numbers.list(phone_number=number, limit=_LISTED_MAX)
            if ours := next((each for each in owned if each.phone_number == number), None):
                return "owned" if (ours.capabilities or {}).get("voice") else "owned_without_voice"
            verified = client().outgoing_caller_ids.list(phone_number=number, limit=_LISTED_MAX)
    except CarrierRefused as error:
        raise CarrierSilent("The carrier did not list the numbers.") from error
    return "verified" if any(each.phone_number == number for each in verified) else "unknown"


@dataclass(frozen=True, slots=True)
class Application:
    """Where a TwiML application asks what a browser's call is to do, and where it tells that one has ended; "" for nowhere."""

    voice_url: str
    voice_method: str
    status_url: str
    status_method: str


def application() -> Application | None:
    """The one that browsers call, asked for with the API key; None when the account has none of this SID.

    :raises CarrierRefused: with number 20003 where the key's SID and secret do not belong together. CarrierSilent:
    """
    key = Client(
        settings.TWILIO_API_KEY_SID,
        settings.TWILIO_API_KEY_SECRET,
        settings.TWILIO_ACCOUNT_SID,
        http_client=twilio_http_client(),
    )
    try:
        with heard():
            found = key.applications(settings.TWILIO_TWIML_APP_SID).fetch()
    except CarrierKnowsNone:
        return None
    return Application(
        voice_url=str(found.voice_url or ""),
        voice_method=str(found.voice_method or ""),
        status_url=str(found.status_callback or ""),
        status_method=str(found.status_callback_method or ""),
    )
