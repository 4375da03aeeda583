"""A CSV file as spreadsheets write it, read once from its begin to its end, however long, and never more than a line at once."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

# No line is longer; a field that spans more is a quotation mark that was never closed.
_LINE_MAX: Final = 65_536
_FIELD_MAX: Final = 100_000
_SNIFFED: Final = 8_192
# Bytes that are no UTF-8 are what spreadsheets on Windows write, wherever in the file the first of them comes; surrogates stand
# for them until then.
_WINDOWS: Final = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
_NO_UTF8: Final = re.compile("[\udc80-\udcff]")
_BETWEEN_WORDS: Final = re.compile(r'[\s",;]')
# Letters shown on either side of the first one.
_AROUND: Final = 20
_EMPTY: Final = "The file is empty. Choose another one."
_SPREADSHEET: Final = "This is a spreadsheet, not a CSV file. Save it as CSV (comma separated, UTF-8) first."
_NO_TEXT: Final = "This is not a text file with commas (CSV). Save your table as CSV (comma separated, UTF-8) first."
# Of the bytes of a text, hardly one is a control character; of those of a picture or an archive, one in ten.
_CONTROLS_OF_TEXT_MAX: Final = 0.04
_OPEN: Final = "A quotation mark is open until the end of the file. Write the one that closes it."
_NO_LINES: Final = "This is not a CSV file: a line does not end. Save your table as CSV (comma separated, UTF-8)."


class FileUnreadable(Exception):
    """Why a file cannot be read, or not any further."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """Where a file is not what it should be in, UTF-8: its first line of that kind, from 1, and a word as it was read there."""

    line: int
    word: str


class Lines:
    """The rows of a file. Raises FileUnreadable, csv.Error.

    line: the last line of the file that was read, from 1. assumed: the first that was read as Windows-1252; None when none was.
    """

    def __init__(self, text: io.TextIOWrapper, delimiter: str) -> None:
        self.assumed: Assumed | None = None
        self._text = text
        self._ended = False
        self._rows = csv.reader(self._bounded(), delimiter=delimiter)

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        row = next(self._rows)
        # A whole row is there before another line is asked for.
        if self._ended:
            raise FileUnreadable(_OPEN)
        return row

    @property
    def line(self) -> int:
        return self._rows.line_num

    def _bounded(self) -> Iterator[str]:
        number = 0
        while line := self._text.readline(_LINE_MAX):
            number += 1
            if len(line) == _LINE_MAX and not line.endswith("\n"):
                raise FileUnreadable(_NO_LINES)
            if not line.isascii() and (first := _NO_UTF8.search(line)):
                line = line.translate(_WINDOWS)
                self.assumed = self.assumed or Assumed(number, _word(line, first.start()))
            yield line
        self._ended = True


def reader(read: Callable[[int], bytes]) -> Lines:
    """read: gives so many bytes of the file, b"" at its end. Raises FileUnreadable."""
    file = io.BufferedReader(_Forward(read), _SNIFFED)
    head = file.peek(_SNIFFED)
    if not head.strip():
        raise FileUnreadable(_EMPTY)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise FileUnreadable(_SPREADSHEET)
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not wide and _is_binary(head):
        raise FileUnreadable(_NO_TEXT)
    encoding, errors = ("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")
    csv.field_size_limit(_FIELD_MAX)
    first_line = head.decode(encoding, errors).split("\n", 1)[0]
    delimiter = max(",;\t", key=first_line.count)
    return Lines(io.TextIOWrapper(file, encoding=encoding, errors=errors, newline=""), delimiter)


def _is_binary(head: bytes) -> bool:
    controls = sum(byte < 32 and byte not in b"\t\n\v\f\r" for byte in head)
    return head.startswith(b"%PDF-") or controls > _CONTROLS_OF_TEXT_MAX * len(head)


class _Forward(io.RawIOBase):
    """A stream that is read once."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _word(line: str, at: int) -> str:
    before = _BETWEEN_WORDS.split(line[max(0, at - _AROUND) : at])[-1]
    return before + _BETWEEN_WORDS.split(line[at : at + _AROUND])[0]
