"""What this installation says of itself: clauses, kinds of data and recipients, as its settings have them.

Where Twilio writes calls down (`TRANSCRIPTION_ENGINE=twilio`), it hears what is said; that is a version of the policy of its
own, and whoever is to be bound by it has to be told first (C10.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from django.conf import settings

from compliance.clauses import CLAUSES, Clause
from compliance.element import Element
from compliance.elements import ELEMENTS
from processors import register
from processors.register import Processor

_TWILIO_CLAUSES: Final = {
    "C1.4": (
        "While you use Klosesales we keep call logs, how long calls took, the text of calls made by Twilio's speech"
        " recognition, what is derived from it for search and insights, your questions and their answers, credits"
        " bought and spent, and activity in the product. You may enter names, companies, numbers and notes of people"
        " whom you call. No sound of a call is ever stored."
    ),
    "C4.2-3": (
        "Twilio receives telephone numbers, to send passcodes by text message and to carry calls, and has what is said in"
        " calls turned into text by a provider of speech recognition that it uses. Paddle, as merchant of record, receives"
        " what a purchase needs. Their own privacy policies apply."
    ),
}
_TWILIO_ELEMENTS: Final = {
    "transcript": replace(
        ELEMENTS["transcript"], source="Twilio's recognition, or our own before it", recipients=("twilio",)
    ),
}


def twilio_transcribes() -> bool:
    return bool(settings.TRANSCRIPTION_ENGINE == "twilio")


def version(of: str) -> str:
    """The policy's version as people accept it. of: the version of the wording that all installations share."""
    return f"{of}-twilio" if twilio_transcribes() else of


def clauses() -> Sequence[Clause]:
    if not twilio_transcribes():
        return CLAUSES
    return [replace(clause, text=_TWILIO_CLAUSES.get(clause.id, clause.text)) for clause in CLAUSES]


def elements() -> Mapping[str, Element]:
    return {**ELEMENTS, **_TWILIO_ELEMENTS} if twilio_transcribes() else ELEMENTS


def processors() -> Sequence[Processor]:
    if not twilio_transcribes():
        return register.PROCESSORS
    return [register.transcribing(each) if each.key == "twilio" else each for each in register.PROCESSORS]
