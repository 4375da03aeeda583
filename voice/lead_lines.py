"""A CSV file as spreadsheets write it, read once from its begin to its end, however long, and never more than a line at once."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from typing import Any, Final

# No line is longer; a field that spans more is a quotation mark that was never closed.
_LINE_MAX: Final = 65_536
_FIELD_MAX: Final = 100_000
_SNIFFED: Final = 8_192
_WINDOWS: Final = "klosesales-windows"
_EMPTY: Final = "The file is empty. Choose another one."
_SPREADSHEET: Final = "This is a spreadsheet, not a CSV file. Save it as CSV (comma separated, UTF-8) first."
_NO_TEXT: Final = "This is not a text file with commas (CSV). Save your table as CSV (comma separated, UTF-8) first."
# Of the bytes of a text, hardly one is a control character; of those of a picture or an archive, one in ten.
_CONTROLS_OF_TEXT_MAX: Final = 0.04
_NO_LINES: Final = "This is not a CSV file: a line does not end. Save your table as CSV (comma separated, UTF-8)."


class FileUnreadable(Exception):
    """Why a file cannot be read, or not any further."""


class Lines:
    """The rows of a file. line: the last line of the file that was read, from 1. Raises FileUnreadable, csv.Error."""

    def __init__(self, text: io.TextIOWrapper, delimiter: str) -> None:
        self._text = text
        self._rows = csv.reader(self._bounded(), delimiter=delimiter)

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        return next(self._rows)

    @property
    def line(self) -> int:
        return self._rows.line_num

    def _bounded(self) -> Iterator[str]:
        while line := self._text.readline(_LINE_MAX):
            if len(line) == _LINE_MAX and not line.endswith("\n"):
                raise FileUnreadable(_NO_LINES)
            yield line


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
    encoding, errors = ("utf-16", "replace") if wide else ("utf-8-sig", _WINDOWS)
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


def _as_windows_writes(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8 are what spreadsheets on Windows write, wherever in the file the first of them comes."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_WINDOWS, _as_windows_writes)
