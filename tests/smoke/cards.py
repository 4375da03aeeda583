"""Numbers that a payment card may have, wherever they stand: alone, or in the groups in which people write them."""

import re
from collections import Counter
from typing import Final

from compliance.redaction import is_card_number

# Not inside of a longer number, a fraction, a phone number, or an id in hexadecimal digits, with which texts are full. It begins with
# a digit, so that the search passes quickly over everything else.
_RUN: Final = re.compile(
    rb"[0-9](?<![0-9A-Fa-f.+_-][0-9])"
    rb"(?:[0-9]{12,18}|[0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}|[0-9]{3}([ -])[0-9]{6}\2[0-9]{5})"
    rb"(?![0-9A-Fa-f_-])"
)


def cards_in(content: bytes) -> Counter[bytes]:
    """Each run of digits that passes for a card number, and how often it stands there."""
    runs = (run.group() for run in _RUN.finditer(content))
    return Counter(run for run in runs if is_card_number(re.sub(r"\D", "", run.decode())))
