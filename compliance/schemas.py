"""Shapes of compliance."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from compliance.cases import Kind
from compliance.one_line import ONE_LINE


class DataClassOut(BaseModel):
    key: str
    title: str


class ProcessorOut(BaseModel):
    """receives: from our server; directly: from browsers and telephones themselves. hosts: where our server sends requests to; none when
    it sends nothing there by itself."""

    key: str
    name: str
    purpose: str
    country: str
    clause: str
    privacy_url: str
    receives: list[DataClassOut]
    directly: list[DataClassOut]
    hosts: list[str]


class ProcessorsOut(BaseModel):
    """server_country: where our own server stands, as its operator says; "" on a machine for trying out."""

    server_country: str
    items: list[ProcessorOut]


class ContactOut(BaseModel):
    """Whom people write to. officer: who answers for personal data, as the operator names them; "" on a machine for trying out."""

    support_email: str
    officer: str
    officer_email: str


class DataKindOut(BaseModel):
    """One kind of data that the product keeps of somebody. recipients: names of those who may receive it."""

    element: str
    title: str
    source: str
    purpose: str
    basis: str
    retention: str
    erasure: str
    recipients: list[str]
    stays: str


class CookieOut(BaseModel):
    """One of the cookies that a browser may be asked to keep. audience: who may get it. until: when it ends."""

    name: str
    audience: str
    purpose: str
    until: str


class DataKindsOut(BaseModel):
    """In the order of the inventory that the software is checked against; and all cookies that there are. bytes_gone_after_days: so long
    after the end of a term no byte of what it ended is left in the database's files either.
    """

    bytes_gone_after_days: int
    items: list[DataKindOut]
    cookies: list[CookieOut]


class HeldOut(BaseModel):
    """One kind of data that is held about the person. count: how many things. stays: why some is left after an
    erasure. listed: whether the things can be read a page at a time."""

    element: str
    title: str
    count: int
    source: str
    purpose: str
    basis: str
    retention: str
    erasure: str
    recipients: list[str]
    stays: str
    listed: bool


class HeldListOut(BaseModel):
    items: list[HeldOut]


class HeldPage(BaseModel):
    """Things of one kind, each as the copy of everything has it."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class DisclosureOut(BaseModel):
    """count: how often on that day."""

    day: date
    processor: str
    processor_name: str
    endpoint: str
    data_classes: list[DataClassOut]
    count: int


class DisclosuresOut(BaseModel):
    """The newest first, at most 500."""

    items: list[DisclosureOut]


class ExpiringOut(BaseModel):
    """How many things of one kind are removed on a day (UTC), because their term is over."""

    on: date
    element: str
    title: str
    count: int


class ExpiringListOut(BaseModel):
    """The next first. days: how many days after today are looked at."""

    days: int
    items: list[ExpiringOut]


class ConsentOut(BaseModel):
    """given: false for a withdrawal. text: what was shown, as far as it is still the present text."""

    purpose: str
    given: bool
    policy_version: str
    at: datetime
    text: str | None


class ConsentsOut(BaseModel):
    items: list[ConsentOut]


class ErasureIn(BaseModel):
    """confirm: the account's e-mail address, typed. when: after 3 days in which it can be cancelled, or now."""

    model_config = ConfigDict(extra="forbid")

    confirm: Annotated[str, Field(max_length=254)]
    when: Literal["after_grace", "now"]


class GoesOut(BaseModel):
    element: str
    title: str
    count: int


class KeptOut(BaseModel):
    what: str
    why: str


class ErasurePreviewOut(BaseModel):
    """goes: what will be removed, by kind. stays: what is left of it, and why."""

    goes: list[GoesOut]
    stays: list[KeptOut]
    grace_days: int


class ReceiptShownIn(BaseModel):
    """A signed receipt as somebody shows it: the text, and the signature in base64."""

    text: str = Field(min_length=1, max_length=8_000)
    signature: str = Field(max_length=200)


class ReceiptCheckedOut(BaseModel):
    """genuine: whether we have signed exactly that."""

    genuine: bool


class SignedReceiptOut(BaseModel):
    """The receipt to keep. text: what was signed, as JSON. signature: Ed25519, in base64, as the public key is. genuine: whether what
    we hold now is what was signed then."""

    text: str
    signature: str
    public_key: str
    genuine: bool


class ErasureReceiptOut(BaseModel):
    """Proof of an erasure: counts and times, nothing about the person. left: what a last look in every store found. signed: null before
    it is done, and of those that were done before receipts were signed."""

    state: Literal["requested", "approved", "running", "verifying", "rewriting", "done", "cancelled"]
    requested_at: datetime
    finished_at: datetime | None
    erased: list[GoesOut]
    left: int | None
    kept: list[KeptOut]
    signed: SignedReceiptOut | None


class RequestOut(BaseModel):
    """due_on: the last day for it to be done. receipt_path: a page that can be opened without an account."""

    id: UUID
    state: Literal["requested", "approved", "running", "verifying", "rewriting", "done", "cancelled"]
    opened_at: datetime
    due_on: date
    runs_at: datetime
    cancellable: bool
    receipt_path: str
    receipt: ErasureReceiptOut | None
    kept: list[KeptOut]


class OwnCaseOut(BaseModel):
    """A wish of the person, with the last day for its answer."""

    reference: str
    kind: str
    state: Literal["received", "verified", "working", "closed"]
    outcome: Literal["", "done", "refused", "taken_back", "erased"]
    opened_at: datetime
    due_on: date


class OwnCasesOut(BaseModel):
    """The newest first, at most 50."""

    items: list[OwnCaseOut]


class WishIn(BaseModel):
    """words: what is wrong and what is right, in the person's own."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    words: Annotated[str, Field(min_length=3, max_length=4_000)]


class LawOut(BaseModel):
    """What the law gives where the person's number belongs to. gives: the wishes that it makes a right. complaint: where else
    somebody may turn."""

    name: str
    law: str
    gives: list[Kind]
    complaint: str


_Address = Annotated[str, Field(max_length=254, pattern=ONE_LINE)]


class NomineeOut(BaseModel):
    """Whom the person named. told_at: when our mail left. declined_at: the nominee does not want to; name and e-mail are "" then."""

    name: str
    email: str
    named_at: datetime
    told_at: datetime | None
    declined_at: datetime | None


class NomineeStateOut(BaseModel):
    """nominee: null while nobody is named. words: what is agreed to by naming somebody; policy_version: of which version."""

    nominee: NomineeOut | None
    words: str
    policy_version: str


class NomineeIn(BaseModel):
    """agreed: true, from a box that the person ticked; policy_version: that of the wording beside it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(min_length=2, max_length=160, pattern=ONE_LINE)]
    email: _Address
    agreed: Literal[True]
    policy_version: Annotated[str, Field(max_length=40)]


class NomineeAskIn(WishIn):
    """email: the nominee's. account_email: of who named the nominee. words: what happened, and what is asked for."""

    email: _Address
    account_email: _Address


class LinkIn(BaseModel):
    """token: what stands in the mailed link after the #."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(min_length=1, max_length=200)]


class NomineeLinkOut(BaseModel):
    """step: to decline, to confirm what was asked for, or to get the copy that was granted."""

    step: Literal["decline", "confirm", "copy"]


class CaseLinkOut(BaseModel):
    """step: to confirm that a case is one's own, or to get the copy. kind: what the case asks for."""

    step: Literal["confirm", "copy"]
    reference: str
    kind: Kind


class AskIn(WishIn):
    """What somebody with an account asks for; a copy, the deletion and naming a nominee have ways of their own."""

    kind: Literal["correction", "restriction", "objection", "grievance"]


class ErasureStateOut(BaseModel):
    """request: null when erasure was never asked for."""

    request: RequestOut | None
