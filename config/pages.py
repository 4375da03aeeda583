"""Pages that belong to no package: health, readiness and the built frontend."""

import threading
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from api.client import is_this_machine
from config.replayed import DOOR, SAID
from voice import reconcile

LOOK_EVERY_S: Final = 1.0
# Set once this process has been ready for the first time.
_open = threading.Event()


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether this process can do its work: 200, or 503. What is missing is told to whoever asks from this machine; others learn no
    more than the status, of a look that is a second old at most.

    The first time that it can, it may follow upon one that died, at whose door the carrier stood in vain.
    """
    is_here = is_this_machine(
        peer=request.META.get("REMOTE_ADDR", ""), forwarded=request.headers.get("X-Forwarded-For")
    )
    missing = missing_parts() if is_here else _look.lately()
    if not missing and not _open.is_set():
        reconcile.ask_about_all(now=datetime.now(UTC))
        _open.set()
    said: dict[str, object] = {"status": "waiting" if missing else "ok"}
    if is_here:
        said["missing"] = missing
    if is_here and (detail := " ".join(SAID[part] for part in missing if part in SAID)):
        said["detail"] = detail
    return JsonResponse(said, status=503 if missing else 200)


class _Look:
    """At what is missing, once a second for however many ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._missing: tuple[str, ...] = ()

    def lately(self) -> tuple[str, ...]:
        with self._lock:
            if time.monotonic() - self._at >= LOOK_EVERY_S:
                self._missing, self._at = missing_parts(), time.monotonic()
            return self._missing


_look = _Look()


def missing_parts() -> tuple[str, ...]:
    """What this process needs and does not reach, at most some seconds a part; empty when it can do its work. Also, by its code,
    why the erasure ledger lets nobody be served."""
    parts = {"database": _database_answers, "channels": _channels_answer}
    missing = [name for name, answers in parts.items() if not answers()]
    if "database" not in missing and (shut := DOOR.look_now_and_then()):
        missing.append(shut)
    return tuple(missing)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone())
    except DatabaseError:
        return False


def _channels_answer() -> bool:
    try:
        for url in settings.REDIS_URLS:
            _valkey(url).ping()
    except redis.RedisError:
        return False
    return True


@lru_cache
def _valkey(url: str) -> redis.Redis:
    """Kept, since who looks every second or two would open and introduce a connection each time."""
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)


@lru_cache(maxsize=1)
def _index_html() -> bytes:
    return (settings.FRONTEND_DIST / "index.html").read_bytes()


@require_safe
def frontend(request: HttpRequest) -> HttpResponse:
    """The single page; the browser's router shows the page for the path."""
    try:
        body = _index_html()
    except FileNotFoundError:
        return HttpResponse(
            "The pages are not built. Run: make setup\n", status=503, content_type="text/plain; charset=utf-8"
        )
    response = HttpResponse(body, content_type="text/html; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response
