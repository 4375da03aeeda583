"""The closed register of what support writes to people about their cases, and writing it.

Who has not proved who they are gets fixed words, which say nothing of anybody; who has may be written to in words of support's own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Literal

from django.conf import settings
from django.db import transaction

from compliance import case_mails, cases, jurisdictions
from compliance.jurisdictions import Law
from compliance.models import Case, Request
from compliance.redaction import redact_cards
from processors.errors import DomainError

ReplyKey = Literal["prove", "which", "working", "ask", "tell"]
AnswerKey = Literal[
    "copy",
    "copy_mailed",
    "corrected",
    "restricted",
    "calls_stopped",
    "texts_stopped",
    "nothing_held",
    "unproved",
    "not_ours",
]


class CaseHasNoAddress(DomainError):
    """The person left no e-mail address, or it was removed with the person."""

    code: ClassVar[str] = "case_has_no_address"


@dataclass(frozen=True, slots=True)
class Reply:
    """label: how support finds it. text: with the places {reference}, {due_on}, {url} and {words}, the words of support.

    to_unproved: whether it may go to who has not proved who they are; then it has no place for words.
    """

    label: str
    text: str
    to_unproved: bool

    @property
    def takes_words(self) -> bool:
        return "{words}" in self.text


@dataclass(frozen=True, slots=True)
class Answer:
    """With what a case of some kind is closed; support may change the text, which may have the place {complaint} besides."""

    label: str
    outcome: Literal["done", "refused"]
    text: str


REPLIES: Final[dict[ReplyKey, Reply]] = {
    "prove": Reply(
        "Ask to prove who asks",
        "Before we can do what you ask for, we have to know that it is you who asks. No mail can show that.\n\n"
        "- You have an account: sign in and open {url}/privacy\n"
        "- You were called: open {url}/my-data and give the number; a passcode goes to it\n"
        "- You have an account and cannot sign in: say so in your answer and name its e-mail address; a link that proves it goes to that"
        " address\n\n"
        "Quote {reference} when you write again. The last day for our answer stays {due_on}.",
        to_unproved=True,
    ),
    "which": Reply(
        "Ask whose data is meant",
        "We do not know yet which data your request is about. Tell us the e-mail address of the account, or the number that was"
        " called. Please send no copy of a document.\n\n"
        "Quote {reference} when you write again. The last day for our answer stays {due_on}.",
        to_unproved=True,
    ),
    "working": Reply(
        "Say that it is worked on",
        "Somebody works on your request {reference}. You have our answer by {due_on}.",
        to_unproved=True,
    ),
    "ask": Reply(
        "Ask something about it",
        "About your request {reference}:\n\n{words}\n\nAnswer to this mail. The last day for our answer stays {due_on}.",
        to_unproved=False,
    ),
    "tell": Reply(
        "Say how it stands", "About your request {reference}:\n\n{words}\n\nYou have our answer by {due_on}.", False
    ),
}
ANSWERS: Final[dict[AnswerKey, Answer]] = {
    "copy": Answer(
        "Where the copy is",
        "done",
        "You find a copy of everything that we hold about you, to read and to take along, in the privacy centre: {url}/privacy. If you"
        " have no account, it is at {url}/my-data, once you have proved your number.",
    ),
    "copy_mailed": Answer(
        "The copy was mailed",
        "done",
        "The copy of everything that we hold about you is behind the link that we have mailed to the address of your account. It works"
        " once, within seven days of our mail.",
    ),
    "corrected": Answer(
        "Put right",
        "done",
        "What you named is put right, and what was made of it is made anew. Tell us if something is left.",
    ),
    "restricted": Answer(
        "Used for nothing",
        "done",
        "What is held about you is kept and used for nothing until it is decided. You hear of us before that ends.",
    ),
    "calls_stopped": Answer("Calls are stopped", "done", "Your number is on the list of those that nobody here calls."),
    "texts_stopped": Answer(
        "Text messages are stopped",
        "done",
        "No text message goes to your phone any more. Without one nobody signs in with it: if you have an account, you are signed out"
        " everywhere, and what it can reach stays as it is. To have them again, answer to this mail; the next sign-in then asks whether you"
        " agree.",
    ),
    "nothing_held": Answer(
        "Nothing is held", "done", "We have looked in everything that we keep, and hold nothing about you."
    ),
    "unproved": Answer(
        "Nobody proved who asks",
        "refused",
        "Nothing has shown that it is you who asks, so nothing was told or done. You can ask again at any time. {complaint}",
    ),
    "not_ours": Answer(
        "Not ours to answer",
        "refused",
        "What you ask for is not about data that we hold. {complaint}",
    ),
}
# Mailed by itself when a second person has approved the deletion; nobody chooses it.
_DELETION: Final = (
    "We delete what is held about you on {runs_at} UTC. Until then you can take it back:\n\n"
    "- You have an account: sign in and open {url}/privacy\n"
    "- You were called: open {url}/my-data and give the number\n"
    "- Or answer to this mail\n\n"
    "How it goes on, and the receipt when it is done, stand here; keep the address, since afterwards we cannot find you any more:"
    "\n{url}/erased/{token}"
)
_DELETION_FOR_NOMINEE: Final = (
    "We delete the account of the person who named you on {runs_at} UTC. Until then it can be taken back: answer to this mail.\n\n"
    "How it goes on, and the receipt when it is done, stand here; keep the address:\n{url}/erased/{token}"
)


def filled(case: Case, text: str, law: Law = jurisdictions.LAWS["other"]) -> str:
    """The text with the case's places filled in; that of the words stays for who writes them. law: where the person lives."""
    places = {"reference": case.reference, "due_on": case.due_on.isoformat(), "url": settings.PUBLIC_URL}
    places["complaint"] = law.complaint
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def reply(*, reference: str, key: ReplyKey, words: str, by: str, now: datetime) -> Case:
    """Mails a reply of the register to the address of the case, whose clock goes on.

    words: of support; left out where the reply takes none.
    Raises CaseUnknown, CaseClosed, CaseHasNoAddress, CaseUnproved, ReasonMissing.
    """
    template = REPLIES[key]
    with transaction.atomic():
        case = cases.locked_open(reference)
        if case.proved_at is None and not template.to_unproved:
            raise cases.CaseUnproved("Nobody has proved who asks. Until then only fixed replies may go out.")
        text = filled(case, template.text)
        if template.takes_words:
            text = text.replace("{words}", cases.reason_given(redact_cards(words)))
        _mail(case, text, by, now)
        cases.note_act(case, "case.replied", by, now, template=key)
    return case


def tell_of_deletion(case: Case, *, request: Request, token: str, by: str, now: datetime) -> None:
    """Mails who asked when the deletion begins, how it is taken back, and where its receipt will be; nothing to who left no
    address. Within the caller's transaction."""
    if "@" in case.contact:
        runs_at = f"{request.runs_at:%Y-%m-%d %H:%M}"
        text = _DELETION_FOR_NOMINEE if case.proved_by == "link" else _DELETION
        _mail(case, filled(case, text).replace("{runs_at}", runs_at).replace("{token}", token), by, now)


def _mail(case: Case, text: str, by: str, now: datetime) -> None:
    """Raises CaseHasNoAddress."""
    if "@" not in case.contact:
        raise CaseHasNoAddress(
            "No e-mail address is kept with this case, so nothing can be mailed. Answer by another way."
        )
    case_mails.queue(case, template="reply", to=case.contact, text=text, now=now)
    cases.add_entry(case, kind="reply", author=by, text=text, now=now)
