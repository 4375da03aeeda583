"""Whether a card was spoken of just before: then figures that are no right number may be a card number that was misheard."""

from compliance.spoken_cards import redact_spoken_cards, speaks_of_card
from voice.heard import Heard
from voice.models import Call

# Who reads a card number out pauses between its groups, or digits.
NUMBER_SPOKEN_WITHIN_MS = 60_000


def is_card_asked_for(call: Call, heard: Heard) -> bool:
    """In the minute before the stretch, by either."""
    lately = call.segments.filter(
        kind="speech", start_ms__lt=heard.start_ms, start_ms__gte=heard.start_ms - NUMBER_SPOKEN_WITHIN_MS
    )
    return any(map(speaks_of_card, lately.values_list("text", flat=True)))


def without_cards(call: Call, heard: Heard) -> Heard:
    """The stretch without card numbers, those that were misheard included; the database is asked where they may be some."""
    may_be_misheard = redact_spoken_cards(heard.text, is_asked_for=True) != heard.text
    return heard.without_cards(is_asked_for=may_be_misheard and is_card_asked_for(call, heard))
