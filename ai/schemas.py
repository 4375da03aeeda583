"""The shapes of questions, answers and insights, shared by REST and the socket."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ai.turns import Speaker
from compliance.redaction import card_free
from ledger.schemas import Moment

QUESTION_LENGTH_MIN = 3
QUESTION_LENGTH_MAX = 500

AnswerStatus = Literal["answered", "not_in_your_calls"]
InsightState = Literal["pending", "ready", "stale", "expired"]
InsightKind = Literal[
    "summary",
    "topic",
    "next_step",
    "objection",
    "question",
    "price",
    "commitment",
    "do_not_call",
    "sentiment",
]


class QuestionIn(BaseModel):
    """A question over the calls that the asker may see; they started at or after from, and before to."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    question: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True,
            min_length=QUESTION_LENGTH_MIN,
            max_length=QUESTION_LENGTH_MAX,
            # PostgreSQL keeps no NUL in a text.
            pattern=r"^[^\x00]*$",
        ),
        card_free(length_max=QUESTION_LENGTH_MAX),
    ]
    lead_id: UUID | None = None
    user_id: UUID | None = None
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")


class HighlightOut(BaseModel):
    """A stretch of a quote's text with the question's words. start, end: characters, end exclusive."""

    start: int
    end: int


class QuoteOut(BaseModel):
    """One segment's very words. score: how well it fits the question, [0, 1]."""

    call_id: UUID
    segment_id: UUID
    speaker: Speaker
    start_ms: int
    end_ms: int
    text: str
    lead_id: UUID
    lead_name: str
    started_at: datetime
    score: float
    highlights: list[HighlightOut]


class SearchedOut(BaseModel):
    """How much was looked through for one answer."""

    model_config = ConfigDict(populate_by_name=True)

    calls: int
    passages: int
    since: datetime | None = Field(alias="from")
    until: datetime | None = Field(alias="to")


class AnswerOut(BaseModel):
    """An answer in quotes, or "not in your calls", which is free.

    quotes_removed: quotes that the answer had, and that were erased or may no longer be seen.
    """

    id: UUID
    question: str
    status: AnswerStatus
    quotes: list[QuoteOut]
    quotes_removed: int
    searched: SearchedOut
    charged_mcredits: int
    asked_at: datetime


class QuestionsPage(BaseModel):
    """The asker's own history, newest first. next_cursor: give it back to continue; null at the end."""

    items: list[AnswerOut]
    next_cursor: str | None


class InsightOut(BaseModel):
    """One statement about a call and the segments that carry it.

    owner: who is to do it, for commitments and next steps. due_on: the day that they name, by the callee's calendar. confidence: [0, 1]; rules say how sure they are.
    """

    kind: InsightKind
    text: str
    segment_ids: list[UUID] = Field(min_length=1)
    start_ms: int
    owner: Speaker | None
    due_on: date | None
    confidence: float


class TalkOut(BaseModel):
    """Who spoke how much. talk_ratio: the agent's share of all speech, [0, 1]; null when nobody spoke."""

    agent_ms: int
    callee_ms: int
    talk_ratio: float | None
    longest_monologue_ms: int
    interruptions: int
    silence_ms: int


class InsightsOut(BaseModel):
    """What was understood of one call. talk is null while pending."""

    call_id: UUID
    state: InsightState
    items: list[InsightOut]
    talk: TalkOut | None
