"""Made calls for the tests, written down as people speak."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from ai.turns import CallTurns, Speaker, Turn

QUESTIONS = Path(__file__).parent / "questions"
# A Tuesday.
STARTED_AT = datetime(2026, 1, 27, 10, 0, tzinfo=UTC)
MS_PER_WORD = 350
PAUSE_MS = 400
_SPEAKERS: dict[str, Speaker] = {"A": "agent", "C": "callee"}


@dataclass(frozen=True)
class AskedQuestion:
    """A question of a set. answers: the segments that answer it, none when the calls do not."""

    text: str
    answers: frozenset[UUID]


@dataclass(frozen=True)
class QuestionSet:
    """Calls, and questions about them that they answer and that they do not."""

    calls: tuple[CallTurns, ...]
    questions: tuple[AskedQuestion, ...]


def a_call(
    *lines: str,
    workspace_id: UUID,
    user_id: UUID | None = None,
    lead_id: UUID | None = None,
    lead_name: str = "Nora Blake",
    company: str = "",
    started_at: datetime = STARTED_AT,
    held_on: date | None = None,
    call_id: UUID | None = None,
) -> CallTurns:
    """A call from lines like "A: words of the agent" and "C: words of the callee", one after the other. held_on: where the callee's day is
    another than in UTC."""
    return CallTurns(
        call_id=call_id or uuid7(),
        workspace_id=workspace_id,
        user_id=user_id or uuid7(),
        lead_id=lead_id or uuid7(),
        lead_name=lead_name,
        company=company,
        started_at=started_at,
        held_on=held_on or started_at.date(),
        turns=tuple(_turns(lines)),
    )


def _turns(lines: Sequence[str]) -> Iterator[Turn]:
    at_ms = 0
    for line in lines:
        end_ms = at_ms + MS_PER_WORD * len(line[3:].split())
        yield Turn(uuid7(), _SPEAKERS[line[0]], at_ms, end_ms, line[3:])
        at_ms = end_ms + PAUSE_MS


def question_set(name: str, *, workspace_id: UUID, user_id: UUID) -> QuestionSet:
    """A set of tests/ai/questions as calls of one member."""
    stored = json.loads((QUESTIONS / f"{name}.json").read_text())
    calls = {
        one["id"]: a_call(
            *one["turns"],
            workspace_id=workspace_id,
            user_id=user_id,
            lead_name=one["lead"],
            company=one.get("company", ""),
        )
        for one in stored["calls"]
    }
    answerable = [
        AskedQuestion(one["question"], frozenset(calls[one["call"]].turns[place].segment_id for place in one["turns"]))
        for one in stored["answerable"]
    ]
    unanswerable = [AskedQuestion(text, frozenset()) for text in stored["unanswerable"]]
    return QuestionSet(tuple(calls.values()), (*answerable, *unanswerable))
