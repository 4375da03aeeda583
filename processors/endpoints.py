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


def _endpoint(
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
        _endpoint("account.read", "GET", _ACCOUNT + r"\.json", {}),
        _endpoint("numbers.list", "GET", _ACCOUNT + r"/IncomingPhoneNumbers\.json", {"PhoneNumber": "phone", **_PAGE}),
        _endpoint("caller_ids.list", "GET", _ACCOUNT + r"/OutgoingCallerIds\.json", {"PhoneNumber": "phone", **_PAGE}),
        _endpoint(
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
        _endpoint(
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
        _endpoint("calls.read", "GET", _CALL + r"\.json", {}),
        _endpoint(
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
        _endpoint("calls.delete", "DELETE", _CALL + r"\.json", {}),
        _endpoint(
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
        _endpoint(
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
        _endpoint(
            "transcriptions.stop",
            "POST",
            _CALL + r"/Transcriptions/[\w.-]+\.json",
            {"Status": "call_control"},
            {"Status": frozenset({"stopped"})},
        ),
        _endpoint("streams.stop", "POST", _CALL + r"/Streams/[\w.-]+\.json", {"Status": "call_control"}),
    ),
)
TWILIO_VERIFY: Final = Base(
    url="https://verify.twilio.com",
    setting="TWILIO_VERIFY_URL",
    endpoints=(
        _endpoint("verify.service", "GET", _VERIFY, {}),
        # SMS alone: the consent that was given speaks of text messages (C3.1).
        _endpoint(
            "verify.send",
            "POST",
            _VERIFY + "/Verifications",
            {"To": "mobile", "Channel": "call_control"},
            {"Channel": frozenset({"sms"})},
        ),
        _endpoint(
            "verify.check",
            "POST",
            _VERIFY + "/VerificationCheck",
            {"To": "mobile", "VerificationSid": "call_reference", "Code": "one_time_code"},
        ),
        _endpoint("verify.read", "GET", _VERIFY + r"/Verifications/VE[0-9a-f]{32}", {}),
        _endpoint(
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
        _endpoint(
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
        _endpoint("transactions.read", "GET", r"/transactions/txn_\w+", _PADDLE_PAGE),
        _endpoint("transactions.invoice", "GET", r"/transactions/txn_\w+/invoice", {}),
        _endpoint(
            "transactions.list",
            "GET",
            "/transactions",
            {"id": "payment_reference", "subscription_id": "payment_reference", "origin": "paging", **_PADDLE_PAGE},
        ),
        _endpoint(
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
        _endpoint(
            "subscriptions.cancel",
            "POST",
            r"/subscriptions/sub_\w+/cancel",
            {"effective_from": "money"},
            {"effective_from": frozenset({"immediately"})},
        ),
        _endpoint("adjustments.list", "GET", "/adjustments", {"transaction_id": "payment_reference", **_PADDLE_PAGE}),
        _endpoint("prices.list", "GET", "/prices", {"id": "money", **_PADDLE_PAGE}),
        _endpoint("events.list", "GET", "/events", {"from": "paging", "event_type": "paging", **_PADDLE_PAGE}),
        _endpoint("customers.create", "POST", "/customers", {"email": "email"}),
        _endpoint("customers.read", "GET", r"/customers/ctm_\w+", {}),
        _endpoint(
            "customers.update",
            "PATCH",
            r"/customers/ctm_\w+",
            {"email": "email", "status": "payment_reference"},
        ),
    ),
)


def _told(event: str, fields: Mapping[str, str]) -> Endpoint:
    """A message to a server that a customer named. Its path is the customer's; its fields are these and no others."""
    return _endpoint(f"webhook.{event}", "POST", ".*", {"type": "event", "timestamp": "event", **fields})


# No name, number, address or word of a call: whoever wants those asks the API with a key, as somebody who may see them.
CUSTOMER_EVENTS: Final[Mapping[str, Endpoint]] = {
    "call.completed": _told(
        "call.completed",
        {
            "data.call_id": "record_reference",
            "data.lead_id": "record_reference",
            "data.user_id": "record_reference",
            "data.sequence": "event",
            "data.status": "call_figures",
            "data.end_reason": "call_figures",
            "data.transcript_state": "call_figures",
            "data.created_at": "call_figures",
            "data.answered_at": "call_figures",
            "data.ended_at": "call_figures",
            "data.duration_s": "call_figures",
            "data.charged_mcredits": "call_figures",
        },
    ),
    "transcript.ready": _told(
        "transcript.ready",
        {"data.call_id": "record_reference", "data.sequence": "event", "data.segments": "call_figures"},
    ),
    "insight.ready": _told("insight.ready", {"data.call_id": "record_reference", "data.insights": "call_figures"}),
    "balance.low": _told("balance.low", {"data.balance_mcredits": "balance", "data.threshold_mcredits": "balance"}),
    "webhook.test": _told("webhook.test", {"data.webhook_id": "record_reference"}),
}

# What a person's sign-in is proved with: the one-time code that the provider gave to the browser, and its answer to it.
GOOGLE_ACCOUNTS: Final = Base(
    url="https://accounts.google.com",
    setting="GOOGLE_ACCOUNTS_URL",
    endpoints=(
        _endpoint(
            "token.create",
            "POST",
            "/o/oauth2/token",
            {
                "grant_type": "sign_in",
                "code": "sign_in",
                "redirect_uri": "webhook_address",
                "client_id": "account_reference",
                "client_secret": "account_reference",
            },
            {"grant_type": frozenset({"authorization_code"})},
        ),
    ),
)
# The token stands in a header.
GOOGLE_API: Final = Base(
    url="https://www.googleapis.com",
    setting="GOOGLE_API_URL",
    endpoints=(_endpoint("userinfo.read", "GET", "/oauth2/v3/userinfo", {}),),
)
# Only the browser goes there.
FACEBOOK: Final = Base(url="https://www.facebook.com", setting="FACEBOOK_URL", endpoints=())
_GRAPH = r"/v\d+\.\d+"
FACEBOOK_GRAPH: Final = Base(
    url="https://graph.facebook.com",
    setting="FACEBOOK_GRAPH_URL",
    endpoints=(
        _endpoint(
            "token.read",
            "GET",
            _GRAPH + "/oauth/access_token",
            {
                "code": "sign_in",
                "redirect_uri": "webhook_address",
                "client_id": "account_reference",
                "client_secret": "account_reference",
            },
        ),
        _endpoint(
            "me.read",
            "GET",
            _GRAPH + "/me",
            {"fields": "sign_in", "access_token": "sign_in", "appsecret_proof": "sign_in"},
            {"fields": frozenset({"id,first_name,last_name,email"})},
        ),
    ),
)
