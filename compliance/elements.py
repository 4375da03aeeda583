"""Every kind of personal data that the product keeps: source, purpose, basis, retention, erasure rule,
recipient.

The page about held data is made from this; compliance/inventory.py compares it with what there really is.
"""

from dataclasses import dataclass
from typing import Final, Literal

Basis = Literal["contract", "consent", "legitimate interest", "legal obligation", "none"]


@dataclass(frozen=True, slots=True)
class Element:
    """One kind of data.

    retention_days: None as long as the account or workspace is active. retention: the same in words.
    stays: why something of it is left after an erasure; "" when nothing is.
    recipients: keys of processors.register.PROCESSORS.
    """

    key: str
    title: str
    source: str
    purpose: str
    basis: Basis
    retention_days: int | None
    retention: str
    erasure: str
    recipients: tuple[str, ...] = ()
    stays: str = ""


_ACTIVE = "As long as the account is active"
_LIKE_TRANSCRIPT = "180 days, or as long as the transcript that it was made from"

_ELEMENTS: Final = (
    Element("none", "Nothing personal", "-", "-", "none", None, "-", "-"),
    Element(
        "log_id",
        "Random identifiers in logs",
        "system",
        "operations and security",
        "legitimate interest",
        30,
        "30 days",
        "mean nothing once the rows that they name are erased",
    ),
    Element(
        "account",
        "Your name, e-mail address and mobile number",
        "you, or the provider that you sign in with",
        "account, notices, passcodes, and ringing your phone when you place a call",
        "contract",
        None,
        _ACTIVE,
        "deleted",
        ("twilio", "paddle"),
    ),
    Element("credentials", "Your password, as a hash", "you", "signing in", "contract", None, _ACTIVE, "deleted"),
    Element(
        "membership",
        "Your workspaces and your role in them",
        "you, or the workspace's owner",
        "deciding what you may see and do",
        "contract",
        None,
        _ACTIVE,
        "deleted",
    ),
    Element(
        "invitation",
        "Invitations to a workspace that were sent to your e-mail address",
        "a member of that workspace",
        "inviting you",
        "legitimate interest",
        30,
        "30 days; the link works for 7",
        "deleted",
    ),
    Element(
        "workspace",
        "The name of your workspace",
        "you",
        "telling workspaces apart",
        "contract",
        None,
        _ACTIVE,
        "deleted when the workspace ends with you",
    ),
    Element(
        "otp_attempt",
        "Passcodes sent and checked, never the code",
        "system",
        "security",
        "legitimate interest",
        90,
        "90 days",
        "unlinked from you, then expires",
        ("twilio",),
        stays="Counts of passcodes per hidden number protect everybody from abuse for 90 days.",
    ),
    Element("session", "Signed-in browsers", "system", "signing in", "contract", 14, "14 days", "deleted at once"),
    Element(
        "access_event",
        "IP address, browser and time of sign-ins",
        "automatic",
        "security and operations only",
        "legitimate interest",
        365,
        "1 year",
        "unlinked from you, address and browser removed",
    ),
    Element(
        "account_mail",
        "Mails about your password that were asked for",
        "you, or whoever typed your e-mail address",
        "signing in, security",
        "contract",
        30,
        "30 days",
        "deleted",
    ),
    Element(
        "consent",
        "What you agreed to and when",
        "you",
        "proof of consent",
        "legal obligation",
        None,
        "As long as the account is active, and for the limitation period after it",
        "unlinked from you; a keyed hash and the time stay",
        stays="We must be able to prove that messages were agreed to. Only a keyed hash is left.",
    ),
    Element(
        "call",
        "Calls: when, how long, how they ended, identifiers at the carrier",
        "Twilio",
        "providing and billing the service",
        "contract",
        None,
        _ACTIVE,
        "deleted here and at the carrier; the ledger keeps the amount",
        ("twilio",),
    ),
    Element(
        "callee",
        "People to call: name, company, number, notes",
        "the customer who calls them",
        "calling",
        "contract",
        None,
        "As long as the customer's workspace keeps them",
        "deleted",
        ("twilio",),
    ),
    Element(
        "audio",
        "Voices during a call",
        "both sides of the call",
        "making the text",
        "consent",
        0,
        "Never stored; in memory for seconds",
        "does not exist",
        ("twilio",),
    ),
    Element(
        "transcript",
        "The text of calls",
        "our own recognition",
        "insights and answers from your calls",
        "consent",
        180,
        "180 days",
        "deleted, and its bytes rewritten",
    ),
    Element(
        "embedding",
        "Numbers by which passages of text are found",
        "derived from the text of calls",
        "search",
        "consent",
        180,
        _LIKE_TRANSCRIPT,
        "deleted, and its bytes rewritten",
    ),
    Element(
        "ai_query",
        "Questions that you asked, and their answers",
        "you, and our own software",
        "answers from your calls",
        "contract",
        180,
        _LIKE_TRANSCRIPT,
        "deleted, and its bytes rewritten",
    ),
    Element(
        "insight",
        "Summaries, next steps and other insights of calls",
        "derived from the text of calls",
        "insights",
        "consent",
        180,
        _LIKE_TRANSCRIPT,
        "deleted, and its bytes rewritten",
    ),
    Element(
        "ledger",
        "Credits bought and spent",
        "system",
        "accounts",
        "legal obligation",
        2_922,
        "8 years, as accounting law demands",
        "amounts stay, you are unlinked",
        stays="Accounting law demands the amounts. No name, number or call is left with them.",
    ),
    Element(
        "payment",
        "Identifiers of your purchases at Paddle",
        "Paddle",
        "accounts",
        "legal obligation",
        2_922,
        "8 years, as accounting law demands",
        "amounts and purchase numbers stay, you are unlinked",
        ("paddle",),
        stays="Accounting law demands proof of each purchase. Your e-mail address is not part of it.",
    ),
    Element(
        "card",
        "Card details",
        "-",
        "-",
        "none",
        0,
        "Never stored; Paddle alone has them",
        "does not exist",
        ("paddle",),
    ),
    Element(
        "request",
        "Your requests about your data",
        "you",
        "answering them",
        "legal obligation",
        365,
        "1 year after the answer",
        "who asked is removed, what was done stays",
        stays="The receipt of the erasure: counts and times, nothing about you.",
    ),
    Element(
        "erasure_ledger",
        "Keyed hashes of what was erased",
        "system",
        "keeping erased data from coming back",
        "legal obligation",
        1_826,
        "5 years",
        "expires",
        stays="A late message or a restored backup must not bring your data back.",
    ),
    Element(
        "suppression",
        "The do-not-call list, as keyed hashes of numbers",
        "the person called, or the customer",
        "never calling them again",
        "legal obligation",
        1_826,
        "5 years",
        "expires",
        stays="Who asked not to be called must not be called again after an erasure either.",
    ),
    Element(
        "audit",
        "Who did what that matters, by random identifier",
        "system",
        "accountability",
        "legal obligation",
        1_826,
        "5 years",
        "holds random identifiers only",
        stays="The record cannot be changed without being noticed; its identifiers no longer lead to you.",
    ),
    Element(
        "disclosure",
        "Which kinds of data went to which recipient, by keyed hash and day",
        "system",
        "accountability",
        "legal obligation",
        1_826,
        "5 years",
        "unlinked from the workspace; the keyed hash stays",
        stays="We must be able to say who received what. Only a keyed hash is left, no name or number.",
    ),
    Element(
        "queue",
        "Jobs and live events on their way",
        "system",
        "operations",
        "contract",
        1,
        "Minutes, at most 24 hours",
        "purged by expiring",
    ),
    Element(
        "backup",
        "Backups and write-ahead logs",
        "system",
        "recovery",
        "legitimate interest",
        21,
        "21 days",
        "expires",
    ),
)
ELEMENTS: Final[dict[str, Element]] = {element.key: element for element in _ELEMENTS}
