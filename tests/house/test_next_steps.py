"""Every refusal says what to do next.

Planted once to see this fail: a refusal that only says what is the case, a new error of which no text can be found, a verb that
nobody uses any more, and an answer of api/errors.py without a step.
"""

import re
from typing import Final

import pytest

from config.replayed import SAID
from processors.errors import DomainError
from tests.house.house import classes_below
from tests.house.refusal_texts import RefusalText, refusal_texts
from tests.house.test_api import INTERNAL
from voice.guard import MESSAGES

# What somebody can do who was refused. A sentence, or what follows in it on "then", "or", a colon and the like, begins with one of
# these: so a text that only says what is the case has no step.
_VERBS: Final = """
    agree allow answer ask begin buy call cancel change check choose confirm do end give go hang install load look
    make name open place prepare press prove read record refuse reload remove revoke run save say scan search send set sign
    split start stop switch take text try type use verify wait watch withdraw write
"""
STEPS: Final = frozenset(_VERBS.split())
_BEGINNINGS: Final = re.compile(r"(?:^|[.:;,] |, (?:then|or|and|but) |\b(?:then|or|and|else) )([A-Za-z]+)")


# Texts that are made when they are said: by file and speaker, where their words stand and why each of them has a step.
MADE_ELSEWHERE: Final = {
    ("api/errors.py", "problem"): "the error's own words",
    ("api/paddle_webhook.py", "problem"): "the error's own words",
    ("config/replayed.py", "problem"): "SAID, looked at below",
    ("identity/outgoing/endpoints.py", "WebhookUrlRefused"): "the words of REPEATED",
    ("identity/passwords.py", "WeakPassword"): "the rules' own words, which say what the next password needs",
    ("identity/staff/people.py", "WeakPassword"): "the same",
    ("voice/dialling.py", "Refusal"): "words of the functions beside it and of other errors",
    ("voice/guard.py", "Refusal"): "MESSAGES, looked at below, and how long to wait",
    ("voice/lead_import.py", "ImportUnreadable"): "the words of REPEATED",
    ("voice/operations.py", "DialRefused"): "the words of a Refusal or of the ledger's error",
}
# What is raised further down, and whose words a refusal repeats.
REPEATED: Final = ("AddressRefused", "FileUnreadable")


def errors() -> dict[str, set[str]]:
    """The codes of the classes of each name."""
    found: dict[str, set[str]] = {}
    for error in classes_below(DomainError):
        found.setdefault(error.__name__, set()).add(error.code)
    return {**found, **{name: set() for name in REPEATED}}


def steps_of(text: str) -> set[str]:
    return {word.lower() for word in _BEGINNINGS.findall(text)} & STEPS


def shown() -> list[RefusalText]:
    """Those that reach whoever asked."""
    known = errors()
    inside = {name for name, codes in known.items() if codes and codes <= set(INTERNAL)}
    return [each for each in refusal_texts(frozenset(known)) if each.said_by not in inside]


def test_every_refusal_says_what_to_do_next() -> None:
    texts = shown()
    assert len(texts) > 300
    assert [each for each in texts if each.text is not None and not steps_of(each.text)] == []
    assert (
        STEPS - {step for text in [*SAID.values(), *(each.text or "" for each in texts)] for step in steps_of(text)}
        == set()
    )


def test_no_refusal_is_left_out_because_its_words_stand_elsewhere() -> None:
    assert {(each.file, each.said_by) for each in shown() if each.text is None} == set(MADE_ELSEWHERE)


def test_no_error_is_without_words() -> None:
    """But for the root of several others, which is never raised itself."""
    refusing = {name for name, codes in errors().items() if not codes <= set(INTERNAL)}
    roots = {base.__name__ for error in classes_below(DomainError) for base in error.__mro__[1:]}
    assert refusing - {each.said_by for each in shown()} - roots == set()


@pytest.mark.parametrize("texts", [MESSAGES, SAID])
def test_words_that_are_looked_up_say_it_too(texts: dict[str, str]) -> None:
    assert [text for text in texts.values() if not steps_of(text)] == []
