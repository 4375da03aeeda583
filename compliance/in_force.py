"""What this installation says of itself: clauses, kinds of data and recipients, as its settings have them.

Where Twilio writes calls down (`TRANSCRIPTION_ENGINE=twilio`), it hears what is said; that is a version of the policy of its
own, and whoever is to be bound by it has to be told first (C10.2): nothing that is said goes there before (policy.may_receive).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from django.conf import settings

from compliance.clauses import Clause
from compliance.element import Element
from compliance.elements import ELEMENTS
from processors import register
from processors.register import Processor

# What the names of versions end with there.
WHERE_TWILIO_WRITES: Final = "-twilio"
_TWILIO_ELEMENTS: Final = {
    "transcript": replace(
        ELEMENTS["transcript"], source="Twilio's recognition, or our own before it", recipients=("twilio",)
    ),
}


def twilio_transcribes() -> bool:
    return bool(settings.TRANSCRIPTION_ENGINE == "twilio")


def version(of: str) -> str:
    """The policy's version as people accept it. of: the version of the wording that all installations share."""
    return f"{of}{WHERE_TWILIO_WRITES}" if twilio_transcribes() else of


def worded(clauses: Sequence[Clause], where_twilio_writes: Mapping[str, str]) -> Sequence[Clause]:
    """The clauses of a version as they read on this installation."""
    if not twilio_transcribes():
        return clauses
    return [replace(clause, text=where_twilio_writes.get(clause.id, clause.text)) for clause in clauses]


def elements() -> Mapping[str, Element]:
    return {**ELEMENTS, **_TWILIO_ELEMENTS} if twilio_transcribes() else ELEMENTS


def processors() -> Sequence[Processor]:
    if not twilio_transcribes():
        return register.PROCESSORS
    return [register.transcribing(each) if each.key == "twilio" else each for each in register.PROCESSORS]
