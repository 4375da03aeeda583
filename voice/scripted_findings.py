"""What came of the operator's test call, in the words of the other checks."""

from collections.abc import Iterator
from typing import Final

from voice import scripted_call, twilio
from voice.findings import Finding
from voice.scripted_call import Came

_LOG = "Twilio console, Monitor, Logs, Errors"
# https://www.twilio.com/docs/api/errors
_REFUSALS: Final[dict[int, str]] = {
    10004: "The account has as many calls at once as Twilio lets it. Have its business profile approved: Twilio console, Trust Hub.",
    21210: "Buy or verify the number that calls (TWILIO_CALLER_ID): Twilio console, Phone Numbers, Manage.",
    21211: "Give a number that there is, with its country code.",
    21215: "Allow calls to this country: Twilio console, Voice, Settings, Geo permissions.",
    21219: "A trial account calls verified numbers alone. Upgrade it (Twilio console, Admin, Account billing), or verify "
    "this number (Phone Numbers, Manage, Verified Caller IDs).",
}


def not_placed(error: twilio.CarrierRefused | twilio.CarrierSilent) -> Finding:
    if isinstance(error, twilio.CarrierSilent):
        return Finding(
            "test_call",
            "failed",
            "Twilio did not say whether it took the call; it is not tried again by itself.",
            "See whether it was placed: Twilio console, Monitor, Logs, Calls.",
        )
    remedy = _REFUSALS.get(error.number, f"Look up the error {error.number} at https://www.twilio.com/docs/api/errors.")
    return Finding("test_call", "failed", f"Twilio refused the call (its error {error.number}).", remedy)


def findings(came: Came, *, within_s: int) -> Iterator[Finding]:
    """within_s: how long was waited."""
    yield _answered(came, within_s)
    yield _callbacks(came, within_s)
    yield _media(came, within_s)


def _answered(came: Came, within_s: int) -> Finding:
    if "answer" in came.news:
        return Finding("test_call", "ok", "Somebody picked up, and the sentence was spoken.")
    if "in-progress" in came.news:
        return Finding(
            "test_call",
            "failed",
            f"Somebody picked up, and Twilio did not ask within {within_s} s what to say, so they heard nothing.",
            f"Look for errors 11200 and 11205 in {_LOG}, and let Twilio reach the web process with POST.",
            "PUBLIC_URL",
        )
    if came.status == "failed":
        return Finding(
            "test_call",
            "failed",
            "The call ended as failed: no telephone rang.",
            f"Look up the call's error in {_LOG}, and check that the number exists and can be reached. Nobody could pick up.",
        )
    if came.news:
        ended = f"The call ended as {came.status}" if came.is_over else f"Nobody picked up within {within_s} s"
        return Finding("test_call", "failed", f"{ended}.", "Pick up when the telephone rings, and try again.")
    return Finding(
        "test_call",
        "failed",
        f"Twilio took the call, and told nothing of it within {within_s} s.",
        f"Look for error 11200 in {_LOG}: it names the address that Twilio could not reach.",
        "PUBLIC_URL",
    )


def _callbacks(came: Came, within_s: int) -> Finding:
    missing = [each for each in ("ringing", "in-progress", "answer", "completed") if each not in came.news]
    if not missing:
        return Finding(
            "test_call_callbacks", "ok", "All of Twilio's callbacks came: ringing, answered, what to do, ended."
        )
    if "in-progress" not in came.news and "answer" not in came.news:
        return Finding("test_call_callbacks", "skipped", "Nobody picked up.")
    return Finding(
        "test_call_callbacks",
        "failed",
        f"These callbacks did not come within {within_s} s: {', '.join(missing)}.",
        f"Look for errors 11200 and 11205 in {_LOG}, and into the log of the web process.",
        "PUBLIC_URL",
    )


def _media(came: Came, within_s: int) -> Finding:
    if not scripted_call.streams_sound():
        return Finding("test_call_media", "skipped", "Twilio writes calls down, so no sound is streamed.")
    if "answer" not in came.news:
        return Finding("test_call_media", "skipped", "Nobody picked up.")
    if came.frames:
        return Finding("test_call_media", "ok", f"The sound of both sides came, in {came.frames} pieces.")
    said = "was opened and brought no sound" if "media" in came.news else "was not opened"
    return Finding(
        "test_call_media",
        "failed",
        f"The call's media socket {said} within {within_s} s.",
        f"Look for the errors 31901 to 31951 in {_LOG}, and into the log of the media process.",
        "MEDIA_SOCKET_URL",
    )
