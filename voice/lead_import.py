"""Leads from a CSV file, read as it comes: what is wrong with a row is told with its line and column, the rest is added.

What is there already stays as it is, so the same file can be imported again after its faults were mended.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from compliance import suppression
from compliance.redaction import redact_cards
from identity.auth import Actor
from processors.errors import DomainError
from voice.leads import SUPPRESSED
from voice.models import Lead
from voice.phones import Phone, PhoneInvalid, PhoneNotCallable, parse_phone

ROWS_MAX: Final = 100_000
BYTES_MAX: Final = 50_000_000
AT_ONCE: Final = 500
# A field that spans so many characters is no field but a quotation mark that was never closed.
_FIELD_MAX: Final = 100_000
_SNIFFED: Final = 8_192

Column = Literal["first_name", "last_name", "company", "phone", "notes"]
# As CRMs and people write them; compared without case, blanks, dots, dashes and underscores.
_NAMES: Final[Mapping[Column, frozenset[str]]] = {
    "first_name": frozenset(
        {"firstname", "first", "givenname", "forename", "name", "fullname", "contact", "contactname"}
    ),
    "last_name": frozenset({"lastname", "last", "surname", "familyname"}),
    "company": frozenset(
        {"company", "companyname", "organization", "organisation", "account", "accountname", "business"}
    ),
    "phone": frozenset(
        {
            "phone",
            "phonenumber",
            "telephone",
            "tel",
            "mobile",
            "mobilephone",
            "cell",
            "cellphone",
            "number",
            "workphone",
        }
    ),
    "notes": frozenset({"notes", "note", "comment", "comments", "description"}),
}
_LENGTHS: Final[Mapping[Column, int]] = {
    "first_name": 120,
    "last_name": 120,
    "company": 120,
    "phone": 40,
    "notes": 10_000,
}


class ImportUnreadable(DomainError):
    """The file is not a table of leads; nothing was added. Permanent for this file."""

    code: ClassVar[str] = "import_unreadable"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not added. line: of the file, from 1; column: as the file names it; code: stable; message: what to do."""

    line: int
    column: str
    code: str
    message: str


@dataclass(slots=True)
class Progress:
    """read: rows so far; added, known (there before, or earlier in the file) and rejected make up all of them.

    rejected_rows: those since the last progress.
    """

    read: int = 0
    added: int = 0
    known: int = 0
    rejected: int = 0
    rejected_rows: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    phone: Phone
    texts: Mapping[Column, str]


class _Wrong(Exception):
    """Why a row is not added."""

    def __init__(self, column: str, code: str, message: str) -> None:
        super().__init__(code)
        self.column, self.code, self.message = column, code, message


class LeadImport:
    """One file on its way in.

    for progress in LeadImport(actor=actor, read=file.read, region="US", now=now).run(): ...
    """

    def __init__(self, *, actor: Actor, read: Callable[[int], bytes], region: str | None, now: datetime) -> None:
        """read: gives so many bytes of the file, b"" at its end. region: ISO 3166 alpha-2, of numbers without a country code. Raises ImportUnreadable."""
        self._actor = actor
        self._region = region
        self._now = now
        self._reader = _reader(read)
        self._columns = self._header()
        self._seen: set[str] = set()
        self._progress = Progress()

    def run(self) -> Iterator[Progress]:
        """Adds rows by the hundred, each lot in a transaction of its own. At the end, and only then, everything is read."""
        rows: list[_Row] = []
        for line, fields in self._lines():
            if self._progress.read == ROWS_MAX:
                self._reject(line, "", "too_many_rows", f"Only {ROWS_MAX:,} rows are read at once. Split the file.")
                break
            self._progress.read += 1
            try:
                rows.append(self._checked(line, fields))
            except _Wrong as wrong:
                self._reject(line, wrong.column, wrong.code, wrong.message)
            if self._progress.read % AT_ONCE == 0:
                yield self._flush(rows)
                rows = []
        yield self._flush(rows)

    def _header(self) -> dict[Column, tuple[int, str]]:
        try:
            names: list[str] = next(self._reader, [])
        except (csv.Error, UnicodeError) as error:
            raise ImportUnreadable(_UNREADABLE) from error
        columns: dict[Column, tuple[int, str]] = {}
        for place, name in enumerate(names):
            plain = "".join(letter for letter in name.lower() if letter.isalnum())
            for column, known in _NAMES.items():
                if plain in known:
                    columns.setdefault(column, (place, name.strip()))
        if missing := [what for what in ("first_name", "phone") if what not in columns]:
            wanted = " and ".join({"first_name": "“First name”", "phone": "“Phone”"}[each] for each in missing)
            raise ImportUnreadable(
                f"The first line must name the columns, and {wanted} is missing. Known are: First name, Last name, Company,"
                " Phone, Notes."
            )
        return columns

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        begins = self._reader.line_num + 1
        while True:
            try:
                fields = next(self._reader, None)
            except (csv.Error, UnicodeError):
                self._progress.read += 1
                self._reject(
                    begins, "", "row_unreadable", "From here on the file cannot be read. Save it as CSV, UTF-8."
                )
                return
            if fields is None:
                return
            if any(each.strip() for each in fields):
                yield begins, fields
            begins = self._reader.line_num + 1

    def _checked(self, line: int, fields: Sequence[str]) -> _Row:
        """Raises _Wrong."""
        texts: dict[Column, str] = {}
        for column, (place, name) in self._columns.items():
            text = fields[place].strip() if place < len(fields) else ""
            if "\x00" in text:
                raise _Wrong(name, "text_unstorable", "This holds a NUL character, which no text can keep.")
            if len(text) > _LENGTHS[column]:
                raise _Wrong(name, "too_long", f"At most {_LENGTHS[column]:,} characters fit here.")
            texts[column] = text if column == "phone" else redact_cards(text)
        phone_name = self._columns["phone"][1]
        if not texts["first_name"]:
            raise _Wrong(self._columns["first_name"][1], "name_missing", "Write at least a first name.")
        if not texts["phone"]:
            raise _Wrong(phone_name, "phone_missing", "Write a number; without one nobody can be called.")
        try:
            return _Row(line, parse_phone(texts["phone"], region=self._region), texts)
        except (PhoneInvalid, PhoneNotCallable) as error:
            raise _Wrong(phone_name, error.code, error.message) from None

    def _flush(self, rows: Sequence[_Row]) -> Progress:
        """Writes these and tells what became of everything until now."""
        progress = self._progress
        by_phone: dict[str, _Row] = {}
        for row in rows:
            if row.phone.e164 in self._seen:
                progress.known += 1
            else:
                self._seen.add(row.phone.e164)
                by_phone[row.phone.e164] = row
        workspace_id = self._actor.workspace_id
        for phone in suppression.suppressed_among(workspace_id=workspace_id, phones_e164=by_phone):
            self._reject(by_phone.pop(phone).line, self._columns["phone"][1], "lead_suppressed", SUPPRESSED)
        known = set(
            Lead.objects.for_workspace(workspace_id)
            .filter(phone_e164__in=by_phone)
            .values_list("phone_e164", flat=True)
        )
        new = [self._lead(workspace_id, row) for phone, row in by_phone.items() if phone not in known]
        # Somebody else may add one of them in this moment; then it is there, which is what was wanted.
        Lead.objects.bulk_create(new, ignore_conflicts=True)
        progress.added += len(new)
        progress.known += len(known)
        told = Progress(
            progress.read,
            progress.added,
            progress.known,
            progress.rejected,
            sorted(progress.rejected_rows, key=lambda rejected: rejected.line),
        )
        progress.rejected_rows = []
        return told

    def _lead(self, workspace_id: UUID, row: _Row) -> Lead:
        return Lead(
            workspace_id=workspace_id,
            first_name=row.texts["first_name"],
            last_name=row.texts.get("last_name", ""),
            company=row.texts.get("company", ""),
            notes=row.texts.get("notes", ""),
            phone_e164=row.phone.e164,
            country=row.phone.country,
            time_zone=row.phone.time_zone,
            created_at=self._now,
        )

    def _reject(self, line: int, column: str, code: str, message: str) -> None:
        self._progress.rejected += 1
        self._progress.rejected_rows.append(Rejected(line, column, code, message))


_UNREADABLE: Final = "This is not a CSV file. Save your table as CSV (comma separated, UTF-8), then try again."


class _Forward(io.RawIOBase):
    """A stream that is read once, from its begin to its end."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _reader(read: Callable[[int], bytes]) -> Any:
    """Raises ImportUnreadable."""
    file = io.BufferedReader(_Forward(read), _SNIFFED)
    head = file.peek(_SNIFFED)
    if not head.strip():
        raise ImportUnreadable("The file is empty.")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ImportUnreadable("This is a spreadsheet, not a CSV file. Save it as CSV (comma separated, UTF-8) first.")
    text = io.TextIOWrapper(file, encoding=_encoding(head), newline="")
    csv.field_size_limit(_FIELD_MAX)
    first_line = head.split(b"\n", 1)[0].decode("latin-1")
    delimiter = max(",;\t", key=first_line.count)
    return csv.reader(text, delimiter=delimiter)


def _encoding(head: bytes) -> str:
    """UTF-8 where it can be; what spreadsheets on Windows write otherwise."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        # The last character may be cut off.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"
