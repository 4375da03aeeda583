"""The closed list of recipients: who may receive what, why, where, and by which clause of the policy.

Nobody else receives anything. Adding a processor, or a class of data to one, needs a version of the policy that names it and
people who were told of it (C10.2): egress sends nothing before that version is in force.
"""

from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from processors.endpoints import PADDLE, TWILIO_CALLS, TWILIO_VERIFY, Base
from processors.social_endpoints import FACEBOOK, FACEBOOK_GRAPH, GOOGLE_ACCOUNTS, GOOGLE_API

# Where the policy says that our own servers stand: ISO 3166 alpha-2, and in words.
SERVERS_STAND_IN: Final = ("LT", "Lithuania")
# Class of data -> what it is, in the words of the data page.
DATA_CLASSES: Final[dict[str, str]] = {
    "account_reference": "Our own account's identifiers at the processor",
    "balance": "How many credits a workspace has",
    "browser": "Which browser it is, and on which system",
    "call_control": "How a call is to be carried: time limits, events, states",
    "call_figures": "How a call ended, how long it took and what it cost",
    "call_reference": "The processor's identifiers of a call or of its media stream",
    "caller_reference": "A number that stands for you and your workspace, and names neither",
    "email": "E-mail address",
    "event": "What happened, and when",
    "mobile": "Mobile number of the account holder",
    "money": "What is bought, how many, at which price",
    "network_address": "Network address of the browser (IP)",
    "one_time_code": "The code that a person typed, for checking",
    "paging": "Which part of a list is asked for",
    "payment_details": "What a buyer types in its window: the card or another way to pay, the name, the country",
    "payment_reference": "The processor's identifiers of a purchase or customer",
    "phone": "Telephone number of the person to call or of the caller",
    "record_reference": "Random identifiers of calls, of leads and of members",
    "sign_in": "That you sign in with the recipient's own account, and its one-time proof of that",
    "sound": "The sound of a call, while it is carried",
    "speech": "What both sides say in a call, while it is turned into text",
    "webhook_address": "Addresses at our own server that the processor calls back or leads to",
    "workspace_reference": "Random identifier of the workspace",
}


@dataclass(frozen=True, slots=True)
class Processor:
    """A recipient. No base means that nothing is sent to it by this software. directly: what it gets from browsers and telephones
    themselves, without our server."""

    key: str
    name: str
    purpose: str
    country: str
    clause: str
    privacy_url: str
    receives: tuple[str, ...]
    bases: tuple[Base, ...] = ()
    directly: tuple[str, ...] = ()


class ProcessorUnknown(KeyError):
    """There is no such processor in the register: a mistake in the code. Permanent."""


class ProcessorMisconfigured(ValueError):
    """A processor's address is neither its own nor on this machine. The message names the setting.
    Permanent."""


PROCESSORS: Final[tuple[Processor, ...]] = (
    Processor(
        key="twilio",
        name="Twilio",
        purpose="Sends one-time codes by SMS and carries the telephone calls",
        country="United States",
        clause="C4.2-3",
        privacy_url="https://www.twilio.com/legal/privacy",
        receives=(
            "mobile",
            "phone",
            "one_time_code",
            "call_control",
            "call_reference",
            "record_reference",
            "webhook_address",
        ),
        bases=(TWILIO_CALLS, TWILIO_VERIFY),
        directly=("sound", "network_address", "browser", "caller_reference"),
    ),
    Processor(
        key="paddle",
        name="Paddle",
        purpose="Sells credits as merchant of record; card details go to Paddle alone",
        country="United Kingdom",
        clause="C4.2-3",
        privacy_url="https://www.paddle.com/legal/privacy",
        receives=("email", "money", "payment_reference", "webhook_address", "workspace_reference"),
        bases=(PADDLE,),
        directly=("network_address", "browser", "payment_details"),
    ),
    Processor(
        key="google",
        name="Google",
        purpose="Confirms who you are, only if you choose to sign in with Google",
        country="United States",
        clause="C4.4-5",
        privacy_url="https://policies.google.com/privacy",
        receives=("sign_in", "webhook_address"),
        bases=(GOOGLE_ACCOUNTS, GOOGLE_API),
        directly=("network_address", "browser"),
    ),
    Processor(
        key="meta",
        name="Meta (Facebook)",
        purpose="Confirms who you are, only if you choose to sign in with Facebook",
        country="United States",
        clause="C4.4-5",
        privacy_url="https://www.facebook.com/privacy/policy",
        receives=("sign_in", "webhook_address"),
        bases=(FACEBOOK, FACEBOOK_GRAPH),
        directly=("network_address", "browser"),
    ),
    Processor(
        key="time4vps",
        name="Time4VPS",
        purpose="Provides the server; does not read what is on it",
        country=SERVERS_STAND_IN[1],
        clause="C4.7",
        privacy_url="https://www.time4vps.com/privacy-policy/",
        receives=(),
    ),
    Processor(
        key="customer",
        name="Servers that a workspace names for itself",
        purpose="Are told what happened in the workspace's own calls and credits, where its owner or a manager wants that",
        country="Where that server stands",
        clause="C4.9",
        privacy_url="",
        receives=("event", "record_reference", "call_figures", "balance"),
    ),
    Processor(
        key="authorities",
        name="Courts, law enforcement and regulators",
        purpose="Receive what the law or a court order requires",
        country="Where the law applies",
        clause="C4.6",
        privacy_url="",
        receives=(),
    ),
)
_BY_KEY: Final = {processor.key: processor for processor in PROCESSORS}
# What every request carries and says nothing of anybody.
NOT_OF_PEOPLE: Final = frozenset({"account_reference", "paging"})
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def get(key: str) -> Processor:
    """Raises ProcessorUnknown."""
    try:
        return _BY_KEY[key]
    except KeyError:
        raise ProcessorUnknown(key) from None


def transcribing(processor: Processor) -> Processor:
    """The processor where it also writes calls down."""
    purpose = f"{processor.purpose}, and turns what is said in them into text through a provider of speech recognition"
    return replace(processor, purpose=purpose, receives=(*processor.receives, "speech"))


def base_url(base: Base, settings: Any) -> str:
    """Where a base is to be found in this configuration, without a trailing slash.

    Raises ProcessorMisconfigured unless that is the processor's own address or one on this machine.
    """
    url = str(getattr(settings, base.setting)).rstrip("/")
    if url == base.url:
        return url
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.hostname not in LOOPBACK:
        raise ProcessorMisconfigured(
            f"{base.setting} is {url!r}; set it to {base.url}, or to a stand-in on this machine (http://localhost:...)."
        )
    return url


def problems(settings: Any) -> list[str]:
    """What is wrong with the processors' addresses in these settings, one sentence each."""
    found = []
    for base in (base for processor in PROCESSORS for base in processor.bases):
        try:
            base_url(base, settings)
        except ProcessorMisconfigured as error:
            found.append(str(error))
    return found
