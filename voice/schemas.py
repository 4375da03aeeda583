"""The wire shapes of leads, calls and transcripts; REST and socket share them."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from compliance.one_line import ONE_LINE
from compliance.redaction import card_free

CallStatus = Literal[
    "intended",
    "dialling",
    "rep_ringing",
    "rep_answered",
    "callee_ringing",
    "in_progress",
    "completed",
    "busy",
    "no_answer",
    "failed",
    "cancelled",
]
Way = Literal["phone", "browser"]
TranscriptState = Literal["waiting_for_notice", "on", "refused", "off", "expired"]
Speaker = Literal["agent", "callee"]
Refused = Literal["said", "dismissed"]
Disposition = Literal[
    "interested",
    "not_interested",
    "call_back",
    "meeting_booked",
    "left_voicemail",
    "wrong_number",
    "do_not_call",
]
# What came of a call by the carrier's word.
Outcome = Literal["connected", "voicemail", "busy", "no_answer", "failed"]
Result = Literal[Disposition, Outcome]
ResultFilter = Literal["never_called", Result]
TAG_LENGTH_MAX = 30
TAGS_PER_LEAD_MAX = 10
ShortText = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=120, pattern=ONE_LINE), card_free(length_max=120)
]
LongText = Annotated[str, StringConstraints(max_length=10_000), card_free(length_max=10_000)]
FirstName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=ONE_LINE),
    card_free(length_max=120),
]
PhoneText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40)]


TagName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TAG_LENGTH_MAX, pattern=ONE_LINE)
]
Tags = Annotated[list[TagName], Field(max_length=TAGS_PER_LEAD_MAX)]
# Those that are there may be older than what is asked of new ones.
KnownTags = Annotated[
    list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TAG_LENGTH_MAX)]],
    Field(max_length=TAGS_PER_LEAD_MAX),
]


class Strict(BaseModel):
    """Unknown fields are refused, so that nothing undeclared is ever stored."""

    model_config = ConfigDict(extra="forbid")


class LeadIn(Strict):
    """A lead as typed. phone: international (+...) or national of the workspace's default region."""

    first_name: FirstName
    last_name: ShortText = ""
    company: ShortText = ""
    phone: PhoneText
    notes: LongText = ""
    tags: Tags = Field(default_factory=list)


class LeadChange(Strict):
    first_name: FirstName | None = None
    last_name: ShortText | None = None
    company: ShortText | None = None
    phone: PhoneText | None = None
    notes: LongText | None = None


class LeadOut(BaseModel):
    """phone_e164 is null and erased_at set once the person had it removed. suppressed: must not be called. disposition: what came
    of the last call that rang them. retry_at: when a busy or unanswered call is to be tried again."""

    id: UUID
    first_name: str
    last_name: str
    company: str
    phone_e164: str | None
    notes: str
    country: str
    time_zone: str
    suppressed: bool
    erased_at: datetime | None
    created_at: datetime
    last_call_at: datetime | None
    tags: list[str]
    disposition: Result | None
    retry_at: datetime | None


class LeadPage(BaseModel):
    items: list[LeadOut]
    next_cursor: str | None


class TagsChange(Strict):
    """Both at once; a tag that is there already, or not there, stays so."""

    add: Tags = Field(default_factory=list)
    remove: KnownTags = Field(default_factory=list)


class TagsOut(BaseModel):
    """Every tag of the workspace's leads, by name."""

    items: list[str]


class SuppressionIn(Strict):
    reason: ShortText = "asked_not_to_be_called"


class Refusal(BaseModel):
    """Why a call may not be made now; message says what to do."""

    code: str
    message: str


class DialCheckOut(BaseModel):
    """What a rep should know before dialling. longest_call_s: with the credits available now. cap_left_mcredits: what the rep
    may still spend this month, workspace_left_mcredits: what all of the team may; null without a cap. announcement: the words that the lead hears
    first. ways: in which this server can call; way: in which the rep called last, or the only one. public_holiday: what is kept today where
    they are or may be, if people must not be called for it; then it is within no calling hour. text_refused: they wanted no text of an
    earlier call, so nothing of this one is written down either."""

    may_call: bool
    refusals: list[Refusal]
    price_mcredits_per_minute: int
    longest_call_s: int
    available_mcredits: int
    cap_left_mcredits: int | None
    workspace_left_mcredits: int | None
    callee_local_time: str
    callee_time_zone: str
    within_calling_hours: bool
    public_holiday: str | None
    suppressed: bool
    announcement: str
    text_refused: bool
    ways: list[Way]
    way: Way


class CallIn(Strict):
    """way: whether the rep speaks on their own phone, which is rung first, or in the browser, which then connects by itself."""

    lead_id: UUID
    way: Way = "phone"


class CallChange(Strict):
    """What is left out stays. disposition: null takes back what a person said of the call."""

    notes: LongText | None = None
    disposition: Disposition | None = None


class CallLead(BaseModel):
    id: UUID
    name: str
    phone_e164: str | None


class CallUser(BaseModel):
    id: UUID
    name: str


class CallOut(BaseModel):
    """A call as of `as_of`. sequence: the call's newest event number. duration_s: seconds since the callee answered.
    seconds_left: at the price of the call with all credits available; null unless in progress. limit_s: how long the rep's own
    monthly limit lets it last; null without one. voicemail: a machine took the
    phone, as far as the carrier can tell. outcome: what came of it by the carrier's word; disposition: by the rep's,
    which counts where there is one. ended_by: the colleague who ended it, from the moment that they asked for it; null otherwise."""

    id: UUID
    lead: CallLead
    user: CallUser
    way: Way
    status: CallStatus
    transcript_state: TranscriptState
    created_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: int
    charged_mcredits: int
    seconds_left: int | None
    limit_s: int | None
    sequence: int
    end_reason: str | None
    ended_by: CallUser | None
    voicemail: bool
    outcome: Outcome | None
    disposition: Disposition | None
    notes: str
    as_of: datetime


class CallStartedOut(CallOut):
    """dial_token: what the browser hands to the carrier as the parameter `token` to begin the call, once, within 30 s; null for a
    call by phone, and once it has begun."""

    dial_token: str | None


class VoiceTokenOut(BaseModel):
    """What lets this person's browser connect to the carrier until it expires."""

    token: str
    expires_at: datetime


class CallLeadName(BaseModel):
    id: UUID
    name: str


LINE_CHARACTERS_MAX: Final = 240


class WallLine(BaseModel):
    """The newest settled text of one side, cut to 240 characters. end_ms: since the call's media began."""

    segment_id: UUID
    sequence: int
    end_ms: int
    text: str


class WallCall(BaseModel):
    """A live call as its team's leaders see it; the fields that it shares with a call mean the same."""

    id: UUID
    lead: CallLeadName
    user: CallUser
    status: CallStatus
    transcript_state: TranscriptState
    created_at: datetime
    answered_at: datetime | None
    duration_s: int
    charged_mcredits: int
    seconds_left: int | None
    ended_by: CallUser | None
    sequence: int
    agent_line: WallLine | None
    callee_line: WallLine | None
    watchers: list[CallUser]
    as_of: datetime


class WallOut(BaseModel):
    """total: live calls of the team, of which the first 200 are shown."""

    items: list[WallCall]
    total: int
    as_of: datetime


class WatchersOut(BaseModel):
    items: list[CallUser]


class SpeechSpan(BaseModel):
    speaker: Speaker
    start_ms: int
    end_ms: int


class CallListItem(CallOut):
    """speech: the talk strip, drawn from the final segments."""

    speech: list[SpeechSpan]


class CallPage(BaseModel):
    items: list[CallListItem]
    next_cursor: str | None


class WordOut(BaseModel):
    """One word as it was recognised. Times in ms since the call's media began. confidence: [0, 1]."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class CorrectionOut(BaseModel):
    """Who put a segment's text right, and what had been recognised. by: null once that person is gone."""

    by: str | None
    at: datetime
    original_text: str


class SegmentOut(BaseModel):
    """A stretch of speech on one track, or a gap in the audio. Times in ms since the call's media began.

    confidence: [0, 1], null for gaps. words: of the text, in order; empty where their times are not known.
    replaces: earlier segments whose place this one takes, because their turn was heard again as a whole; they are gone.
    sequence: of its newest change, so it moves with a correction. refusal: said, where the lead seems to ask for no more calls;
    dismissed, where a person found that it is not meant so.
    """

    id: UUID
    call_id: UUID
    sequence: int
    speaker: Speaker | None
    kind: Literal["speech", "gap"]
    start_ms: int
    end_ms: int
    text: str
    confidence: float | None
    words: list[WordOut]
    replaces: list[UUID]
    correction: CorrectionOut | None
    refusal: Refused | None


class RefusalChange(Strict):
    """dismissed: whether the line, against what it sounds like, does not ask for no more calls."""

    dismissed: bool


class SegmentChange(Strict):
    """text: as it was said; null puts back what was recognised. sequence: the segment's, as the person saw it."""

    sequence: int = Field(ge=1, le=2_000_000_000)
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)] | None


class SegmentPage(BaseModel):
    items: list[SegmentOut]
    latest_sequence: int


class ReceiptRow(BaseModel):
    """entry_id: of the ledger entry that the row stands for, which can be explained."""

    at: datetime
    label: str
    detail: str
    amount_mcredits: int | None = None
    entry_id: UUID | None = None


class ReceiptRate(BaseModel):
    version: int
    mcredits_per_minute: int
    increment_s: int
    minimum_s: int


class ReceiptOut(BaseModel):
    """From ringing to the ledger entries; arithmetic spells out how the total came about."""

    call_id: UUID
    rows: list[ReceiptRow]
    rate: ReceiptRate
    billable_s: int
    total_mcredits: int
    settled: bool
    arithmetic: str


class CallQuery(Strict):
    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)
    lead_id: UUID | None = None
    status: CallStatus | None = None
