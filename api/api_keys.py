"""Keys for programs: what the settings do with them. How a program uses one stands in docs/api.md."""

from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from api.auth import actor_of
from identity import api_keys
from identity.schemas import ApiKeyIn, ApiKeyMadeOut, ApiKeysOut
from processors.errors import DomainError

router = Router(tags=["keys"])

PROBLEMS: Final[dict[type[DomainError], int]] = {
    api_keys.ApiKeyInvalid: 401,
    api_keys.ApiKeyNotFound: 404,
    api_keys.ApiKeysTooMany: 409,
    api_keys.KeyNotAccepted: 403,
    api_keys.ScopeMissing: 403,
}


@router.get("/keys", response=ApiKeysOut, operation_id="list_keys")
def list_keys(request: HttpRequest) -> ApiKeysOut:
    return api_keys.listed(actor=actor_of(request))


@router.post("/keys", response={201: ApiKeyMadeOut}, operation_id="make_key")
def make_key(request: HttpRequest, form: ApiKeyIn) -> Status[ApiKeyMadeOut]:
    """The key itself is in this answer alone."""
    return Status(201, api_keys.make(actor=actor_of(request), form=form, now=timezone.now()))


@router.delete("/keys/{key_id}", response={204: None}, operation_id="revoke_key")
def revoke_key(request: HttpRequest, key_id: UUID) -> Status[None]:
    api_keys.revoke(actor=actor_of(request), key_id=key_id, now=timezone.now())
    return Status(204, None)
