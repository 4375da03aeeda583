"""What the account is and what belongs to it: Twilio's Account, Applications, IncomingPhoneNumbers and OutgoingCallerIds."""

from collections.abc import Mapping
from typing import Any, get_args

from aiohttp import web

from sandbox import clock
from sandbox.records import Account, AccountStatus, AccountType, CallerIdState, CodeLength, StatusUrl, VoiceMethod
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.twilio.errors import not_found
from sandbox.twilio.gateway import ACCOUNT_PATH, Gateway, RestAnswer, RestRequest

BELOW = "/2010-04-01/Accounts/{AccountSid}"
NUMBER_SID = "PN" + "0" * 32
_VALUES = {
    "status": get_args(AccountStatus),
    "type": get_args(AccountType),
    "caller_id": get_args(CallerIdState),
    "voice_method": get_args(VoiceMethod),
    "status_url": get_args(StatusUrl),
    "status_method": get_args(VoiceMethod),
    "code_length": get_args(CodeLength),
}


class AccountInvalid(ValueError):
    """The account cannot be so; the message lists what it can be."""


def changed(account: Account, wanted: Mapping[str, Any]) -> Account:
    """:raises AccountInvalid: for a field or a value that there is not."""
    for name, value in wanted.items():
        if name not in _VALUES or value not in _VALUES[name]:
            known = "; ".join(f"{each}: {', '.join(values)}" for each, values in _VALUES.items())
            raise AccountInvalid(f"An account has {known}.")
    return Account(**{name: wanted.get(name, getattr(account, name)) for name in _VALUES})


class AccountApi:
    """The resources as Twilio's SDK reads them. A caller ID of "" lets every number call."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._account_sid = settings.account_sid
        self._caller_id = settings.caller_id

    def register(self, app: web.Application, gateway: Gateway) -> None:
        gateway.route(app, "GET", ACCOUNT_PATH, self.fetch)
        gateway.route(app, "GET", f"{BELOW}/Applications/{{Sid}}.json", self.application)
        gateway.route(app, "GET", f"{BELOW}/IncomingPhoneNumbers.json", self.owned)
        gateway.route(app, "GET", f"{BELOW}/OutgoingCallerIds.json", self.verified)

    async def fetch(self, asked: RestRequest) -> RestAnswer:
        if asked.ids["Sid"] != self._account_sid:
            raise not_found(asked.path)
        account = self._store.account
        made = clock.rfc2822(clock.now())
        return RestAnswer(
            200,
            {
                # Twilio tells it to whoever has it; there is no reason to do so here.
                "auth_token": None,
                "date_created": made,
                "date_updated": made,
                "friendly_name": "Sandbox",
                "owner_account_sid": self._account_sid,
                "sid": self._account_sid,
                "status": account.status,
                "subresource_uris": {},
                "type": account.type,
                "uri": asked.path,
            },
        )

    async def application(self, asked: RestRequest) -> RestAnswer:
        sid = self._settings.twiml_app_sid
        if asked.ids["Sid"] != sid:
            raise not_found(asked.path)
        made, account = clock.rfc2822(clock.now()), self._store.account
        absent = ("message_status_callback", "sms_fallback_url", "sms_status_callback", "sms_url", "voice_fallback_url")
        methods = ("sms_fallback_method", "sms_method", "voice_fallback_method")
        return RestAnswer(
            200,
            {
                **dict.fromkeys(absent),
                **dict.fromkeys(methods, "POST"),
                "account_sid": self._account_sid,
                "api_version": "2010-04-01",
                "date_created": made,
                "date_updated": made,
                "friendly_name": "Sandbox",
                "public_application_connect_enabled": False,
                "sid": sid,
                "status_callback": (self._settings.voice_status_url or None) if account.status_url == "set" else None,
                "status_callback_method": account.status_method,
                "uri": asked.path,
                "voice_caller_id_lookup": False,
                "voice_method": account.voice_method,
                "voice_url": self._settings.voice_url or None,
            },
        )

    async def owned(self, asked: RestRequest) -> RestAnswer:
        number = self._number(asked)
        there = number and self._store.account.caller_id in ("owned", "owned-without-voice")
        bodies = [self._owned_body(number)] if there else []
        return RestAnswer(200, {"incoming_phone_numbers": bodies, **_page(asked, len(bodies))})

    async def verified(self, asked: RestRequest) -> RestAnswer:
        number = self._number(asked)
        bodies = [self._verified_body(number)] if number and self._store.account.caller_id == "verified" else []
        return RestAnswer(200, {"outgoing_caller_ids": bodies, **_page(asked, len(bodies))})

    def _number(self, asked: RestRequest) -> str:
        """The number that is asked for, if it may be this account's."""
        number = asked.asked("PhoneNumber") or self._caller_id
        return number if self._caller_id in ("", number) else ""

    def _owned_body(self, number: str) -> dict[str, Any]:
        voice = self._store.account.caller_id == "owned"
        absent = (
            "address_sid", "emergency_address_sid", "bundle_sid", "identity_sid", "sms_application_sid",
            "sms_fallback_url", "sms_url", "status_callback", "trunk_sid", "voice_application_sid",
            "voice_caller_id_lookup", "voice_fallback_url", "voice_url",
        )  # fmt: skip
        methods = (
            "sms_fallback_method",
            "sms_method",
            "status_callback_method",
            "voice_fallback_method",
            "voice_method",
        )
        return {
            **dict.fromkeys(absent),
            **dict.fromkeys(methods, "POST"),
            **self._shared(number, "IncomingPhoneNumbers"),
            "address_requirements": "none",
            "api_version": "2010-04-01",
            "beta": False,
            "capabilities": {"voice": voice, "sms": True, "mms": True, "fax": False},
            "emergency_address_status": "unregistered",
            "emergency_status": "Inactive",
            "origin": "twilio",
            "status": "in-use",
            "voice_receive_mode": "voice",
        }

    def _verified_body(self, number: str) -> dict[str, Any]:
        return self._shared(number, "OutgoingCallerIds")

    def _shared(self, number: str, kind: str) -> dict[str, Any]:
        made = clock.rfc2822(clock.now())
        return {
            "account_sid": self._account_sid,
            "date_created": made,
            "date_updated": made,
            "friendly_name": number,
            "phone_number": number,
            "sid": NUMBER_SID,
            "uri": f"/2010-04-01/Accounts/{self._account_sid}/{kind}/{NUMBER_SID}.json",
        }


def _page(asked: RestRequest, count: int) -> dict[str, Any]:
    """The one page that there is."""
    return {
        "page": 0,
        "page_size": int(asked.asked("PageSize") or 50),
        "start": 0,
        "end": max(0, count - 1),
        "uri": asked.path,
        "first_page_uri": asked.path,
        "next_page_uri": None,
        "previous_page_uri": None,
    }
