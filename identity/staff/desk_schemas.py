"""Shapes of the desk: cases as our own people see them, and what they do with them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool

from compliance.case_replies import AnswerKey, ReplyKey
from compliance.cases import Channel, Kind, Outcome, Proof
from compliance.one_line import ONE_LINE, Pasted
from compliance.schemas import ErasurePreviewOut
from identity.permissions import Role
from identity.schemas import Closed

Show = Literal["open", "mine", "overdue", "waiting", "answered"]
State = Literal["received", "verified", "working", "closed"]
# What may be done next, as buttons.
Step = Literal[
    "take",
    "prove",
    "mail_proof",
    "sort",
    "pause",
    "resume",
    "reply",
    "note",
    "carry_out",
    "correct",
    "grant",
    "approve",
    "withdraw",
    "take_back",
    "lift",
    "close",
    "refuse",
]


class DeskCaseOut(BaseModel):
    """A line of the queue. due_on: the last day for the answer. days_left: below zero when that is past; null when answered.

    taken_by: first name of who works on it. approval_waits: a deletion is prepared, and somebody else has to approve it.
    deletion_answered: since a deletion was approved that can still be taken back, the person has written.
    """

    reference: str
    kind: Kind
    channel: Channel
    state: State
    outcome: Outcome | Literal[""]
    opened_at: datetime
    due_on: date
    days_left: int | None
    proved_by: Proof | Literal[""]
    pause_reason: str
    taken_by: str | None
    is_mine: bool
    approval_waits: bool
    deletion_answered: bool


class DeskCountsOut(BaseModel):
    """How many there are to show of each."""

    open: int
    mine: int
    overdue: int
    waiting: int


class DeskQueuePage(BaseModel):
    """Those that are due first come first; of the answered the newest."""

    items: list[DeskCaseOut]
    counts: DeskCountsOut
    next_cursor: str | None


class DeskPersonOut(BaseModel):
    """Whose data is meant.

    kind: account; number; number_not_kept, which has to be typed for what is done with it; address: only that of a mail is known,
    and nothing is linked to it; gone: removed with the person. contact: where an answer goes, "" when nothing is kept.
    """

    kind: Literal["account", "number", "number_not_kept", "address", "gone"]
    name: str | None
    email: str | None
    user_id: UUID | None
    contact: str
    restricted: bool


class DeskEntryOut(BaseModel):
    """author: a first name of ours, "system", "operator" or "requester"."""

    id: UUID
    at: datetime
    kind: Literal["mail", "words", "note", "change", "reply"]
    author: str
    text: str


class DeskActOut(BaseModel):
    """What was done, from the audit log. action: as the log names it. by: as with entries."""

    at: datetime
    action: str
    by: str


class DeskJoinedOut(BaseModel):
    reference: str
    proved: bool


class DeskErasureOut(BaseModel):
    """cancellable: its grace lasts until runs_at."""

    state: Literal["requested", "approved", "running", "verifying", "rewriting", "done", "cancelled"]
    runs_at: datetime
    cancellable: bool
    receipt_path: str


class DeskPreparedOut(BaseModel):
    """A deletion that waits for a second person. seen: what the approval has to name. by_me: so somebody else approves it."""

    by: str
    by_me: bool
    at: datetime
    seen: str
    preview: ErasurePreviewOut


class DeskGrantOut(BaseModel):
    """What a nominee may do: prepared by one, approved by another. seen: what the approval has to name. used_at: when the copy was
    fetched."""

    state: Literal["waiting", "approved", "withdrawn"]
    evidence: str
    access: bool
    erasure: bool
    by: str
    by_me: bool
    at: datetime
    seen: UUID
    decided_by: str
    decided_at: datetime | None
    link_until: datetime | None
    used_at: datetime | None
    may_decide: bool


class DeskLinkOut(BaseModel):
    """A link that was mailed to the account: to prove that the case is its owner's, or to the copy. used_at: when it was."""

    what: Literal["proof", "copy"]
    by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None


class DeskCorrectionOut(BaseModel):
    """Something that was put right. what: the facts. left: in how many places the old value was when it was last looked; null before
    that, and when it is done."""

    what: list[Literal["name", "company", "phone", "email", "mobile"]]
    began_at: datetime
    done_at: datetime | None
    left: int | None


class DeskLawOut(BaseModel):
    """What the law where the person's number belongs to says. last_day: its own for the answer; ours is never later. is_right: whether
    it makes a right of what is asked for."""

    name: str
    law: str
    last_day: date
    is_right: bool


class DeskReplyOut(BaseModel):
    """A reply of the register that may go out now. text: filled in, with {words} where words of one's own go."""

    key: ReplyKey
    label: str
    text: str
    takes_words: bool


class DeskAnswerOut(BaseModel):
    """Words to begin a closing answer with."""

    key: AnswerKey
    label: str
    outcome: Literal["done", "refused"]
    text: str


class DeskCasePageOut(BaseModel):
    """A case on one page. may: the next steps that its state and the asker's role allow, the likeliest first."""

    case: DeskCaseOut
    person: DeskPersonOut
    law: DeskLawOut
    proved_at: datetime | None
    paused_at: datetime | None
    closed_at: datetime | None
    joined_to: str | None
    joined: list[DeskJoinedOut]
    erasure: DeskErasureOut | None
    prepared: DeskPreparedOut | None
    corrections: list[DeskCorrectionOut]
    grant: DeskGrantOut | None
    links: list[DeskLinkOut]
    entries: list[DeskEntryOut]
    acts: list[DeskActOut]
    replies: list[DeskReplyOut]
    answers: list[DeskAnswerOut]
    may: list[Step]


class ReasonIn(Closed):
    """reason: why, for whoever reads the case later."""

    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE)]


class NoteIn(Closed):
    text: Annotated[str, Field(min_length=1, max_length=4_000)]


class SortIn(Closed):
    kind: Kind


class ProveIn(Closed):
    """whose: the whole e-mail of an account, or a number with its country code, whose data is meant; "" when only the person was
    recognised."""

    whose: Annotated[Pasted, Field(max_length=254)] = ""


class ProofLinkIn(Closed):
    """email: the whole e-mail of the account whose mailbox is asked."""

    email: Annotated[Pasted, Field(min_length=3, max_length=254)]


class ReplyIn(Closed):
    """words: one's own, where the reply takes them."""

    template: ReplyKey
    words: Annotated[str, Field(max_length=4_000)] = ""


class TextLossIn(Closed):
    """number: the one that was proved, where the case does not keep it."""

    number: Annotated[Pasted, Field(max_length=40)] = ""


class TextLossOut(BaseModel):
    """A workspace that is out of reach for somebody without text messages, with what is left of its balance."""

    role: Role
    workspace_name: str
    available_mcredits: int


class CarryOutIn(TextLossIn):
    """confirmed: whoever asked was told what is lost, where something is, and wants it."""

    confirmed: StrictBool = False


class CorrectIn(TextLossIn):
    """What is right; "" leaves what is held. company: of people who were called."""

    first_name: Annotated[str, Field(max_length=80, pattern=ONE_LINE)] = ""
    last_name: Annotated[str, Field(max_length=80, pattern=ONE_LINE)] = ""
    company: Annotated[str, Field(max_length=120, pattern=ONE_LINE)] = ""


class GrantIn(Closed):
    """evidence: what showed that the person died or cannot act; names nobody. access: a copy of the data. erasure: the deletion."""

    evidence: Annotated[str, Field(min_length=3, max_length=4_000)]
    access: StrictBool
    erasure: StrictBool


class ApproveGrantIn(Closed):
    """seen: of what was shown."""

    seen: UUID


class ApproveIn(Closed):
    """seen: of the preview that was shown."""

    seen: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class CloseIn(Closed):
    """answer: mailed to who proved to be the person."""

    outcome: Literal["done", "refused", "taken_back"]
    answer: Annotated[str, Field(min_length=1, max_length=4_000)]


class OpenCaseIn(Closed):
    """What somebody asked of us otherwise, such as by telephone. contact: the e-mail address or number for the answer."""

    kind: Kind
    contact: Annotated[Pasted, Field(min_length=3, max_length=254)]
    words: Annotated[str, Field(min_length=3, max_length=4_000)]
