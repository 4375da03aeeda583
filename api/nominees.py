"""Naming somebody who acts for a person, and the page for whoever was named."""

from functools import partial
from typing import Final

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from ninja import Router, Status

from api.auth import actor_of, anyone_auth, person_auth
from api.client import client_of
from api.streaming import downloaded
from compliance import queries
from compliance.schemas import (
    LinkIn,
    NomineeAskIn,
    NomineeIn,
    NomineeLinkOut,
    NomineeStateOut,
)
from identity import contact, nominees, opt_out
from processors.errors import DomainError

router = Router(tags=["privacy"])
PROBLEMS: Final[dict[type[DomainError], int]] = {
    contact.EmailInvalid: 422,
    nominees.NomineeDeclined: 409,
    nominees.NomineeIsSelf: 422,
    nominees.NomineeLinkInvalid: 410,
    nominees.NomineesTooMany: 429,
    opt_out.PolicyOutdated: 409,
}


def _state(request: HttpRequest) -> NomineeStateOut:
    return queries.nominee_state(user_id=actor_of(request).user_id)


@router.get("/privacy/nominee", auth=person_auth, response=NomineeStateOut, operation_id="get_nominee")
def read_nominee(request: HttpRequest) -> NomineeStateOut:
    return _state(request)


@router.put("/privacy/nominee", auth=person_auth, response=NomineeStateOut, operation_id="name_nominee")
def name_nominee(request: HttpRequest, form: NomineeIn) -> NomineeStateOut:
    """Names somebody, in place of who was named before. We mail them what it means."""
    nominees.name(
        user_id=actor_of(request).user_id,
        name=form.name,
        email=form.email,
        policy_version=form.policy_version,
        client=client_of(request),
        now=timezone.now(),
    )
    return _state(request)


@router.delete("/privacy/nominee", auth=person_auth, response=NomineeStateOut, operation_id="take_back_nominee")
def take_back_nominee(request: HttpRequest) -> NomineeStateOut:
    nominees.take_back(user_id=actor_of(request).user_id, client=client_of(request), now=timezone.now())
    return _state(request)


@router.post("/nominee/ask", auth=anyone_auth, response={204: None}, operation_id="ask_as_nominee")
def ask_as_nominee(request: HttpRequest, form: NomineeAskIn) -> Status[None]:
    """Takes what a nominee asks for. The same answer whether or not anything is known; a mail goes to the nominee alone."""
    nominees.ask(email=form.email, account_email=form.account_email, words=form.words, now=timezone.now())
    return Status(204, None)


@router.post("/nominee/link", auth=anyone_auth, response=NomineeLinkOut, operation_id="see_nominee_link")
def see_nominee_link(request: HttpRequest, form: LinkIn) -> NomineeLinkOut:
    """What the button behind a mailed link does; looking at it does nothing."""
    return NomineeLinkOut(step=nominees.seen(token=form.token, now=timezone.now()))


@router.post("/nominee/press", auth=anyone_auth, response=NomineeLinkOut, operation_id="press_nominee_link")
def press_nominee_link(request: HttpRequest, form: LinkIn) -> NomineeLinkOut:
    """Declines, or confirms what was asked for."""
    return NomineeLinkOut(step=nominees.press(token=form.token, now=timezone.now()))


@router.post(
    "/nominee/copy",
    auth=anyone_auth,
    operation_id="copy_as_nominee",
    openapi_extra={"responses": {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}},
)
def copy_as_nominee(request: HttpRequest, form: LinkIn) -> StreamingHttpResponse:
    """The copy that was granted, once; one that breaks off can be fetched again for ten minutes."""
    now = timezone.now()
    return downloaded(
        nominees.copy(token=form.token, now=now),
        filename="klosesales-data.json",
        then=partial(nominees.copied, token=form.token, now=now),
    )
