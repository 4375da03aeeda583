"""Huey tasks: they only make due work soon. The rows say what is due, and the clock's sweeps make it certain."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from huey.contrib.djhuey import db_task

from voice import analysis, credit_end, reconcile, submission, transcription


@db_task()  # type: ignore[untyped-decorator]
def dial(call_id: str) -> None:
    submission.dial(call_id=UUID(call_id), now=datetime.now(UTC))


@db_task()  # type: ignore[untyped-decorator]
def hang_up(call_id: str) -> None:
    reconcile.hang_up(call_id=UUID(call_id), now=datetime.now(UTC))


@db_task()  # type: ignore[untyped-decorator]
def limit_called_in(call_id: str) -> None:
    credit_end.limit_called_in(call_id=UUID(call_id))


@db_task()  # type: ignore[untyped-decorator]
def say_closing_line(call_id: str) -> None:
    credit_end.say_closing_line(call_id=UUID(call_id))


@db_task()  # type: ignore[untyped-decorator]
def restart_stream(call_id: str) -> None:
    reconcile.restart_stream(call_id=UUID(call_id), now=datetime.now(UTC))


@db_task()  # type: ignore[untyped-decorator]
def stop_transcription(call_id: str) -> None:
    transcription.stop_unwanted(call_id=UUID(call_id), now=datetime.now(UTC))


@db_task()  # type: ignore[untyped-decorator]
def analyse(call_id: str) -> None:
    analysis.analyse(call_id=UUID(call_id), now=datetime.now(UTC))


BY_NAME: dict[str, Callable[[str], Any]] = {
    "dial": dial,
    "hang_up": hang_up,
    "limit_called_in": limit_called_in,
    "say_closing_line": say_closing_line,
    "restart_stream": restart_stream,
    "stop_transcription": stop_transcription,
    "analyse": analyse,
}
