"""Whether reps can call in the browser: the TwiML application and the API key, asked as the operator's check asks the rest."""

from django.conf import settings

from voice import twilio, twilio_account, ways
from voice.findings import CREDENTIALS_REFUSED, SILENT, Finding

CHECK = "browser_calls"
_APPS = "Twilio console, Voice, Manage, TwiML apps"
_KEYS = "Twilio console, Account Dashboard, API keys & tokens"


def browser_calls() -> Finding:
    if "browser" not in ways.open_ways():
        return Finding(CHECK, "skipped", "No TwiML application is set, so reps call by phone alone.")
    try:
        found = twilio_account.application()
    except twilio.CarrierSilent as error:
        return Finding(CHECK, "failed", error.message, SILENT)
    except twilio.CarrierRefused as error:
        if error.number == CREDENTIALS_REFUSED:
            said, remedy = "Twilio does not take the API key.", f"Make a standard key and copy SID and secret: {_KEYS}."
            return Finding(CHECK, "failed", said, remedy, "TWILIO_API_KEY_SID, TWILIO_API_KEY_SECRET")
        said = f"Twilio refuses to show the TwiML application (its error {error.number})."
        return Finding(CHECK, "failed", said, f"Compare the SID with: {_APPS}.", "TWILIO_TWIML_APP_SID")
    if found is None:
        said = "The account has no such TwiML application, so no browser could call."
        return Finding(CHECK, "failed", said, f"Make one, and copy its SID: {_APPS}.", "TWILIO_TWIML_APP_SID")
    voice_url = f"{settings.PUBLIC_URL}/twilio/browser"
    if (found.voice_url, found.voice_method) != (voice_url, "POST"):
        said = f"The TwiML application asks {found.voice_url or 'nobody'} by {found.voice_method or 'no method'}."
        return Finding(CHECK, "failed", said, f"Set its Voice request URL to {voice_url} by POST: {_APPS}.")
    status_url = f"{voice_url}/status"
    if not found.status_url:
        said = "The TwiML application tells nobody when a browser's call has ended."
        return Finding(CHECK, "failed", said, f"Set its Voice status callback URL to {status_url} by POST: {_APPS}.")
    if (found.status_url, found.status_method) != (status_url, "POST"):
        said = (
            f"The TwiML application tells {found.status_url} by {found.status_method} when a browser's call has ended."
        )
        return Finding(CHECK, "failed", said, f"Set its Voice status callback URL to {status_url} by POST: {_APPS}.")
    return Finding(CHECK, "ok", "The API key opens the TwiML application, which asks us what to do.")
