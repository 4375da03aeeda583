"""The entrance of our own people, and who they are."""

from typing import Annotated, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token, rotate_token
from django.utils import timezone
from ninja import Query, Router, Status

from api.auth import StaffMayAuth, anyone_auth, staff_auth, staff_of
from api.client import client_of, remember_browser
from api.look_gate import forget_look
from identity.staff import blocking, entrance, people, permissions, queries, vault
from identity.staff.actor import SIGNED_IN_FOR, actor_of_key
from identity.staff.schemas import (
    BlockIn,
    EnrolIn,
    EnrolmentSeenOut,
    EnrolmentTokenIn,
    RecoveryCodesOut,
    StaffEventPage,
    StaffMembersOut,
    StaffSessionOut,
    StaffSignInIn,
    UnblockIn,
)
from processors.errors import DomainError

decides = StaffMayAuth("decide")
router = Router(tags=["staff"])
PROBLEMS: Final[dict[type[DomainError], int]] = {
    blocking.AccountNotActive: 409,
    blocking.AccountNotBlocked: 409,
    entrance.StaffSignInFailed: 401,
    people.EnrolmentCodeWrong: 422,
    people.EnrolmentInvalid: 410,
    people.StaffNotFound: 404,
    people.StaffSelf: 409,
    permissions.StaffNotPermitted: 403,
    vault.SecretUnreadable: 503,
}


@router.get("/staff/session", response=StaffSessionOut, auth=None, operation_id="get_staff_session")
def read_staff_session(request: HttpRequest) -> StaffSessionOut:
    """Which of us this browser belongs to. Sets the CSRF cookie that every changing request must repeat as a header."""
    get_token(request)
    now = timezone.now()
    return queries.describe(actor=actor_of_key(request.COOKIES.get(settings.STAFF_COOKIE_NAME), now=now), now=now)


@router.post("/staff/signin", response=StaffSessionOut, auth=anyone_auth, operation_id="staff_sign_in")
def staff_sign_in(request: HttpRequest, form: StaffSignInIn, answer: HttpResponse) -> StaffSessionOut:
    now = timezone.now()
    key = entrance.sign_in(
        email=form.email,
        password=form.password.get_secret_value(),
        code=form.code,
        client=client_of(request),
        now=now,
        present_key=request.COOKIES.get(settings.STAFF_COOKIE_NAME),
    )
    _keep(answer, key, int(SIGNED_IN_FOR.total_seconds()))
    remember_browser(request, answer, email=entrance.browsers_name(form.email.strip().lower()))
    forget_look(answer)
    rotate_token(request)
    return queries.describe(actor=actor_of_key(key, now=now), now=now)


@router.post("/staff/signout", response={204: None}, auth=staff_auth, operation_id="staff_sign_out")
def staff_sign_out(request: HttpRequest, answer: HttpResponse) -> Status[None]:
    entrance.sign_out(actor=staff_of(request), client=client_of(request), now=timezone.now())
    _keep(answer, "", 0)
    forget_look(answer)
    rotate_token(request)
    return Status(204, None)


@router.post("/staff/enrolment/seen", response=EnrolmentSeenOut, auth=anyone_auth, operation_id="see_enrolment")
def see_enrolment(request: HttpRequest, form: EnrolmentTokenIn) -> EnrolmentSeenOut:
    """What whoever holds a one-time link needs for the authenticator app."""
    return queries.enrolment(token=form.token, now=timezone.now())


@router.post("/staff/enrolment", response=RecoveryCodesOut, auth=anyone_auth, operation_id="enrol")
def enrol(request: HttpRequest, form: EnrolIn, answer: HttpResponse) -> RecoveryCodesOut:
    """Sets password and second factor, and uses the link up. The browser is known from then on, so that a link lets in whom the wrong
    passwords of others keep out."""
    now = timezone.now()
    email = people.of_link(form.token, now=now).email
    codes = people.enrol(
        token=form.token,
        password=form.password.get_secret_value(),
        code=form.code,
        client=client_of(request),
        now=now,
    )
    remember_browser(request, answer, email=entrance.browsers_name(email))
    return RecoveryCodesOut(codes=codes)


@router.get("/staff/people", response=StaffMembersOut, auth=staff_auth, operation_id="list_staff")
def list_staff(request: HttpRequest) -> StaffMembersOut:
    return queries.members(actor=staff_of(request))


@router.post("/staff/people/{member_id}/disable", response={204: None}, auth=staff_auth, operation_id="disable_staff")
def disable_staff(request: HttpRequest, member_id: UUID) -> Status[None]:
    """Ends every session and look of one of us, who does not come in again until reset."""
    people.disable(member_id=member_id, by=staff_of(request), now=timezone.now())
    return Status(204, None)


@router.post("/staff/accounts/block", response={204: None}, auth=decides, operation_id="block_account")
def block_account(request: HttpRequest, form: BlockIn) -> Status[None]:
    """Signs a customer out everywhere, ends the API keys and lets nobody in until it is taken back."""
    blocking.block(email=form.email, reason=form.reason, by=staff_of(request).ref, now=timezone.now())
    return Status(204, None)


@router.post("/staff/accounts/unblock", response={204: None}, auth=decides, operation_id="unblock_account")
def unblock_account(request: HttpRequest, form: UnblockIn) -> Status[None]:
    """Lets the person sign in again; keys have to be made anew."""
    blocking.unblock(email=form.email, by=staff_of(request).ref, now=timezone.now())
    return Status(204, None)


@router.get("/staff/events", response=StaffEventPage, auth=staff_auth, operation_id="list_staff_events")
def list_staff_events(
    request: HttpRequest, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> StaffEventPage:
    """Sign-ins, searches and what was done with accounts, newest first."""
    return queries.events(actor=staff_of(request), cursor=cursor)


def _keep(answer: HttpResponse, key: str, max_age_s: int) -> None:
    answer.set_cookie(
        settings.STAFF_COOKIE_NAME, key, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="Strict"
    )
