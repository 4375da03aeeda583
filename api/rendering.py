"""How REST writes JSON."""

from typing import Any

from django.http import HttpRequest
from ninja.renderers import BaseRenderer
from pydantic_core import to_json


class WireRenderer(BaseRenderer):
    """JSON as Pydantic writes it, so that REST and the browser's socket spell the same moment with the same digits."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return to_json(data)
