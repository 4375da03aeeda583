"""Shapes of an account's e-mail address."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from identity.schemas import Closed, EmailTyped, Passcode, Secret

EmailStep = Literal["verify", "change", "take_back", "take_back_blocked"]


class EmailChangeIn(Closed):
    """present: the password, of who has one. code: the passcode from the phone."""

    email: EmailTyped
    present: Secret | None = None
    code: Passcode


class EmailTokenIn(Closed):
    """token: what stands in the mailed link after the #."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class EmailLinkSeenOut(BaseModel):
    """What whoever holds the link may know: enough to recognise one's own, too little to learn another's.

    step: what its button does: confirm the account's address, make this the account's address, make it so again;
    the last also of an account that we keep everybody out of, which stays so.
    """

    step: EmailStep
    email_hint: str
    mobile_hint: str


class EmailDoneOut(BaseModel):
    step: EmailStep
