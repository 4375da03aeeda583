"""Shapes of the page for people who were called."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool

from compliance.schemas import ErasurePreviewOut, HeldOut, OwnCaseOut, RequestOut
from identity.schemas import Closed, Passcode

# Stopped by you: here, so that you may allow it again; stopped: by whoever was told not to call, or together with all others.
CallsState = Literal["allowed", "stopped_by_you", "stopped"]
NumberTyped = Annotated[str, Field(max_length=40)]


class NumberIn(Closed):
    """number: with its country code. sms_consent: true, from a box that the person ticked; policy_version: that of the wording
    beside it."""

    number: NumberTyped
    sms_consent: Literal[True]
    policy_version: Annotated[str, Field(max_length=40)]


class CodeSentOut(BaseModel):
    """The same whether or not anything is known about the number."""

    valid_minutes: int


class NumberCodeIn(Closed):
    number: NumberTyped
    code: Passcode


class CallsWishIn(Closed):
    """workspace: as in WorkspaceHolds; null for everybody who uses Klosesales. allowed: false to be called never again."""

    workspace: Annotated[str, Field(max_length=36)] | None
    allowed: StrictBool


class UseWishIn(Closed):
    """restricted: true to have everything kept and used for nothing, false to take that back."""

    restricted: StrictBool


class NumberErasureIn(Closed):
    """confirm: the number, typed once more. when: after 3 days in which it can be cancelled, or now."""

    confirm: NumberTyped
    when: Literal["after_grace", "now"]


class KnownAsOut(BaseModel):
    """How a workspace has written the person down."""

    name: str
    company: str
    notes: str
    added_at: datetime


class WorkspaceHoldsOut(BaseModel):
    """What one customer holds about the number. workspace: an identifier to name it by; texts: how many lines of text of calls;
    calls: whether it may call."""

    workspace: str
    name: str
    known_as: list[KnownAsOut]
    calls_made: int
    last_call_at: datetime | None
    texts: int
    calls: CallsState


class MyDataOut(BaseModel):
    """Everything about one number, for whoever has proved it. calls: whether anybody may call it. restricted: it is kept
    and used for nothing."""

    number: str
    calls: CallsState
    restricted: bool
    workspaces: list[WorkspaceHoldsOut]
    held: list[HeldOut]
    preview: ErasurePreviewOut
    erasure: RequestOut | None
    cases: list[OwnCaseOut]


class DataLinkOut(BaseModel):
    """path: opens the copy once. expires_at: until when."""

    path: str
    expires_at: datetime
