"""Structured logs without personal data: one JSON object a line, declared fields only, static messages.

A log line cannot be erased from every place that logs are copied to, so what may enter one is decided here
and nowhere else.
"""

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from http import HTTPMethod
from pathlib import Path
from types import TracebackType
from typing import Any, Final

# Field -> element of compliance.inventory.ELEMENTS. Ids are random and mean nothing once the rows they name
# are erased.
FIELDS: Final[dict[str, str]] = {
    "at": "none",
    "level": "none",
    "logger": "none",
    "message": "none",
    "where": "none",
    "pause_s": "none",
    "pid": "none",
    "error_type": "none",
    "trace": "none",
    "undeclared": "none",
    "action": "none",
    "address": "none",
    "amount_mcredits": "none",
    "answer": "none",
    "attempt": "none",
    "attempts": "none",
    "bytes": "none",
    "call_id": "log_id",
    "call_sid": "log_id",
    "charges": "none",
    "close_code": "none",
    "code": "none",
    "command": "none",
    "count": "none",
    "data_classes": "none",
    "detail_code": "none",
    "direction": "none",
    "dropped": "none",
    "due_on": "none",
    "duration_ms": "none",
    "duration_s": "none",
    "endpoint": "none",
    "engine": "none",
    "erasure_id": "log_id",
    "error_code": "none",
    "event_id": "log_id",
    "event_type": "none",
    "exit_code": "none",
    "field": "none",
    "frames": "none",
    "host": "none",
    "intent_id": "log_id",
    "hash": "none",
    "invariant": "none",
    "job_id": "log_id",
    "kind": "none",
    "latency_ms": "none",
    "lead_id": "log_id",
    "leg_id": "log_id",
    "left": "none",
    "method": "none",
    "model": "none",
    "name": "none",
    "notice_id": "log_id",
    "notification_id": "log_id",
    "plan_id": "log_id",
    "path_template": "none",
    "port": "none",
    "process": "none",
    "processor": "none",
    "query_id": "log_id",
    "queue": "none",
    "queued": "none",
    "reason": "none",
    "reference": "log_id",
    "request_id": "log_id",
    "retryable": "none",
    "route": "none",
    "run_id": "log_id",
    "seconds": "none",
    "segment_id": "log_id",
    "segments": "none",
    "sequence": "none",
    "setting": "none",
    "sid": "log_id",
    "signal": "none",
    "size": "none",
    "state": "none",
    "status": "none",
    "status_code": "none",
    "step": "none",
    "store": "none",
    "stream_sid": "log_id",
    "table": "none",
    "task": "none",
    "track": "none",
    "top_up_id": "log_id",
    "transaction_id": "log_id",
    "user_id": "log_id",
    "version": "none",
    "waited_ms": "none",
    "workers": "none",
    "workspace_id": "log_id",
}
TEXT_CHARACTERS_MAX: Final = 200
TRACE_FRAMES_MAX: Final = 12
WITHHELD: Final = "message withheld: its logger may put data into it"

_PROJECT = Path(__file__).resolve().parent.parent
_HOUSE = frozenset(
    {
        "config",
        "api",
        "voice",
        "ai",
        "ledger",
        "identity",
        "compliance",
        "realtime",
        "processors",
        "sandbox",
        "bench",
    }
)
# Foreign loggers whose messages are templates with arguments; the template is written, the arguments never
# are.
_TEMPLATED = frozenset(
    {"django", "channels", "asyncio", "channels_redis", "daphne", "huey", "psycopg", "concurrent", "uvicorn", "aiohttp"}
)
_METHODS = frozenset(HTTPMethod)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_PERSONAL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|(?<![0-9A-Fa-f-])\+?\d(?:[ ().-]?\d){8,14}(?![0-9A-Fa-f-])")


class WithoutPeersFaults(logging.Filter):
    """Leaves out what picows calls an error when a peer breaks the WebSocket protocol; the socket notes it with a code.

    For a handler, since a logger's own filter does not see what its children say.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.name.startswith("picows") and str(record.msg).startswith("WS parser error"))


class JsonLines(logging.Formatter):
    """Writes only FIELDS. Messages are written as the code spells them, without their arguments; of an exception its
    type and the places it passed, not its text, which may quote a row. Undeclared extra fields are dropped and named in
    `undeclared`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            "where": f"{_place(record.pathname)}:{record.lineno}",
            "pid": record.process,
        }
        undeclared = []
        for name, value in vars(record).items():
            if name in _STANDARD:
                continue
            if name in FIELDS:
                line[name] = _plain(value)
            elif record.name.split(".")[0] in _HOUSE:
                undeclared.append(name)
        if undeclared:
            line["undeclared"] = sorted(undeclared)
        line |= _asked(getattr(record, "request", None))
        if record.exc_info and record.exc_info[0] is not None:
            line["error_type"] = record.exc_info[0].__qualname__
            line["trace"] = _trace(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _asked(request: object) -> dict[str, str]:
    """What Django says of a request that it refused: the route as it is written, never the path, which names things and people."""
    match, method = getattr(request, "resolver_match", None), getattr(request, "method", None)
    if match is None:
        return {}
    # Whoever asks may call a method what they like.
    return {"route": match.route, "method": method if method in _METHODS else "OTHER"}


def _message(record: logging.LogRecord) -> str:
    root = record.name.split(".")[0]
    if not isinstance(record.msg, str) or (root not in _HOUSE and root not in _TEMPLATED):
        return WITHHELD
    # A message that was formatted before it was logged may carry anything.
    return _PERSONAL.sub("[redacted]", record.msg.splitlines()[0][:TEXT_CHARACTERS_MAX] if record.msg else "")


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in list(value)[:50]]
    return _PERSONAL.sub("[redacted]", str(value)[:TEXT_CHARACTERS_MAX])


def _place(path: str) -> str:
    try:
        return Path(path).relative_to(_PROJECT).as_posix()
    except ValueError:
        return "/".join(Path(path).parts[-2:])


def _trace(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-TRACE_FRAMES_MAX:]
    return [f"{_place(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
