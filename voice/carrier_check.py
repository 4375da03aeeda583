"""Whether calls can be placed: what an operator has to set up at the carrier and before our own door, asked piece by piece.

Each failure says what to change and where: a page of Twilio's console in words, or one of our settings.
"""

import json
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings

from identity import verify
from processors import own_address
from processors.register import LOOPBACK
from voice import browser_check, scripted_call, twilio, twilio_account
from voice.findings import CREDENTIALS_REFUSED, SILENT, Finding

ACCOUNT_NOT_ACTIVE: Final = 20005
# What a person may type as a passcode; api and pages take no other lengths.
CODE_DIGITS: Final = range(6, 11)


def findings() -> Iterator[Finding]:
    """All checks but the test call, one after another; those that rest on one that failed are skipped."""
    account = _account()
    yield account
    for name, check in _OF_THE_ACCOUNT.items():
        yield check() if account.outcome == "ok" else Finding(name, "skipped", "The account cannot be asked.")
    address = _public_address()
    yield address
    yield _webhooks() if address.outcome == "ok" else Finding("webhooks", "skipped", "The address cannot be reached.")
    yield _media_sockets()


_ACCOUNT_PAGE = "Twilio console, Account Dashboard, Account Info"


def _account() -> Finding:
    """Whether SID and token open the account, and whether it may do anything."""
    try:
        account = twilio_account.account()
    except twilio.CarrierSilent:
        return Finding("account", "failed", "Twilio gives no answer.", SILENT)
    except twilio.CarrierRefused as error:
        if error.number == ACCOUNT_NOT_ACTIVE:
            return _inactive("not active")
        if error.number == CREDENTIALS_REFUSED:
            return Finding(
                "account",
                "failed",
                "Twilio does not take the credentials.",
                f"Copy both anew from: {_ACCOUNT_PAGE}. The token is the primary auth token, no API key's secret. "
                "Twilio says the same of an account that is suspended.",
                "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN",
            )
        return Finding(
            "account",
            "failed",
            f"Twilio refuses to show the account (its error {error.number}).",
            f"Compare the SID with: {_ACCOUNT_PAGE}.",
            "TWILIO_ACCOUNT_SID",
        )
    if account.status != "active":
        return _inactive(account.status)
    if account.is_trial:
        return Finding(
            "account",
            "failed",
            "This is a trial account: it calls numbers alone that you have verified, speaks Twilio's own message first, and "
            "streams no sound, so nothing would be written down.",
            "Upgrade it: Twilio console, Admin, Account billing.",
        )
    return Finding("account", "ok", "The credentials are right; the account is active and no trial.")


def _inactive(status: str) -> Finding:
    return Finding(
        "account",
        "failed",
        f"The account is {status}: it places no calls and sends no passcodes.",
        "Look for the reason in Twilio console, Admin, Account billing, and in Twilio's mails to the account's owner.",
    )


def _caller_id() -> Finding:
    number = settings.TWILIO_CALLER_ID
    try:
        found = twilio_account.caller_id()
    except twilio.CarrierSilent as error:
        return Finding("caller_id", "failed", error.message, SILENT, "TWILIO_CALLER_ID")
    match found:
        case "owned":
            return Finding("caller_id", "ok", f"{number} is a number of the account, and can call.")
        case "verified":
            return Finding("caller_id", "ok", f"{number} is a caller ID that the account has verified.")
        case "owned_without_voice":
            return Finding(
                "caller_id",
                "failed",
                f"{number} is a number of the account, but cannot call.",
                "Take one with the capability Voice: Twilio console, Phone Numbers, Manage, Buy a number.",
                "TWILIO_CALLER_ID",
            )
    return Finding(
        "caller_id",
        "failed",
        f"{number} is neither a number of the account nor verified by it.",
        "Buy a number (Twilio console, Phone Numbers, Manage, Buy a number), or verify yours (Phone Numbers, Manage, "
        "Verified Caller IDs), and write it down here as +, country code and digits.",
        "TWILIO_CALLER_ID",
    )


def _verify_service() -> Finding:
    return _service_of("account", "verify_service", "TWILIO_VERIFY_SERVICE_SID", "nobody could sign up or in")


def _verify_claim_service() -> Finding:
    """The same as that of accounts where the operator has not made one."""
    return _service_of("claim", "verify_claim_service", "TWILIO_VERIFY_CLAIM_SERVICE_SID", "nobody could sign up")


def _verify_callee_service() -> Finding:
    nobody = "nobody who was called could prove a number"
    return _service_of("callee", "verify_callee_service", "TWILIO_VERIFY_CALLEE_SERVICE_SID", nobody)


def _service_of(asked: verify.Asked, check: str, setting: str, nobody: str) -> Finding:
    """nobody: what would not work without it."""
    try:
        service = verify.read_service(asked)
    except verify.OtpUnavailable:
        return Finding(check, "failed", "Twilio Verify gives no usable answer.", SILENT)
    if service is None:
        return Finding(
            check,
            "failed",
            f"The account has no such Verify service, so {nobody}.",
            "Make one with the channel SMS, and copy its Service SID: Twilio console, Verify, Services.",
            setting,
        )
    if service.code_digits not in CODE_DIGITS:
        return Finding(
            check,
            "failed",
            f"Its passcodes have {service.code_digits} digits; people can type {CODE_DIGITS[0]} to {CODE_DIGITS[-1]}.",
            "Set another code length: Twilio console, Verify, Services, your service, General.",
        )
    return Finding(check, "ok", f"It sends passcodes in the name of “{service.name}”.")


_OF_THE_ACCOUNT: Final[dict[str, Callable[[], Finding]]] = {
    "caller_id": _caller_id,
    "verify_service": _verify_service,
    "verify_claim_service": _verify_claim_service,
    browser_check.CHECK: browser_check.browser_calls,
    "verify_callee_service": _verify_callee_service,
}

_UNREACHABLE: Final[dict[own_address.Why, tuple[str, str]]] = {
    "certificate_expired": ("Its certificate has expired.", "Renew it where TLS ends: at your load balancer or proxy."),
    "certificate_of_another_host": (
        "Its certificate is for another host.",
        "Get one for exactly this host, and serve it where TLS ends: at your load balancer or proxy.",
    ),
    "certificate_untrusted": (
        "Its certificate is not signed by an authority that others know.",
        "Twilio takes no other. Serve one of a public authority, with its whole chain, where TLS ends.",
    ),
    "tls": ("What answers there speaks no TLS.", "Serve TLS on this port: at your load balancer or proxy."),
    "no_answer": (
        "Nothing answers there.",
        "Look whether its name leads to your load balancer, whether the firewall lets port 443 in, and whether the product "
        "runs. From this machine the way has to lead out and back in.",
    ),
}


def _asked_from_outside(check: str, url: str, setting: str) -> Finding | None:
    """Why the carrier could not reach this address at all, from its form alone."""
    parts, carrier = urlsplit(url), urlsplit(settings.TWILIO_API_URL)
    if parts.hostname in LOOPBACK:
        if carrier.hostname in LOOPBACK:
            return None
        said, remedy = (
            f"{url} is this machine's own name for itself.",
            "Set the address that Twilio reaches from outside.",
        )
    elif parts.scheme in ("http", "ws"):
        said, remedy = f"{url} is without TLS.", "Set https:// for web pages and wss:// for media sockets."
    else:
        return None
    return Finding(check, "failed", said, remedy, setting)


def _unreachable(check: str, url: str, setting: str, why: own_address.Why) -> Finding:
    said, remedy = _UNREACHABLE[why]
    return Finding(check, "failed", f"{url}: {said}", remedy, setting)


def _public_address() -> Finding:
    url = settings.PUBLIC_URL
    if (finding := _asked_from_outside("public_address", url, "PUBLIC_URL")) is not None:
        return finding
    try:
        answer = own_address.ask(f"{url}/healthz")
    except own_address.Unreachable as error:
        return _unreachable("public_address", url, "PUBLIC_URL", error.why)
    if answer.status != 200 or _member(answer, "status") != "ok":
        return Finding(
            "public_address",
            "failed",
            f"{url}/healthz answers {answer.status}, and not as the product does.",
            "Have your load balancer send this host's paths unchanged to the web process.",
            "PUBLIC_URL",
        )
    how = "over TLS, with a certificate of its host" if url.startswith("https:") else "on this machine"
    return Finding("public_address", "ok", f"{url} answers {how}.")


def _webhooks() -> Finding:
    """A callback of a call that there never was: signed it is looked for, unsigned nobody looks."""
    url = f"{settings.PUBLIC_URL}/twilio/voice/{uuid4()}/status"
    fields = {"CallSid": f"CA{uuid4().hex}", "CallStatus": "ringing"}
    try:
        signed = own_address.ask(url, form=fields, headers=_signature(url, fields))
        unsigned = own_address.ask(url, form=fields)
    except own_address.Unreachable as error:
        return _unreachable("webhooks", settings.PUBLIC_URL, "PUBLIC_URL", error.why)
    if _member(unsigned, "code") != "signature_invalid":
        return Finding(
            "webhooks",
            "failed",
            f"What is not signed was answered {unsigned.status} and not refused: something else answers these paths.",
            "Have your load balancer send /twilio/ to the web process and to nothing else.",
            "PUBLIC_URL",
        )
    if _member(signed, "code") == "signature_invalid":
        return Finding(
            "webhooks",
            "failed",
            "What is signed as Twilio signs it was refused, so every callback would be.",
            "Restart the web processes if the settings were changed since they began. Else see that the load balancer leaves "
            "path and query as they are.",
            "PUBLIC_URL, TWILIO_AUTH_TOKEN",
        )
    if _member(signed, "code") != "call_unknown":
        return Finding(
            "webhooks",
            "failed",
            f"A signed callback was answered {signed.status}, and not as the product does.",
            "Look into the log of the web process.",
            "PUBLIC_URL",
        )
    return Finding("webhooks", "ok", "Signed callbacks are taken, others are refused.")


def _media_sockets() -> Finding:
    if not scripted_call.streams_sound():
        return Finding("media_sockets", "skipped", "Twilio writes calls down, so no sound is streamed.")
    origin, setting = settings.MEDIA_SOCKET_URL, "MEDIA_SOCKET_URL"
    if (finding := _asked_from_outside("media_sockets", origin, setting)) is not None:
        return finding
    url = f"{origin}/twilio/media/"
    try:
        signed = own_address.ask(url, headers=_signature(url, {}))
        unsigned = own_address.ask(url)
    except own_address.Unreachable as error:
        return _unreachable("media_sockets", origin, setting, error.why)
    if unsigned.status == 101:
        return Finding(
            "media_sockets",
            "failed",
            "A socket that nobody signed was opened: something else answers this path.",
            "Have your load balancer send /twilio/media/ to the media process and to nothing else.",
            setting,
        )
    if signed.status != 101:
        return Finding(
            "media_sockets",
            "failed",
            f"A socket that is signed as Twilio signs it was answered {signed.status} and not opened.",
            "Have your load balancer send /twilio/media/ as a WebSocket, with its path as it is, to the media process; restart "
            "that if the settings were changed since it began.",
            f"{setting}, TWILIO_AUTH_TOKEN",
        )
    return Finding("media_sockets", "ok", f"{origin} opens what is signed, and nothing else.")


def _signature(url: str, fields: dict[str, str]) -> dict[str, str]:
    return {"X-Twilio-Signature": twilio.signature_of(url=url, fields=fields)}


def _member(answer: own_address.Answer, name: str) -> object:
    """Of an answer in JSON; None of any other."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None
