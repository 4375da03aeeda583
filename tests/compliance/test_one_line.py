"""Names are one line that can be seen: the same to the forms, which ask by a pattern, and to files, which are read without one."""

import json
import re
from typing import Annotated

import pytest
from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError

from compliance.one_line import ONE_LINE, has_break, hidden_in
from config.embedded.environment import PROJECT
from identity.contact import parse_mobile
from identity.staff import desk_schemas, register_schemas

LINE = TypeAdapter(Annotated[str, StringConstraints(pattern=ONE_LINE)])
DAYS = {"review_on": "2027-01-01", "ends_on": "2027-06-01"}
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


@pytest.mark.parametrize(
    ("form", "field", "more"),
    [
        (desk_schemas.ProveIn, "whose", {}),
        (desk_schemas.ProofLinkIn, "email", {}),
        (desk_schemas.TextLossIn, "number", {}),
        (desk_schemas.OpenCaseIn, "contact", {"kind": "access", "words": "as I said"}),
        (register_schemas.WhoseIn, "whose", {}),
        (register_schemas.HoldIn, "which", {"what": "number", "basis": "a law", "reason": "an order"} | DAYS),
    ],
)
def test_a_number_is_pasted_with_what_keeps_it_in_order_beside_a_script_from_right_to_left(
    form: type[BaseModel], field: str, more: dict[str, str]
) -> None:
    for pasted in ("\u202a+442079460018\u202c", "\u2066+44\u200e2079460018\u2069"):
        assert getattr(form.model_validate({field: pasted, **more}), field) == "+442079460018"
    with pytest.raises(ValidationError):
        form.model_validate({field: "+44207\n9460018", **more})
    assert parse_mobile("\u202a+44 7400\u200e 123456\u202c") == "+447400123456"
