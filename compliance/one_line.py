"""Text of one line, as names are: nothing in it breaks the line or turns the direction of what stands behind it, and it can be seen."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

# Controls, U+0000 among them, which PostgreSQL refuses, and the separators of lines and paragraphs.
_BREAKS: Final = r"\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
_CONTROLS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
# By them a name says something else than what it holds, and so does the sentence that it stands in: embeddings, overrides and
# isolates. The marks U+200E and U+200F and the joiners U+200C and U+200D stay: scripts need them.
_TURNS: Final = r"\u202a-\u202e\u2066-\u2069"
# Blanks of any kind, and what takes no room on the line.
_UNSEEN: Final = (
    r" \xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u202f\u205f-\u2065\u206a-\u206f"
    r"\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
# The same to Pydantic's engine, to Python's and to a browser's. An empty text fits: whether there has to be one is another question.
ONE_LINE: Final = f"^([^{_CONTROLS}{_TURNS}]*[^{_CONTROLS}{_TURNS}{_UNSEEN}][^{_CONTROLS}{_TURNS}]*)?$"
WANTED: Final = (
    "Write this in one line of visible characters. Remove line breaks and hidden characters; typing it anew instead of pasting it"
    " does that."
)
_BREAK: Final = re.compile(f"[{_BREAKS}]")
_HIDDEN: Final = re.compile(f"[{_CONTROLS}{_TURNS}]")
_SEEN: Final = re.compile(f"[^{_CONTROLS}{_TURNS}{_UNSEEN}]")

# Around numbers as pages and address books give them, so that they stay in their order beside a script from right to left.
_MARKS: Final = re.compile(rf"[{_TURNS}\u200e\u200f\u061c]")


def without_marks(typed: Any) -> Any:
    """What is typed into a field for a number or an address, without what turns the direction; what is no text stays as it is."""
    return _MARKS.sub("", typed) if isinstance(typed, str) else typed


# A number or an address that people paste.
Pasted = Annotated[str, Field(pattern=ONE_LINE), BeforeValidator(without_marks)]


def has_break(text: str) -> bool:
    return _BREAK.search(text) is not None


def hidden_in(text: str) -> str:
    """The first character of a text that no line may hold, or of one in which nothing can be seen; "" where all is well.

    text: without blanks at its ends.
    """
    # Which most are, and this is the cheapest to know.
    if text.isascii() and text.isprintable():
        return ""
    if found := _HIDDEN.search(text):
        return found.group()
    return "" if _SEEN.search(text) else text[:1]
