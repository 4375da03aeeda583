"""What each processor may be asked, field by field. A field that is not listed here does not leave the
machine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that a processor may be asked.

    path: regular expression of the whole path. fields: name of query or body field -> class of data; a name that ends
    in `*` stands for all that begin so. values: the only values that a field may have.
    """

    name: str
    method: str
    path: str
    fields: Mapping[str, str]
    values: Mapping[str, frozenset[str]]

    def matches(self, method: str, path: str) -> bool:
        return method == self.method and re.fullmatch(self.path, path) is not None

    def class_of(self, field: str) -> str | None:
        exact = self.fields.get(field)
        if exact is not None:
            return exact
        for name, data_class in self.fields.items():
            if name.endswith("*") and field.startswith(name[:-1]):
                return data_class
        return None


@dataclass(frozen=True, slots=True)
class Base:
    """An address of a processor. setting: which setting may point it to a stand-in on this machine."""

    url: str
    setting: str
    endpoints: tuple[Endpoint, ...]


def endpoint(
    name: str,
    method: str,
    path: str,
    fields: Mapping[str, str],
    values: Mapping[str, frozenset[str]] | None = None,
) -> Endpoint:
    return Endpoint(name=name, method=method, path=path, fields=fields, values=values or {})


_ACCOUNT = r"/2010-04-01/Accounts/AC[0-9a-f]{32}"
_CALL = _ACCOUNT + r"/Calls/CA[0-9a-f]{32}"
_VERIFY = r"/v2/Services/VA[0-9a-f]{32}"
_PAGE = {"PageSize": "paging", "Page": "paging", "PageToken": "paging"}
_CALLBACKS = {
    "StatusCallback": "webhook_address",
    "StatusCallbackMethod": "call_control",
    "StatusCallbackEvent": "call_control",
}
_ENDED = frozenset({"completed", "canceled"})

TWILIO_CALLS: Final = Base(
    url="https://api.twilio.com",
    setting="TWILIO_API_URL",
    endpoints=(
        # What an operator's check asks of the account; none of it concerns a person.
        endpoint("account.read", "GET", _ACCOUNT + r"\.json", {}),
        endpoint("applications.read", "GET", _ACCOUNT + r"/Applications/AP[0-9a-f]{32}\.json", {}),
        endpoint("numbers.list", "GET", _ACCOUNT + r"/IncomingPhoneNumbers\.json", {"PhoneNumber": "phone", **_PAGE}),
        endpoint("caller_ids.list", "GET", _ACCOUNT + r"/OutgoingCallerIds\.json", {"PhoneNumber": "phone", **_PAGE}),
        endpoint(
            "calls.create",
            "POST",
            _ACCOUNT + r"/Calls\.json",
            {
                "To": "phone",
                "From": "phone",
                "Url": "webhook_address",
                "Method": "call_control",
                "Timeout": "call_control",
                "TimeLimit": "call_control",
                **_CALLBACKS,
            },
        ),
        endpoint(
            "calls.list",
            "GET",
            _ACCOUNT + r"/Calls\.json",
            {
                "To": "phone",
                "From": "phone",
                "ParentCallSid": "call_reference",
                "Status": "call_control",
                "StartTime*": "call_control",
                **_PAGE,
            },
        ),
        endpoint("calls.read", "GET", _CALL + r"\.json", {}),
        endpoint(
            "calls.update",
            "POST",
            _CALL + r"\.json",
            {
                "Status": "call_control",
                "Url": "webhook_address",
                "Method": "call_control",
                "TimeLimit": "call_control",
                **_CALLBACKS,
            },
            {"Status": _ENDED},
        ),
        endpoint("calls.delete", "DELETE", _CALL + r"\.json", {}),
        endpoint(
            "streams.create",
            "POST",
            _CALL + r"/Streams\.json",
            {
                "Url": "webhook_address",
                "Name": "call_reference",
                "Track": "call_control",
                "StatusCallback": "webhook_address",
                "StatusCallbackMethod": "call_control",
                "Parameter*": "call_reference",
            },
        ),
        # Neither Hints, which would tell names, nor IntelligenceService, which would keep the text at Twilio.
        endpoint(
            "transcriptions.create",
            "POST",
            _CALL + r"/Transcriptions\.json",
            {
                "Name": "call_reference",
                "Track": "call_control",
                "StatusCallbackUrl": "webhook_address",
                "StatusCallbackMethod": "call_control",
                "InboundTrackLabel": "call_control",
                "OutboundTrackLabel": "call_control",
                "PartialResults": "call_control",
                "LanguageCode": "call_control",
                "EnableAutomaticPunctuation": "call_control",
                "ProfanityFilter": "call_control",
            },
        ),
        endpoint(
            "transcriptions.stop",
            "POST",
            _CALL + r"/Transcriptions/[\w.-]+\.json",
            {"Status": "call_control"},
            {"Status": frozenset({"stopped"})},
        ),
        endpoint("streams.stop", "POST", _CALL + r"/Streams/[\w.-]+\.json", {"Status": "call_control"}),
    ),
)
TWILIO_VERIFY: Final = Base(
    url="https://verify.twilio.com",
    setting="TWILIO_VERIFY_URL",
    endpoints=(
        endpoint("verify.service", "GET", _VERIFY, {}),
        # SMS alone: the consent that was given speaks of text messages (C3.1).
        endpoint(
            "verify.send",
            "POST",
            _VERIFY + "/Verifications",
            {"To": "mobile", "Channel": "call_control"},
            {"Channel": frozenset({"sms"})},
        ),
        endpoint(
            "verify.check",
            "POST",
            _VERIFY + "/VerificationCheck",
            {"To": "mobile", "VerificationSid": "call_reference", "Code": "one_time_code"},
        ),
        endpoint("verify.read", "GET", _VERIFY + r"/Verifications/VE[0-9a-f]{32}", {}),
        endpoint(
            "verify.cancel",
            "POST",
            _VERIFY + r"/Verifications/(VE[0-9a-f]{32}|(%2B|\+)\d{8,15})",
            {"Status": "call_control"},
            {"Status": frozenset({"canceled"})},
        ),
    ),
)
_PADDLE_PAGE = {
    "after": "paging",
    "per_page": "paging",
    "order_by": "paging",
    "status": "paging",
    "include": "paging",
}
PADDLE: Final = Base(
    url="https://api.paddle.com",
    setting="PADDLE_API_URL",
    endpoints=(
        endpoint(
            "transactions.create",
            "POST",
            "/transactions",
            {
                "items[].price_id": "money",
                "items[].quantity": "money",
                "customer_id": "payment_reference",
                "custom_data.*": "workspace_reference",
                "currency_code": "money",
                "collection_mode": "money",
                "checkout.url": "webhook_address",
            },
        ),
        endpoint("transactions.read", "GET", r"/transactions/txn_\w+", _PADDLE_PAGE),
        endpoint("transactions.invoice", "GET", r"/transactions/txn_\w+/invoice", {}),
        endpoint(
            "transactions.list",
            "GET",
            "/transactions",
            {"id": "payment_reference", "subscription_id": "payment_reference", "origin": "paging", **_PADDLE_PAGE},
        ),
        endpoint(
            "subscriptions.charge",
            "POST",
            r"/subscriptions/sub_\w+/charge",
            {
                "effective_from": "money",
                "on_payment_failure": "money",
                "items[].price_id": "money",
                "items[].quantity": "money",
            },
            # Never added to a later bill, and never followed up by the seller's reminders.
            {"effective_from": frozenset({"immediately"}), "on_payment_failure": frozenset({"prevent_change"})},
        ),
        endpoint(
            "subscriptions.cancel",
            "POST",
            r"/subscriptions/sub_\w+/cancel",
            {"effective_from": "money"},
            {"effective_from": frozenset({"immediately"})},
        ),
        endpoint("adjustments.list", "GET", "/adjustments", {"transaction_id": "payment_reference", **_PADDLE_PAGE}),
        endpoint("prices.list", "GET", "/prices", {"id": "money", **_PADDLE_PAGE}),
        endpoint("events.list", "GET", "/events", {"from": "paging", "event_type": "paging", **_PADDLE_PAGE}),
        endpoint("customers.create", "POST", "/customers", {"email": "email"}),
        endpoint("customers.read", "GET", r"/customers/ctm_\w+", {}),
        endpoint(
            "customers.update",
            "PATCH",
            r"/customers/ctm_\w+",
            {"email": "email", "status": "payment_reference"},
        ),
    ),
)
