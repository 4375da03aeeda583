"""What is typed into the search of leads, as conditions.

Each word, or part of one, stands somewhere in a lead's names, company or number, in any order; case, accents, and what people
write between digits, do not matter. `Lead.search_text` is compared, of which there is an index of trigrams (decision 0035).
"""

from collections.abc import Iterator
from typing import Final

from django.db.models import Func, Q, TextField, Value

# Further ones narrow it no more.
WORDS_MAX: Final = 5
# Fewer digits are no whole number, of which the begin depends on where it is dialled.
_NUMBER_MIN: Final = 7
# Of a number; of fewer there are no trigrams, and every lead has them.
_DIGITS_MIN: Final = 3


def conditions(search: str) -> Iterator[Q]:
    """For each word, the leads in which it stands."""
    is_number = len(_digits(search)) >= _NUMBER_MIN
    for word in search.split()[:WORDS_MAX]:
        found, digits = Q(search_text__contains=_folded(word)), _digits(word)
        if len(digits) >= _DIGITS_MIN:
            found |= Q(search_text__contains=digits)
            # As it is dialled inside its country, or from another: 020 7946 0018, 0044 20 7946 0018.
            if is_number and digits.startswith("0") and (bare := digits.lstrip("0")):
                found |= Q(search_text__contains=bare)
        yield found


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign in "0123456789")


def _folded(text: str) -> Func:
    """As the database folds the text in which it is looked for. Signs that mean something to LIKE mean themselves."""
    return Func(Value(text), function="voice_folded", output_field=TextField())
