"""How REST writes JSON."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja.renderers import BaseRenderer
from pydantic import BaseModel
from pydantic_core import to_json


class WireRenderer(BaseRenderer):
    """JSON as Pydantic writes it, so that REST and the browser's socket spell the same moment with the same digits."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return to_json(data)


def answered(shown: BaseModel) -> HttpResponse:
    """The answer of a list or a live page, which are asked for most: Ninja would check once more what was just put together."""
    return HttpResponse(to_json(shown), content_type=f"{WireRenderer.media_type}; charset=utf-8")
