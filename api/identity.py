"""Sign-up, sign-in, passcodes and sessions."""

from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token, rotate_token
from django.utils import timezone
from ninja import Router, Status

from api.auth import (
    CsrfFailed,
    actor_of,
    anyone_auth,
    awaiting_otp_auth,
    look_of,
    person_auth,
    renew_session,
    session_of,
)
from api.client import client_of, remember_browser
from identity import (
    access,
    account_name,
    contact,
    operations,
    opt_out,
    otp,
    passwords,
    permissions,
    queries,
    step_up,
    verify,
)
from identity.schemas import (
    ChangePasswordIn,
    ForgotPasswordIn,
    NameIn,
    NewPasswordIn,
    OtpCheckIn,
    OtpSentOut,
    ProofIn,
    ResetTokenIn,
    SessionOut,
    SignedInDevicesOut,
    SignInIn,
    SignUpIn,
    TextConsentIn,
)
from identity.staff.queries import describe_look
from processors.errors import DomainError

router = Router(tags=["identity"])

PROBLEMS: Final[dict[type[DomainError], int]] = {
    CsrfFailed: 403,
    access.ResetThrottled: 429,
    access.SignInThrottled: 429,
    access.SignUpThrottled: 429,
    contact.EmailInvalid: 422,
    contact.MobileInvalid: 422,
    operations.AccountBlocked: 403,
    operations.AlreadySignedIn: 409,
    operations.EmailTaken: 409,
    operations.PolicyNotAccepted: 422,
    operations.TransferNotAgreed: 422,
    operations.SessionEnded: 401,
    operations.SessionNotFound: 404,
    operations.SignInFailed: 401,
    opt_out.PolicyOutdated: 409,
    opt_out.NumberStopped: 409,
    otp.SmsConsentMissing: 422,
    otp.SmsConsentOfNewNumber: 422,
    passwords.PasswordWrong: 422,
    passwords.ResetLinkInvalid: 410,
    passwords.WeakPassword: 422,
    permissions.NotPermitted: 403,
    step_up.ProofNotRecent: 403,
    verify.OtpExpired: 410,
    verify.OtpNumberRefused: 422,
    verify.OtpSendLimit: 429,
    verify.OtpTooMany: 429,
    verify.OtpUnavailable: 503,
    verify.OtpWrong: 422,
}


@router.get("/session", response=SessionOut, auth=None, operation_id="get_session")
def read_session(request: HttpRequest) -> SessionOut:
    """Whom this browser's session belongs to.

    Sets the CSRF cookie that every changing request must repeat as a header.
    """
    get_token(request)
    look = look_of(request)
    return queries.describe_session(session_of(request)) if look is None else describe_look(look)


@router.post("/signup", response=SessionOut, auth=anyone_auth, operation_id="sign_up")
def sign_up(request: HttpRequest, form: SignUpIn) -> SessionOut:
    session = session_of(request)
    operations.sign_up(session=session, form=form, client=client_of(request), now=timezone.now())
    rotate_token(request)
    return queries.describe_session(session)


@router.post("/signin", response=SessionOut, auth=anyone_auth, operation_id="sign_in")
def sign_in(request: HttpRequest, form: SignInIn) -> SessionOut:
    session = session_of(request)
    operations.sign_in(
        session=session,
        email=form.email,
        password=form.password.get_secret_value(),
        client=client_of(request),
        now=timezone.now(),
    )
    rotate_token(request)
    return queries.describe_session(session)


@router.post("/password/forgot", response={204: None}, auth=anyone_auth, operation_id="forgot_password")
def forgot_password(request: HttpRequest, form: ForgotPasswordIn) -> Status[None]:
    """Mails a link to a new password, if the e-mail has an account; the answer is the same if it has none."""
    passwords.ask_for_link(email=form.email, client=client_of(request), now=timezone.now())
    return Status(204, None)


@router.post("/password/link", response={204: None}, auth=anyone_auth, operation_id="see_reset_link")
def see_reset_link(request: HttpRequest, form: ResetTokenIn) -> Status[None]:
    """Whether the mailed link is still good; looking at it does nothing."""
    passwords.demand_good(token=form.token, now=timezone.now())
    return Status(204, None)


@router.post("/password/reset", response={204: None}, auth=anyone_auth, operation_id="reset_password")
def reset_password(request: HttpRequest, form: NewPasswordIn, response: HttpResponse) -> Status[None]:
    """Sets a new password by the mailed link and signs out everywhere. The browser is known from now on, so that whoever was shut out
    by the wrong passwords of others comes in."""
    email = passwords.reset(
        token=form.token, password=form.password.get_secret_value(), client=client_of(request), now=timezone.now()
    )
    remember_browser(request, response, email=email)
    return Status(204, None)


@router.post("/password", response={204: None}, operation_id="change_password")
def change_password(request: HttpRequest, form: ChangePasswordIn) -> Status[None]:
    """Sets a new password and signs out everywhere else."""
    passwords.change(
        actor=actor_of(request),
        present=form.present.get_secret_value(),
        password=form.password.get_secret_value(),
        client=client_of(request),
        now=timezone.now(),
    )
    renew_session(request)
    return Status(204, None)


@router.patch("/account/name", response=SessionOut, auth=person_auth, operation_id="change_name")
def change_name(request: HttpRequest, form: NameIn) -> SessionOut:
    """Puts the person's own name right, in every workspace."""
    session = session_of(request)
    account_name.change(
        user_id=actor_of(request).user_id,
        first_name=form.first_name,
        last_name=form.last_name,
        now=timezone.now(),
    )
    session.load()
    return queries.describe_session(session)


@router.post("/otp/send", response=OtpSentOut, auth=awaiting_otp_auth, operation_id="send_otp")
def send_otp(request: HttpRequest) -> OtpSentOut:
    return operations.send_otp(session=session_of(request), client=client_of(request), now=timezone.now())


@router.post("/otp/consent", response={204: None}, auth=awaiting_otp_auth, operation_id="allow_texts")
def allow_texts(request: HttpRequest, form: TextConsentIn) -> Status[None]:
    """Agrees to text messages again, before a passcode is asked for."""
    row = session_of(request).row
    if row is None or row.user_id is None:
        raise operations.SessionEnded("This session was signed out. Sign in again.")
    opt_out.allow(
        user_id=row.user_id, policy_version=form.policy_version, client=client_of(request), now=timezone.now()
    )
    return Status(204, None)


@router.delete("/privacy/consents/sms", auth=person_auth, response={204: None}, operation_id="stop_texts")
def stop_texts(request: HttpRequest) -> Status[None]:
    """Takes the consent to text messages back, and signs out everywhere."""
    opt_out.stop(user_id=actor_of(request).user_id, way="page", client=client_of(request), now=timezone.now())
    session_of(request).flush()
    rotate_token(request)
    return Status(204, None)


@router.post("/otp/check", response=SessionOut, auth=awaiting_otp_auth, operation_id="check_otp")
def check_otp(request: HttpRequest, form: OtpCheckIn, response: HttpResponse) -> SessionOut:
    session = session_of(request)
    email = operations.verify_phone(session=session, code=form.code, client=client_of(request), now=timezone.now())
    rotate_token(request)
    if email is not None:
        remember_browser(request, response, email=email)
    return queries.describe_session(session)


@router.post("/signout", response={204: None}, auth=awaiting_otp_auth, operation_id="sign_out")
def sign_out(request: HttpRequest) -> Status[None]:
    operations.sign_out(session=session_of(request), client=client_of(request), now=timezone.now())
    rotate_token(request)
    return Status(204, None)


@router.post("/session/proof", response={204: None}, auth=person_auth, operation_id="prove_again")
def prove_again(request: HttpRequest, form: ProofIn) -> Status[None]:
    """Proves once more who sits there, which counts for a quarter of an hour, as a sign-in does."""
    step_up.prove(
        actor=actor_of(request),
        present=form.present.get_secret_value() if form.present else None,
        code=form.code,
        client=client_of(request),
        now=timezone.now(),
    )
    renew_session(request)
    return Status(204, None)


@router.get("/sessions", response=SignedInDevicesOut, operation_id="list_sessions")
def list_sessions(request: HttpRequest) -> SignedInDevicesOut:
    return queries.devices(actor=actor_of(request), now=timezone.now())


@router.delete("/sessions", response={204: None}, operation_id="revoke_sessions")
def revoke_sessions(request: HttpRequest, this_too: bool = False) -> Status[None]:
    """Signs out in every other browser, and in this one too if wished. API keys go on."""
    operations.revoke_sessions(
        actor=actor_of(request), this_too=this_too, client=client_of(request), now=timezone.now()
    )
    if this_too:
        session_of(request).flush()
        rotate_token(request)
    return Status(204, None)


@router.delete("/sessions/{session_id}", response={204: None}, operation_id="revoke_session")
def revoke_session(request: HttpRequest, session_id: UUID) -> Status[None]:
    operations.revoke_session(
        actor=actor_of(request), session_id=session_id, client=client_of(request), now=timezone.now()
    )
    return Status(204, None)
