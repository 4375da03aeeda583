"""Django's ASGI handler, which takes each request through all middleware and the view in one piece of work of its thread."""

from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest


class OneThreadHandler(ASGIHandler):
    """For an application whose middleware and views are synchronous, as all of ours are.

    Django's own leaves the thread behind the middleware for the event loop, and comes back once for each middleware with a
    `process_view` and once more for the view: the check of CSRF alone cost two changes of thread, whatever there was to check.
    Should the client go away, what was begun is done to its end.
    """

    def __init__(self) -> None:
        super().__init__()
        self._in_thread = sync_to_async(self.get_response, thread_sensitive=True)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> Any:
        return await self._in_thread(request)
