"""The person's e-mail address: proved by a mailed link, and changed."""

from typing import Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from api.auth import actor_of, anyone_auth, renew_session, session_of
from api.client import client_of
from identity import email_change, email_proof
from identity.email_schemas import EmailChangeIn, EmailDoneOut, EmailLinkSeenOut, EmailTokenIn
from identity.schemas import EmailCodeIn, OtpSentOut
from processors.errors import DomainError

router = Router(tags=["identity"])

PROBLEMS: Final[dict[type[DomainError], int]] = {
    email_change.EmailSame: 422,
    email_proof.EmailLinkInvalid: 410,
    email_proof.EmailLinksTooMany: 429,
    email_proof.EmailUnverified: 409,
}


@router.post("/email/send", response={204: None}, operation_id="send_email_link")
def send_email_link(request: HttpRequest) -> Status[None]:
    """Mails another link by which the address is confirmed; nothing if it is."""
    email_proof.send_again(actor=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.post("/email/code", response=OtpSentOut, operation_id="send_email_code")
def send_email_code(request: HttpRequest, form: EmailCodeIn) -> OtpSentOut:
    """Texts the passcode that a change of the address wants, to who knows the password."""
    return email_change.send_code(
        actor=actor_of(request),
        present=form.present.get_secret_value() if form.present else None,
        client=client_of(request),
        now=timezone.now(),
    )


@router.post("/email/change", response={204: None}, operation_id="begin_email_change")
def begin_email_change(request: HttpRequest, form: EmailChangeIn) -> Status[None]:
    """Mails a link to the new address, which counts once the button behind it is pressed. The answer is the same for an address
    that has an account."""
    email_change.begin(
        actor=actor_of(request),
        session=session_of(request),
        form=form,
        client=client_of(request),
        now=timezone.now(),
    )
    renew_session(request)
    return Status(204, None)


@router.post("/email/link", response=EmailLinkSeenOut, auth=anyone_auth, operation_id="see_email_link")
def see_email_link(request: HttpRequest, form: EmailTokenIn) -> EmailLinkSeenOut:
    """What a mailed link is for; nothing is changed by it."""
    return email_change.seen(token=form.token, now=timezone.now())


@router.post("/email/confirm", response=EmailDoneOut, auth=anyone_auth, operation_id="follow_email_link")
def follow_email_link(request: HttpRequest, form: EmailTokenIn) -> EmailDoneOut:
    """Confirms the address, changes it or takes it back: whatever the link is for, once."""
    return EmailDoneOut(step=email_change.follow(token=form.token, client=client_of(request), now=timezone.now()))
