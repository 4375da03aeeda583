"""Which column of somebody's table is what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from voice.lead_lines import FileUnreadable

Column = Literal["first_name", "last_name", "company", "phone", "notes", "tags"]
COLUMNS_MAX: Final = 200
LENGTHS: Final[Mapping[Column, int]] = {
    "first_name": 120,
    "last_name": 120,
    "company": 120,
    "phone": 40,
    "notes": 10_000,
    "tags": 400,
}
# As CRMs and people write them, the surest first; compared without case, blanks, dots, dashes and underscores.
_NAMES: Final[Mapping[Column, tuple[str, ...]]] = {
    "first_name": ("firstname", "givenname", "forename", "first", "fullname", "contactname", "name", "contact"),
    "last_name": ("lastname", "surname", "familyname", "last"),
    "company": (
        "company",
        "companyname",
        "organization",
        "organisation",
        "business",
        "accountname",
        "companyaccount",
        "account",
    ),
    "phone": (
        "phone",
        "phonenumber",
        "telephone",
        "telephonenumber",
        "mobile",
        "mobilephone",
        "mobilenumber",
        "cell",
        "cellphone",
        "workphone",
        "businessphone",
        "homephone",
        "tel",
    ),
    "notes": ("notes", "note", "comments", "comment", "description"),
    "tags": ("tags", "tag", "labels", "label"),
}
_SAID: Final[Mapping[str, str]] = {"first_name": "“First name”", "phone": "“Phone”"}


@dataclass(frozen=True, slots=True)
class Place:
    """A column of the file. index: from 0; name: as the file says it."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class Columns:
    """places: for each thing its column, of telephone numbers all of them, the surest first. ignored: what is not imported. count: of
    columns, up to the last that has a name."""

    places: Mapping[Column, tuple[Place, ...]]
    ignored: tuple[str, ...]
    count: int

    def beyond(self, row: Sequence[str]) -> str:
        """Which cell of a row no column has a name for, as people count them; "" where none is filled."""
        found = next((index for index in range(self.count, len(row)) if row[index].strip()), None)
        return "" if found is None else f"column {found + 1}"


def columns_of(header: Sequence[str]) -> Columns:
    """Raises FileUnreadable, saying which column is missing."""
    if len(header) > COLUMNS_MAX:
        raise FileUnreadable(f"The first line has more than {COLUMNS_MAX} columns. Choose a table of leads.")
    ranked: dict[Column, list[tuple[int, Place]]] = {}
    plains = ["".join(letter for letter in name.lower() if letter.isalnum()) for name in header]
    for index, (name, plain) in enumerate(zip(header, plains, strict=True)):
        # Which of two columns of one name counts, nobody could tell; the first does, and the other is told as ignored.
        if plain in plains[:index]:
            continue
        for column, known in _NAMES.items():
            if plain in known:
                ranked.setdefault(column, []).append((known.index(plain), Place(index, name.strip())))
    places: dict[Column, tuple[Place, ...]] = {}
    for column, found in ranked.items():
        surest = [place for _, place in sorted(found, key=lambda one: (one[0], one[1].index))]
        places[column] = tuple(surest if column == "phone" else surest[:1])
    if missing := [said for column, said in _SAID.items() if column not in places]:
        verb = "is" if len(missing) == 1 else "are"
        raise FileUnreadable(
            f"The first line must name the columns, and {' and '.join(missing)} {verb} missing. Name them: First name, Last name,"
            " Company, Phone, Notes, Tags."
        )
    taken = {place.index for each in places.values() for place in each}
    return Columns(
        places,
        tuple(
            f"{name.strip()} (column {index + 1})" if plains[index] in plains[:index] else name.strip()
            for index, name in enumerate(header)
            if index not in taken and name.strip()
        ),
        1 + max(index for index, name in enumerate(header) if name.strip()),
    )
