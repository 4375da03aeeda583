"""Card numbers never reach a store."""

import pytest

from compliance.redaction import REPLACEMENT, redact_cards

VISA = "4111111111111111"
AMEX = "378282246310005"


@pytest.mark.policy("C1.3")
@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "my card is 4111 1111 1111 1111, thanks",
        "4111-1111-1111-1111 12/27",
        "4111 1111 1111 1111 12 27 123",
        "four: 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.",
        f"amex {AMEX} and visa {VISA}",
        f"{VISA} {AMEX}",
    ],
)
def test_a_card_number_is_taken_out_however_it_is_written(text: str) -> None:
    redacted = redact_cards(text)
    digits = "".join(character for character in redacted if character.isdigit())
    assert REPLACEMENT in redacted
    assert VISA not in digits
    assert AMEX not in digits


@pytest.mark.parametrize(
    "text",
    [
        "call +37060000001 at 10:30",
        "order 1234567890123456",
        "in 2026 we sold 1 250 000 units",
        "+4915112345678901",
        "",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert redact_cards(text) == text
