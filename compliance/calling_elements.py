"""What comes about while people are called, besides the calls."""

from typing import Final

from compliance.element import Element

DIAL_QUEUE: Final = Element(
    "dial_queue",
    "The dial queue: what you called through, and which people were reserved for you, called or skipped",
    "you",
    "so that two people never call the same person at once, and nobody who was skipped too soon again",
    "contract",
    90,
    "90 days after you ended it",
    "deleted",
)

# The longest that a law has somebody left alone is sixty whole days after the day of a refusal (voice/calling_limits.py): whatever
# the clock shows there, that is over when 62 days are.
CALL_LIMIT: Final = Element(
    "call_limit",
    "When a customer called a number, and that somebody there said no, of calls that were deleted since, with a keyed hash of the number",
    "system",
    "calling nobody more often, or sooner after a refusal, than the law of their country allows",
    "legal obligation",
    62,
    "62 days after the call",
    "deleted with the data of who was called; it does not lead to who called",
)
