"""The person's mobile number, and changing it."""

from typing import Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from api.auth import renew_session, session_of
from api.client import client_of
from identity import mobile_change
from identity.schemas import MobileChangeIn, MobileCodeIn, MobileStepOut
from processors.errors import DomainError

router = Router(tags=["identity"])

PROBLEMS: Final[dict[type[DomainError], int]] = {
    mobile_change.MobileSame: 422,
    mobile_change.NoMobileChange: 409,
}


@router.post("/mobile", response=MobileStepOut, operation_id="begin_mobile_change")
def begin_mobile_change(request: HttpRequest, form: MobileChangeIn) -> MobileStepOut:
    """Asks for the password, then texts a code to the present number: both prove who asks."""
    step = mobile_change.begin(session=session_of(request), form=form, client=client_of(request), now=timezone.now())
    renew_session(request)
    return step


@router.post("/mobile/send", response=MobileStepOut, operation_id="send_mobile_code")
def send_mobile_code(request: HttpRequest) -> MobileStepOut:
    """Another code to the phone whose turn it is."""
    return mobile_change.send_again(session=session_of(request), client=client_of(request), now=timezone.now())


@router.post("/mobile/check", response=MobileStepOut, operation_id="check_mobile_code")
def check_mobile_code(request: HttpRequest, form: MobileCodeIn) -> MobileStepOut:
    """The code of the present phone, then that of the new one. After that every other session and API key ends."""
    step = mobile_change.prove(session=session_of(request), form=form, client=client_of(request), now=timezone.now())
    renew_session(request)
    return step
