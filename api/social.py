"""Signing up, in and linking with Google or Facebook, and the ways in that somebody has."""

from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.utils import timezone
from django.views.decorators.http import require_GET
from ninja import Router, Status

from api.auth import actor_of, anyone_auth, person_auth, renew_session, session_of
from api.client import client_of
from identity import invitations, queries, social, social_entry, step_up, ways_in
from identity.schemas import (
    OtpSentOut,
    Provider,
    SessionOut,
    SocialAddressOut,
    SocialBeginIn,
    SocialLinkIn,
    SocialSignUpIn,
    SocialSignUpOut,
    SocialUnlinkIn,
    WaysInOut,
)
from processors.errors import DomainError

router = Router(tags=["identity"])

PROBLEMS: Final[dict[type[DomainError], int]] = {
    invitations.AlreadyMember: 409,
    invitations.InvitationInvalid: 410,
    invitations.InvitationOfAnother: 403,
    social.ProviderNotOffered: 409,
    social.SocialSignUpOver: 404,
    step_up.PasswordWanted: 409,
    step_up.ProofMissing: 422,
    step_up.ProofNotRecent: 403,
    ways_in.LastWayIn: 409,
    ways_in.SocialInUse: 409,
}


@router.post("/social/begin", response=SocialAddressOut, auth=anyone_auth, operation_id="begin_social")
def begin(request: HttpRequest, form: SocialBeginIn) -> SocialAddressOut:
    """Where the browser is to go to sign up or in with a provider. It comes back to /social/{provider}/return."""
    address = social_entry.begin(
        session=session_of(request),
        provider=form.provider,
        intent=form.intent,
        next_path=form.next,
        invitation=form.invitation,
        now=timezone.now(),
    )
    return SocialAddressOut(url=address)


@require_GET
def returned(request: HttpRequest, provider: Provider) -> HttpResponse:
    """Where a provider sends the browser back to. The state in the address proves that this browser was sent there."""
    path = social_entry.returned(
        session=session_of(request),
        provider=provider,
        answer=request.GET.dict(),
        client=client_of(request),
        now=timezone.now(),
    )
    rotate_token(request)
    answer = HttpResponseRedirect(path)
    answer["Cache-Control"] = "no-store"
    return answer


@router.get(
    "/social/sign-up",
    response=SocialSignUpOut,
    auth=None,
    operation_id="get_social_sign_up",
    openapi_extra={"responses": {404: {"$ref": "#/components/responses/identity_404"}}},
)
def read_sign_up(request: HttpRequest) -> SocialSignUpOut:
    """Whom a provider has confirmed in this browser, and who is about to sign up."""
    return social_entry.pending(session_of(request))


@router.delete("/social/sign-up", response={204: None}, auth=anyone_auth, operation_id="drop_social_sign_up")
def drop_sign_up(request: HttpRequest) -> Status[None]:
    social_entry.drop(session_of(request))
    return Status(204, None)


@router.post("/social/sign-up", response=SessionOut, auth=anyone_auth, operation_id="finish_social_sign_up")
def finish_sign_up(request: HttpRequest, form: SocialSignUpIn) -> SessionOut:
    session = session_of(request)
    social_entry.sign_up(session=session, form=form, client=client_of(request), now=timezone.now())
    rotate_token(request)
    return queries.describe_session(session)


@router.get("/ways-in", response=WaysInOut, auth=person_auth, operation_id="list_ways_in")
def list_ways_in(request: HttpRequest) -> WaysInOut:
    return ways_in.listed(actor=actor_of(request))


@router.post("/ways-in/code", response=OtpSentOut, auth=person_auth, operation_id="send_proof_code")
def send_code(request: HttpRequest) -> OtpSentOut:
    """Texts a passcode to who has no password to prove a link with."""
    return step_up.send_code(actor=actor_of(request), client=client_of(request), now=timezone.now())


@router.post("/ways-in/link", response=SocialAddressOut, operation_id="link_social")
def link(request: HttpRequest, form: SocialLinkIn) -> SocialAddressOut:
    address = social_entry.begin_link(
        actor=actor_of(request),
        session=session_of(request),
        provider=form.provider,
        present=form.present.get_secret_value() if form.present else None,
        code=form.code,
        client=client_of(request),
        now=timezone.now(),
    )
    renew_session(request)
    return SocialAddressOut(url=address)


@router.post("/ways-in/unlink", response={204: None}, operation_id="unlink_social")
def unlink(request: HttpRequest, form: SocialUnlinkIn) -> Status[None]:
    ways_in.unlink(actor=actor_of(request), provider=form.provider, client=client_of(request), now=timezone.now())
    return Status(204, None)
