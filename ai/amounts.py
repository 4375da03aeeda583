"""Numbers and money, in digits or in words."""

import re

_UNITS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half"
)
_NUMBER = rf"(?:\d[\d,.]*|(?:{_UNITS})(?:[ -](?:and[ -])?(?:point[ -])?(?:{_UNITS}))*)"
_CURRENCY = r"(?:dollars?|bucks|euros?|pounds?|cents?|pence|usd|eur|gbp)"
_SCALE = r"(?:\s?(?:k|hundred|thousand|million)\b)?"

NUMBER = re.compile(rf"\b{_NUMBER}\b", re.IGNORECASE)
MONEY = re.compile(
    rf"[$€£]\s?\d[\d,.]*\d{_SCALE}|[$€£]\s?\d{_SCALE}|\b{_NUMBER}{_SCALE}[ -]{_CURRENCY}\b", re.IGNORECASE
)
PERCENT = re.compile(rf"(?:\d[\d,.]*\s?%|\b{_NUMBER} per ?cent\b)", re.IGNORECASE)


def has_money(text: str) -> bool:
    return MONEY.search(text) is not None


def has_number(text: str) -> bool:
    return NUMBER.search(text) is not None
