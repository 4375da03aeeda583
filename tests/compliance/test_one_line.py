"""Names are one line that can be seen: the same to the forms, which ask by a pattern, and to files, which are read without one."""

import json
import re
from typing import Annotated

import pytest
from pydantic import StringConstraints, TypeAdapter, ValidationError

from compliance.one_line import ONE_LINE, has_break, hidden_in
from config.embedded.environment import PROJECT

LINE = TypeAdapter(Annotated[str, StringConstraints(pattern=ONE_LINE)])
NAMES = {"first_name", "last_name", "company", "name", "workspace_name"}
# The range of surrogates stands for no characters.
CHARACTERS = [chr(number) for number in range(0x11000) if not 0xD800 <= number < 0xE000]


def _fits(text: str) -> bool:
    try:
        LINE.validate_python(text)
    except ValidationError:
        return False
    return True


def test_a_form_and_a_file_take_the_same_characters_in_a_line_and_alone() -> None:
    python = re.compile(ONE_LINE)
    for character in CHARACTERS:
        within, alone = f"a{character}b", character.strip()
        assert _fits(within) == bool(python.fullmatch(within)) == (hidden_in(within) == ""), ascii(character)
        assert _fits(alone) == (hidden_in(alone) == ""), ascii(character)
        # What breaks a line is never kept in one.
        assert not (has_break(within) and _fits(within)), ascii(character)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ada",
        "Zo\u00e9 O\u2019Neil",
        "\u0645\u06cc\u200c\u062e",
        "\u05d1\u05d9\u05ea\u200f 7",
        "\U0001f468\u200d\U0001f469",
        "7",
    ],
)
def test_names_of_all_scripts_are_taken(text: str) -> None:
    assert _fits(text) and not hidden_in(text)


def test_what_breaks_a_line_turns_it_around_or_cannot_be_seen_is_not() -> None:
    for text in (
        "a\rb",
        "a\u2028b",
        "\u202eevil",
        "a\u2066b\u2069",
        "\u200b",
        "\u200d\u2063\ufeff",
        "\u3164",
        "\u2800",
        "a\x85b",
    ):
        assert not _fits(text) and hidden_in(text), ascii(text)


def test_every_name_that_the_api_takes_is_such_a_line() -> None:
    shapes = json.loads((PROJECT / "frontend/openapi.json").read_text())["components"]["schemas"]
    taken = {
        f"{shape}.{name}": field
        for shape, described in shapes.items()
        for name, field in described.get("properties", {}).items()
        if name in NAMES and shape.endswith(("In", "Change"))
    }
    assert len(taken) > 15
    patterns = {
        where: {each.get("pattern") for each in (field, *field.get("anyOf", []))} for where, field in taken.items()
    }
    assert [where for where, found in patterns.items() if ONE_LINE not in found] == []
