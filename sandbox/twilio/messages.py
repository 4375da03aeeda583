"""Text messages that phones send: what Twilio posts to the address of the number that they answer."""

from sandbox import ids
from sandbox.settings import Settings
from sandbox.twilio.webhooks import TwilioWebhooks

TEXT_MAX = 1_600
# https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
OPT_OUT_TYPES = {
    **dict.fromkeys(("STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"), "STOP"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "START"),
    **dict.fromkeys(("HELP", "INFO"), "HELP"),
}


class TextInvalid(ValueError):
    """Not a text message that a phone can send."""


def send_text(settings: Settings, webhooks: TwilioWebhooks, *, from_e164: str, body: str) -> dict[str, str]:
    """Posts the message to the product and returns what was posted.

    :raises TextInvalid:
    """
    if not 1 <= len(body) <= TEXT_MAX:
        raise TextInvalid(f"body must have 1 to {TEXT_MAX} characters.")
    sid = ids.sid("SM")
    form = {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": settings.account_sid,
        "From": from_e164,
        "To": settings.caller_id,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
    }
    if opt_out := OPT_OUT_TYPES.get(body.strip().upper()):
        form["OptOutType"] = opt_out
    webhooks.notify(settings.messages_url, "POST", form, service="twilio.messages", event="received")
    return form
