"""The numbered lines that talk.py says and that the story of a long call looks for."""

LINES = 10_000
LINE_MS = 600
# What the call's own media stream hears comes before.
FIRST_AT_MS = 600_000
# The last of a turn goes on while the other speaks already, once in so many lines.
OVERLAP_EVERY, OVERLAP_MS = 24, 480


def is_gap(number: int) -> bool:
    """Whether nobody heard this line."""
    return number % 50 == 13


def is_talked_over(number: int) -> bool:
    """Whether it goes on for OVERLAP_MS longer, into the other one's line."""
    return (number + 1) % OVERLAP_EVERY == 0


def is_heard_again(number: int) -> bool:
    """Whether the turn that it ends is heard again as a whole once it has been said."""
    return number % 24 == 11 and not any(is_gap(each) for each in range(number - 2, number + 1))
