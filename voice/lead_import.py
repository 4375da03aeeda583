"""Leads from a CSV file, read as it comes: why a row is not added is told with its line and column, the rest is added.

What is there already stays as it is, so the same file can be imported again after its faults were mended.
"""

import csv
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Final

from django.db import close_old_connections, connection, transaction
from uuid_utils.compat import uuid7

from compliance import one_line, restriction, suppression
from compliance.redaction import redact_cards
from identity.auth import Actor
from identity.models import Membership
from identity.team_lock import lock_workspaces
from processors.errors import DomainError
from voice import tags
from voice.lead_columns import LENGTHS, Column, Columns, Place, columns_of
from voice.lead_lines import Assumed, FileUnreadable, Lines, reader
from voice.leads import SUPPRESSED
from voice.models import Lead
from voice.phones import Phone, PhoneInvalid, PhoneNotCallable, parse_phone

ROWS_MAX: Final = 100_000
# Blank ones and those within a field included.
LINES_MAX: Final = 10 * ROWS_MAX
# Lines between two progresses.
AT_ONCE: Final = 1_000
# Whatever was split too often has everything behind it in a wrong column.
_TOO_MANY_CELLS: Final = (
    "This row goes on behind the last column that the first line names. Put quotation marks around text that holds the separator, or"
    " name the column."
)
# The lines in between are part of it, and nobody finds them otherwise.
_GOES_ON: Final = " This row goes on to line {last}: see whether a quotation mark is open in it."
_UNREADABLE: Final = (
    "A letter in this got lost, as happens when a table is saved in another encoding. Save it as CSV in UTF-8."
)
_HIDDEN: Final = (
    "This holds a character that cannot be seen (U+{number:04X}). Remove it; typing the text anew does that."
)
ALREADY_KNOWN: Final = "A lead of yours has this number. It stays as it is."


class ImportUnreadable(DomainError):
    """The file is not a table of leads; nothing was added. Permanent for this file."""

    code: ClassVar[str] = "import_unreadable"


class ImportEnded(DomainError):
    """Whoever imports is not in the workspace any more. What was added stays."""

    code: ClassVar[str] = "import_ended"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not added. line: of the file, from 1; column: as the file names it; code: stable; message: what to do.

    Two codes stand for no fault: `duplicate` (the number is in an earlier line) and `already_known` (a lead has it).
    """

    line: int
    column: str
    code: str
    message: str


@dataclass(slots=True)
class Progress:
    """read: rows so far; added, known (there before, or earlier in the file) and rejected (for a fault) make up all of them.

    rejected_rows: those since the last progress that were not added, known ones too. ignored: columns of the file that are not imported.
    stopped_at_line: from there on nothing was read, for the reason of the last rejected row; None when everything was. assumed: where
    the file is not in UTF-8.
    """

    read: int = 0
    added: int = 0
    known: int = 0
    rejected: int = 0
    rejected_rows: list[Rejected] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    stopped_at_line: int | None = None
    assumed: Assumed | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    phone: Phone
    phone_column: str
    texts: Mapping[Column, str]
    tags: Sequence[str]


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
        """read: gives so many bytes of the file, b"" at its end. region: ISO 3166 alpha-2, of numbers without a country code.

        Raises ImportUnreadable.
        """
        self._actor = actor
        self._region = region
        self._now = now
        try:
            self._lines: Lines = reader(read)
            self._columns: Columns = columns_of(next(iter(self._lines), []))
        except (FileUnreadable, csv.Error) as error:
            raise ImportUnreadable(str(error) or "This is not a CSV file. Save it as one, then try again.") from None
        # In which line each number came first.
        self._seen: dict[str, int] = {}
        self._progress = Progress(ignored=self._columns.ignored)

    def run(self) -> Iterator[Progress]:
        """Adds rows by the thousand, each lot in a transaction of its own. Raises ImportEnded."""
        rows: list[_Row] = []
        flushed_at = self._lines.line
        for line, fields in self._rows():
            if fields:
                self._progress.read += 1
                try:
                    rows.append(self._checked(fields, line))
                except _Wrong as wrong:
                    last = self._lines.line
                    goes_on = _GOES_ON.format(last=last) if last > line else ""
                    self._reject(line, wrong.column, wrong.code, wrong.message + goes_on)
            if self._lines.line - flushed_at >= (AT_ONCE if rows or self._progress.rejected_rows else ROWS_MAX):
                yield self._flush(rows)
                rows, flushed_at = [], self._lines.line
        yield self._flush(rows)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Where each row begins, and its fields; none for a blank line."""
        while True:
            line = self._lines.line + 1
            try:
                fields = next(self._lines, None)
            except (FileUnreadable, csv.Error):
                self._stop(
                    line,
                    "row_unreadable",
                    "Nothing from here on can be read. Is a quotation mark open? Mend this line.",
                )
                return
            if fields is None:
                return
            filled = any(each.strip() for each in fields)
            if (filled and self._progress.read == ROWS_MAX) or line > LINES_MAX:
                self._stop(
                    line, "too_many_rows", f"Only {ROWS_MAX:,} rows are read at once. Put the rest into another file."
                )
                return
            yield line, fields if filled else []

    def _checked(self, fields: Sequence[str], line: int) -> _Row:
        """Raises _Wrong."""
        if beyond := self._columns.beyond(fields):
            raise _Wrong(beyond, "too_many_cells", _TOO_MANY_CELLS)
        texts: dict[Column, str] = {}
        for column, places in self._columns.places.items():
            name, text = _first_filled(places, fields)
            if "\x00" in text:
                raise _Wrong(name, "text_unstorable", "This holds a NUL character, which no text can keep.")
            if "\ufffd" in text:
                raise _Wrong(name, "text_unreadable", _UNREADABLE)
            if column != "notes" and one_line.has_break(text):
                raise _Wrong(name, "line_break", "Write this in one line: remove the line break in it.")
            # Some address books put hidden marks around a number, and none of it is kept.
            if column not in ("notes", "phone") and (hidden := one_line.hidden_in(text)):
                raise _Wrong(name, "hidden_character", _HIDDEN.format(number=ord(hidden)))
            if len(text) > LENGTHS[column]:
                raise _Wrong(name, "too_long", f"At most {LENGTHS[column]:,} characters fit here.")
            # What stands in the place of a card number may be longer than it.
            texts[column] = text if column == "phone" else redact_cards(text)[: LENGTHS[column]]
        phone_column = _first_filled(self._columns.places["phone"], fields)[0]
        if not texts["first_name"]:
            raise _Wrong(self._columns.places["first_name"][0].name, "name_missing", "Write at least a first name.")
        if not texts["phone"]:
            raise _Wrong(phone_column, "phone_missing", "Write a number; without one nobody can be called.")
        try:
            names = tags.split(texts.get("tags", ""))
        except (tags.TagUnusable, tags.TooManyTags) as error:
            raise _Wrong(self._columns.places["tags"][0].name, error.code, error.message) from None
        try:
            return _Row(line, parse_phone(texts["phone"], region=self._region), phone_column, texts, names)
        except (PhoneInvalid, PhoneNotCallable) as error:
            raise _Wrong(phone_column, error.code, error.message) from None

    def _flush(self, rows: Sequence[_Row]) -> Progress:
        """Writes these and tells what became of everything until now."""
        progress = self._progress
        by_phone: dict[str, _Row] = {}
        for row in rows:
            first_line = self._seen.setdefault(row.phone.e164, row.line)
            if first_line == row.line:
                by_phone[row.phone.e164] = row
            else:
                self._know(row, "duplicate", f"Line {first_line:,} has the same number. Only that line is read.")
        with transaction.atomic():
            self._demand_membership()
            self._write(by_phone)
        # The next rows are read and checked for a while; meanwhile others have the connection.
        close_old_connections()
        in_order = sorted(progress.rejected_rows, key=lambda rejected: rejected.line)
        told = replace(progress, rejected_rows=in_order, assumed=self._lines.assumed)
        progress.rejected_rows = []
        return told

    def _write(self, by_phone: dict[str, _Row]) -> None:
        workspace_id = self._actor.workspace_id
        for phone in suppression.suppressed_among(workspace_id=workspace_id, phones_e164=by_phone):
            row = by_phone.pop(phone)
            self._reject(row.line, row.phone_column, "lead_suppressed", SUPPRESSED)
        for phone in restriction.numbers_among(by_phone):
            row = by_phone.pop(phone)
            self._reject(row.line, row.phone_column, "subject_restricted", restriction.SubjectRestricted().message)
        there = Lead.objects.for_workspace(workspace_id).filter(phone_e164__in=by_phone)
        known = {phone for phone in there.values_list("phone_e164", flat=True) if phone is not None}
        new = self._tagged(by_phone, known)
        added = self._insert(new) if new else set()
        self._progress.added += len(added)
        # Somebody else may have added one of them in this moment.
        for row in (by_phone[phone] for phone in known | {row.phone.e164 for row in new} - added):
            self._know(row, "already_known", ALREADY_KNOWN)

    def _tagged(self, by_phone: Mapping[str, _Row], known: Container[str]) -> list[_Row]:
        """The rows of new leads, each with the workspace's own tags; without those that would make too many different ones."""
        vocabulary = tags.Vocabulary(workspace_id=self._actor.workspace_id, now=self._now)
        kept = []
        for row in (row for phone, row in by_phone.items() if phone not in known):
            try:
                kept.append(replace(row, tags=vocabulary.take(row.tags) if row.tags else []))
            except tags.TooManyTags as error:
                self._reject(row.line, self._columns.places["tags"][0].name, error.code, error.message)
        vocabulary.store()
        return kept

    def _demand_membership(self) -> None:
        """With the workspace locked, so that nothing is added to one that is being erased. Raises ImportEnded."""
        lock_workspaces([self._actor.workspace_id])
        members = Membership.objects.for_workspace(self._actor.workspace_id)
        if not members.filter(user_id=self._actor.user_id, user__is_active=True).exists():
            raise ImportEnded("You are not in this workspace any more. Ask its owner to invite you again.")

    def _insert(self, rows: Sequence[_Row]) -> set[str]:
        """The numbers of those that are there now and were not before."""
        with connection.cursor() as cursor:
            cursor.execute(
                _INSERT,
                [
                    self._actor.workspace_id,
                    self._now,
                    tags.SEPARATOR,
                    [uuid7() for _ in rows],
                    [row.texts["first_name"] for row in rows],
                    [row.texts.get("last_name", "") for row in rows],
                    [row.texts.get("company", "") for row in rows],
                    [row.texts.get("notes", "") for row in rows],
                    [row.phone.e164 for row in rows],
                    [row.phone.country for row in rows],
                    [row.phone.time_zone for row in rows],
                    [tags.SEPARATOR.join(row.tags) for row in rows],
                ],
            )
            return {phone for (phone,) in cursor.fetchall()}

    def _stop(self, line: int, code: str, message: str) -> None:
        self._progress.read += 1
        self._progress.stopped_at_line = line
        self._reject(line, "", code, message)

    def _reject(self, line: int, column: str, code: str, message: str) -> None:
        self._progress.rejected += 1
        self._progress.rejected_rows.append(Rejected(line, column, code, message))

    def _know(self, row: _Row, code: str, message: str) -> None:
        self._progress.known += 1
        self._progress.rejected_rows.append(Rejected(row.line, row.phone_column, code, message))


def _first_filled(places: Sequence[Place], fields: Sequence[str]) -> tuple[str, str]:
    """Of several columns for one thing the first that is filled: its name and what stands in it."""
    for place in places:
        if place.index < len(fields) and (text := fields[place.index].strip()):
            return place.name, text
    return places[0].name, ""


# One statement however many rows, of which models would be most of the cost. Somebody else may add one of them in this moment;
# then it is there, which is what was wanted. What was added is what comes back.
_INSERT: Final = """
INSERT INTO voice_lead (workspace_id, created_at, id, first_name, last_name, company, notes, phone_e164, country, time_zone,
                        tags, attempts)
SELECT %s, %s, lead.id, lead.first_name, lead.last_name, lead.company, lead.notes, lead.phone_e164, lead.country,
       lead.time_zone, string_to_array(lead.tags, %s), 0
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS lead (id, first_name, last_name, company, notes, phone_e164, country, time_zone, tags)
ON CONFLICT DO NOTHING
RETURNING phone_e164
"""
