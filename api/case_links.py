"""The page behind the links that are mailed to who cannot sign in: a case is confirmed, a copy fetched."""

from functools import partial
from typing import Final

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from ninja import Router

from api.auth import anyone_auth
from api.streaming import A_COPY, downloaded, name_of_copy
from compliance.schemas import CaseLinkOut, LinkIn
from identity import case_links
from processors.errors import DomainError

router = Router(tags=["privacy"], auth=anyone_auth)
PROBLEMS: Final[dict[type[DomainError], int]] = {case_links.CaseLinkInvalid: 410}


@router.post("/request/link", response=CaseLinkOut, operation_id="see_case_link")
def see_link(request: HttpRequest, form: LinkIn) -> CaseLinkOut:
    """What the button behind a mailed link does; looking at it does nothing."""
    return case_links.seen(token=form.token, now=timezone.now())


@router.post("/request/press", response=CaseLinkOut, operation_id="press_case_link")
def press_link(request: HttpRequest, form: LinkIn) -> CaseLinkOut:
    """Confirms that a case is that of whoever has the account."""
    return case_links.press(token=form.token, now=timezone.now())


@router.post("/request/copy", operation_id="copy_by_case_link", openapi_extra=A_COPY)
def copy(request: HttpRequest, form: LinkIn, as_page: bool = False) -> StreamingHttpResponse:
    """The copy of the person's data, once; one that breaks off can be fetched again for ten minutes. as_page: a page to be read, in the
    place of JSON."""
    now = timezone.now()
    return downloaded(
        case_links.copy(token=form.token, now=now, as_page=as_page),
        filename=name_of_copy(as_page=as_page),
        then=partial(case_links.copied, token=form.token, now=now),
    )
