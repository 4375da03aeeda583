"""The page for people who were called: no account, only a number that was proved a short while ago."""

from functools import partial
from typing import Annotated, Any, Final, cast

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from api.auth import CookieAuth, anyone_auth, refuse_key
from api.client import client_of
from api.privacy import Element
from api.streaming import A_COPY, downloaded, name_of_copy
from compliance import cases, listing, requests, turns
from compliance.schemas import HeldPage, WishIn
from identity import contact, number_access, opt_out, verify
from processors.errors import DomainError
from voice import callee
from voice.callee_schemas import (
    CallsWishIn,
    CodeSentOut,
    DataLinkOut,
    MyDataOut,
    NumberCodeIn,
    NumberErasureIn,
    NumberIn,
    UseWishIn,
)

router = Router(tags=["my data"])

PROBLEMS: dict[type[DomainError], int] = {
    number_access.DataLinkUnknown: 404,
    number_access.NumberCodeWrong: 422,
    number_access.NumberNotProved: 401,
    number_access.TooManyLinks: 429,
    callee.HoldsNothing: 404,
    cases.TooManyWishes: 429,
    listing.KindNotListed: 404,
    turns.TooManyTurns: 429,
    contact.MobileInvalid: 422,
    opt_out.PolicyOutdated: 409,
    requests.ConfirmationMismatch: 422,
    requests.NotCancellable: 409,
    requests.RequestAlreadyOpen: 409,
    verify.OtpNumberRefused: 422,
    verify.OtpSendLimit: 429,
    verify.OtpTooMany: 429,
    verify.OtpUnavailable: 503,
}
COOKIE: Final = "__Host-my-data"


class NumberAuth(CookieAuth):
    """A person without an account who has proved a number in this browser: `request.auth` is that number (E.164)."""

    def __call__(self, request: HttpRequest) -> Any:
        """Raises CsrfFailed, KeyNotAccepted, NumberNotProved."""
        refuse_key(request)
        return super().__call__(request)

    def authenticate(self, request: HttpRequest, key: str | None) -> str:
        number = number_access.number_of(request.COOKIES.get(COOKIE, ""), now=timezone.now())
        if number is None:
            raise number_access.NumberNotProved
        return number


number_auth = NumberAuth()


@router.post("/my-data/code", response=CodeSentOut, auth=anyone_auth, operation_id="send_number_code")
def send_code(request: HttpRequest, form: NumberIn) -> CodeSentOut:
    """Texts a passcode to the number. The answer is the same whether or not anything is known about it."""
    good_for = number_access.ask_for_code(
        typed=form.number, policy_version=form.policy_version, client=client_of(request), now=timezone.now()
    )
    return CodeSentOut(valid_minutes=int(good_for.total_seconds()) // 60)


@router.post("/my-data/session", response=MyDataOut, auth=anyone_auth, operation_id="prove_number")
def prove(request: HttpRequest, response: HttpResponse, form: NumberCodeIn) -> MyDataOut:
    """Opens what is held about the number, for half an hour and for this browser."""
    now = timezone.now()
    key, number = number_access.prove(typed=form.number, code=form.code, client=client_of(request), now=now)
    response.set_cookie(
        COOKIE, key, max_age=number_access.OPEN_FOR, path="/", secure=True, httponly=True, samesite="Strict"
    )
    return callee.my_data(phone_e164=number, now=now)


@router.delete("/my-data/session", response={204: None}, auth=number_auth, operation_id="leave_number")
def leave(request: HttpRequest, response: HttpResponse) -> Status[None]:
    number_access.leave(key=request.COOKIES.get(COOKIE, ""))
    response.delete_cookie(COOKIE, path="/", samesite="Strict")
    return Status(204, None)


@router.get("/my-data", response=MyDataOut, auth=number_auth, operation_id="get_my_data")
def my_data(request: HttpRequest) -> MyDataOut:
    return callee.my_data(phone_e164=_number(request), now=timezone.now())


@router.get("/my-data/held", response=HeldPage, auth=number_auth, operation_id="list_my_held_things")
def held_things(
    request: HttpRequest, element: Element, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> HeldPage:
    """What is held of one kind about the number, the newest first. element: as in the list of what is held."""
    subject = callee.subject_of_number(_number(request))
    return listing.page(subject=subject, element=element, cursor=cursor, now=timezone.now())


@router.post("/my-data/calls", response=MyDataOut, auth=number_auth, operation_id="wish_about_calls")
def wish_about_calls(request: HttpRequest, form: CallsWishIn) -> MyDataOut:
    """Stops calls to the number at once, of one customer or of all, or allows them again."""
    number, now = _number(request), timezone.now()
    callee.wish_about_calls(phone_e164=number, workspace=form.workspace, allowed=form.allowed, now=now)
    return callee.my_data(phone_e164=number, now=now)


@router.post("/my-data/correction", response={201: MyDataOut}, auth=number_auth, operation_id="ask_correction")
def ask_correction(request: HttpRequest, form: WishIn) -> Any:
    number, now = _number(request), timezone.now()
    callee.ask_correction(phone_e164=number, words=form.words, now=now)
    return Status(201, callee.my_data(phone_e164=number, now=now))


@router.post("/my-data/restriction", response=MyDataOut, auth=number_auth, operation_id="wish_about_use")
def wish_about_use(request: HttpRequest, form: UseWishIn) -> MyDataOut:
    """Has everything about the number kept and used for nothing, at once, or takes that back."""
    number, now = _number(request), timezone.now()
    callee.wish_about_use(phone_e164=number, restricted=form.restricted, now=now)
    return callee.my_data(phone_e164=number, now=now)


@router.post("/my-data/erasure", response={202: MyDataOut}, auth=number_auth, operation_id="ask_number_erasure")
def ask_erasure(request: HttpRequest, form: NumberErasureIn) -> Any:
    number, now = _number(request), timezone.now()
    callee.ask_erasure(phone_e164=number, confirm=form.confirm, at_once=form.when == "now", now=now)
    return Status(202, callee.my_data(phone_e164=number, now=now))


@router.post("/my-data/erasure/cancel", response=MyDataOut, auth=number_auth, operation_id="cancel_number_erasure")
def cancel_erasure(request: HttpRequest) -> MyDataOut:
    number, now = _number(request), timezone.now()
    callee.cancel_erasure(phone_e164=number, now=now)
    return callee.my_data(phone_e164=number, now=now)


@router.post("/my-data/links", response={201: DataLinkOut}, auth=number_auth, operation_id="make_data_link")
def make_link(request: HttpRequest) -> Any:
    """A link to a copy of everything, good once and for a day; one that was made before ends. A copy that breaks off can be fetched
    again for ten minutes."""
    return Status(201, callee.make_link(phone_e164=_number(request), now=timezone.now()))


@router.get(
    "/my-data/download",
    auth=None,
    operation_id="download_my_data",
    openapi_extra=A_COPY,
)
def download(
    request: HttpRequest, token: Annotated[str, Query(max_length=100)] = "", as_page: bool = False
) -> StreamingHttpResponse:
    """The copy that a link opens. as_page: a page to be read, in the place of JSON."""
    now = timezone.now()
    number = number_access.open_link(token=token, client=client_of(request), now=now)
    return downloaded(
        callee.export(phone_e164=number, as_page=as_page, now=now),
        filename=name_of_copy(as_page=as_page),
        then=partial(callee.given_out, phone_e164=number, token=token, now=now),
    )


def _number(request: HttpRequest) -> str:
    return cast(str, request.auth)  # type: ignore[attr-defined]  # set by Ninja
