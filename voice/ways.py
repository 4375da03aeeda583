"""The two ways to call: by phone, where the rep's own phone is rung first, and in the browser, where an operator has set it up."""

from typing import ClassVar, cast

from django.conf import settings

from identity.auth import Actor
from processors.errors import DomainError
from voice.models import Call
from voice.schemas import Way


class BrowserCallsOff(DomainError):
    """This installation has no TwiML application; reps call by phone. Permanent until an operator sets it up."""

    code: ClassVar[str] = "browser_calls_off"

    def __init__(self) -> None:
        super().__init__("Calls in the browser are not set up on this server. Call by phone.")


def open_ways() -> list[Way]:
    whole = settings.TWILIO_TWIML_APP_SID and settings.TWILIO_API_KEY_SID and settings.TWILIO_API_KEY_SECRET
    return ["phone", "browser"] if whole else ["phone"]


def refuse_unless_open(way: Way) -> None:
    """:raises BrowserCallsOff:"""
    if way not in open_ways():
        raise BrowserCallsOff


def last_way(actor: Actor) -> Way:
    """In which the person called last, as far as it is open still."""
    ways = open_ways()
    if len(ways) == 1:
        return ways[0]
    calls = Call.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id)
    return cast(Way, calls.order_by("-created_at").values_list("way", flat=True).first() or "phone")
