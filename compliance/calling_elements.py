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
