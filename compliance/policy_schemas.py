"""Shapes of the policy, its versions, and what people are told and asked about them."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class ClauseOut(BaseModel):
    id: str
    section: int
    heading: str
    text: str


class ConsentTextOut(BaseModel):
    """What stands beside a box that is not ticked beforehand."""

    purpose: Literal["sms", "my_data", "policy", "transfer", "nominee"]
    text: str


class NewPurposeOut(BaseModel):
    """A use of data that people are asked for. words: what is agreed to; if_no: what follows from a no."""

    key: str
    title: str
    words: str
    if_no: str


PolicyState = Literal["past", "in_force", "coming"]


class PolicyVersionOut(BaseModel):
    """summary: what changed, "" for the first. published_at: since when people were told. text_hash: SHA-256 in hex."""

    version: str
    state: PolicyState
    effective_on: date
    published_at: datetime | None
    summary: str
    text_hash: str


class PolicyVersionsOut(BaseModel):
    """The newest first."""

    items: list[PolicyVersionOut]


class PolicyOut(PolicyVersionOut):
    """text_hash: SHA-256 in hex over the wording."""

    clauses: list[ClauseOut]
    consents: list[ConsentTextOut]
    purposes: list[NewPurposeOut]


class PieceOut(BaseModel):
    """A run of words: in both wordings, only in the newer one, or only in the older one."""

    kind: Literal["same", "new", "gone"]
    text: str


class ClauseChangeOut(BaseModel):
    kind: Literal["added", "removed", "changed"]
    id: str
    section: int
    heading: str
    pieces: list[PieceOut]


class PolicyChangesOut(BaseModel):
    """What differs between two versions, clause by clause. before: null when the version is the first."""

    before: PolicyVersionOut | None
    after: PolicyVersionOut
    items: list[ClauseChangeOut]


class PolicyNoticeOut(BaseModel):
    """What the person is to be told or asked now.

    coming: a version that takes effect later; confirmed: the person has said on the page to have read of it; mail_came_back: the mail
    about it did not arrive.
    question: the version in force, as far as the person has to answer before the product goes on. purposes: to be answered.
    """

    coming: PolicyVersionOut | None
    confirmed: bool
    mail_came_back: bool
    question: PolicyVersionOut | None
    purposes: list[NewPurposeOut]


class PolicyToldOut(BaseModel):
    """How many people were told of a version, and how: by_mail without those whose mail came_back; on_page: who said there to have read
    of it. waiting: mails that are not sent yet."""

    version: str
    effective_on: date
    by_mail: int
    came_back: int
    on_page: int
    waiting: int


class PolicyNoticeIn(BaseModel):
    """version: the coming one."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(max_length=40)]


class PurposeAnswerIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    purpose: Annotated[str, Field(max_length=16)]
    given: bool


class PolicyAnswerIn(BaseModel):
    """version: the one in force. answers: yes or no to each new purpose."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(max_length=40)]
    answers: Annotated[list[PurposeAnswerIn], Field(max_length=20)]


class PurposeOut(NewPurposeOut):
    """given: what the person said last; null when nothing was said."""

    given: bool | None


class PurposesOut(BaseModel):
    items: list[PurposeOut]
