"""The wire shapes of the statement and of an explained entry."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from ledger.schemas import EntryOut, PostingOut, Reasons
from voice.schemas import ReceiptRate

CauseKind = Literal["call", "question", "purchase"]


class Cause(BaseModel):
    """What made an entry.

    id: of the call, question or checkout; null once it is gone. about: the lead's name or the pack's, else words.
    by: who called, asked or bought; null when that is not known any more.
    """

    kind: CauseKind
    id: UUID | None
    about: str
    by: str | None


class StatementRow(EntryOut):
    """One line of the statement with what made it."""

    cause: Cause


class StatementPage(BaseModel):
    """Newest first. next_cursor: give it back to continue; null at the end."""

    items: list[StatementRow]
    next_cursor: str | None


class Spender(BaseModel):
    """Somebody whose entries can be asked for."""

    id: UUID
    name: str


class ExplanationOut(Reasons):
    """One entry with everything it rests on.

    rate: the rate card of the call. answered_s: seconds from the lead's answer to the end, null while the call goes on or
    where there is no call. related: other entries of the same cause, oldest first; related_total: how many there are in all.
    """

    entry: StatementRow
    rate: ReceiptRate | None
    answered_s: int | None
    postings: list[PostingOut]
    related: list[EntryOut]
    related_total: int


class MemberSpending(BaseModel):
    """monthly_cap_mcredits: null for one who may spend all of the workspace's credits."""

    user_id: UUID
    spent_mcredits: int
    monthly_cap_mcredits: int | None


class WorkspaceSpending(BaseModel):
    """Of all members together, and of those who have left. Caps: null for none. live_calls: those that ring or go on now."""

    spent_mcredits: int
    monthly_cap_mcredits: int | None
    live_calls: int
    live_calls_max: int | None


class TeamSpendingOut(BaseModel):
    """since: the begin of the month, UTC."""

    since: datetime
    workspace: WorkspaceSpending
    items: list[MemberSpending]
