"""Reads what a request carries, and refuses what no text column can keep, whatever a route's own fields allow."""

from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

NUL = "\x00"


class UnstorableText(ValueError):
    """A text holds U+0000, which PostgreSQL keeps in no text. field: its path, in dots."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} holds a NUL character")
        self.field = field


class TextParser(Parser):
    """Ninja's parser without NUL characters. Raises UnstorableText."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        body = super().parse_body(request)
        _refuse_nul(body, "")
        return body

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        values = super().parse_querydict(data, list_fields, request)
        _refuse_nul(values, "")
        return values


def _refuse_nul(value: object, path: str) -> None:
    """JSON nests no deeper here than its own reader's limit."""
    if isinstance(value, str):
        if NUL in value:
            raise UnstorableText(path)
    elif isinstance(value, dict):
        for name, held in value.items():
            _refuse_nul(held, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for position, held in enumerate(value):
            _refuse_nul(held, f"{path}.{position}" if path else str(position))
