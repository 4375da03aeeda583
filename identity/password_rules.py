"""Passwords that people choose because they are easy, beside those on Django's list. Any composition is taken.

What whoever guesses tries first is a common word with a year or a sign at an end, a word twice, and the name of what is signed in to.
"""

import re
from typing import Any, Final

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

# Longest first; docs/security.md (6.1.2) names them.
CONTEXT_WORDS: Final = (
    "klosesales",
    "password",
    "credits",
    "welcome",
    "calling",
    "twilio",
    "paddle",
    "klose",
    "sales",
    "leads",
)
# So many characters besides the words are a password by themselves.
OWN_CHARACTERS_MIN: Final = 8
_AROUND: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_CONTEXT: Final = re.compile("|".join(CONTEXT_WORDS))
_TOO_COMMON: Final = (
    "This password is too common: a well-known word stays one with digits or signs around it. Choose another."
)
_OF_OURS: Final = "This password is little more than words that everybody here would try. Choose other ones."


class CommonCoreValidator:
    """Refuses a password on Django's list of 20,000, and one of those with digits and signs around it, or doubled."""

    def __init__(self) -> None:
        self._common = CommonPasswordValidator().passwords

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError."""
        typed = password.lower().strip()
        core = _AROUND.sub("", typed)
        half = core[: len(core) // 2]
        if typed in self._common or core in self._common or (half * 2 == core and half in self._common):
            raise ValidationError(_TOO_COMMON, code="password_too_common")

    def get_help_text(self) -> str:
        return _TOO_COMMON


class ContextWordValidator:
    """Refuses a password that is hardly more than CONTEXT_WORDS."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError."""
        rest, words = _CONTEXT.subn("", password.lower())
        if words and len(rest) < OWN_CHARACTERS_MIN:
            raise ValidationError(_OF_OURS, code="password_of_context")

    def get_help_text(self) -> str:
        return _OF_OURS
