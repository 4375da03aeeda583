"""How each telephone behaves when it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Behaviour = Literal["answer", "manual", "busy", "no-answer", "failed", "voicemail", "hang-up", "press"]
BEHAVIOURS: tuple[str, ...] = get_args(Behaviour)


@dataclass(frozen=True, slots=True)
class PhoneDefaults:
    behaviour: Behaviour
    meaning: str
    loop: bool = False
    digits: str = "1"


# The numbers that end in these four digits (the range 555-0100 to 555-0199 belongs to nobody) behave so until the
# page or the control API says otherwise. All others answer and hold the dialogue that their last digit picks.
BY_ENDING: Mapping[str, PhoneDefaults] = {
    "0181": PhoneDefaults("busy", "is engaged"),
    "0182": PhoneDefaults("no-answer", "rings and is never answered"),
    "0183": PhoneDefaults("failed", "does not exist at the carrier"),
    "0184": PhoneDefaults("voicemail", "a machine answers"),
    "0185": PhoneDefaults("hang-up", "answers and hangs up at once"),
    "0186": PhoneDefaults("press", "presses 1 during the notice"),
    "0187": PhoneDefaults("manual", "rings until it is answered on the page"),
    "0188": PhoneDefaults("press", "presses 9 during the notice", digits="9"),
    "0189": PhoneDefaults("answer", "talks for ever: the dialogue starts again when it ends", loop=True),
}


class PhoneInvalid(ValueError):
    """The behaviour asked for cannot be; the message lists what can."""


@dataclass(slots=True)
class Phone:
    """dialogue: the id of a recorded dialogue, "" for the one that the number picks. answer_after_s: ringing time.

    loop: start the dialogue again when it ends. digits: the keys that "press" presses. chosen: set by somebody.
    """

    e164: str
    behaviour: Behaviour = "answer"
    dialogue: str = ""
    answer_after_s: float = 1.0
    loop: bool = False
    digits: str = "1"
    chosen: bool = False


def default_phone(e164: str) -> Phone:
    defaults = BY_ENDING.get(e164[-4:])
    if defaults is None:
        return Phone(e164)
    return Phone(e164, behaviour=defaults.behaviour, loop=defaults.loop, digits=defaults.digits)


def changed(phone: Phone, wanted: Mapping[str, Any], *, dialogues: list[str]) -> Phone:
    """The phone with the wanted fields.

    :raises PhoneInvalid: for an unknown field, behaviour or dialogue.
    """
    unknown = set(wanted) - {"behaviour", "dialogue", "answer_after_s", "loop", "digits"}
    if unknown:
        raise PhoneInvalid(f"No setting {', '.join(sorted(unknown))} of a phone.")
    behaviour = wanted.get("behaviour", phone.behaviour)
    if behaviour not in BEHAVIOURS:
        raise PhoneInvalid(f"No behaviour {behaviour!r}; use one of {', '.join(BEHAVIOURS)}.")
    dialogue = str(wanted.get("dialogue", phone.dialogue))
    if dialogue and dialogue not in dialogues:
        raise PhoneInvalid(f"No dialogue {dialogue!r}; use one of {', '.join(dialogues)}.")
    try:
        answer_after_s = float(wanted.get("answer_after_s", phone.answer_after_s))
    except (TypeError, ValueError):
        raise PhoneInvalid("answer_after_s must be a number of seconds.") from None
    digits = str(wanted.get("digits", phone.digits))
    if not digits or set(digits) - set("0123456789*#"):
        raise PhoneInvalid("digits must be keys of a telephone: 0-9, * and #.")
    loop = bool(wanted.get("loop", phone.loop))
    return Phone(phone.e164, behaviour, dialogue, max(0.0, answer_after_s), loop, digits, chosen=True)
