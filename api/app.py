"""The one REST API."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from api import (
    api_keys,
    ask,
    auth,
    calls,
    case_links,
    credits,
    desk,
    email,
    errors,
    guard,
    identity,
    lead_import,
    leads,
    looks,
    mobile,
    my_data,
    nominees,
    policy,
    privacy,
    queue,
    registers,
    reviews,
    social,
    staff,
    statement,
    team,
    top_up,
    wall,
    webhooks,
)
from api.description import add_problems
from api.parsing import TextParser
from api.rendering import WireRenderer
from api.server_events import add_server_events
from processors.errors import CursorInvalid, DomainError

ROUTERS = (
    identity,
    social,
    mobile,
    email,
    team,
    api_keys,
    webhooks,
    lead_import,
    leads,
    queue,
    calls,
    case_links,
    guard,
    wall,
    ask,
    credits,
    top_up,
    statement,
    policy,
    privacy,
    my_data,
    nominees,
    staff,
    looks,
    desk,
    registers,
    reviews,
)


class KloseAPI(NinjaAPI):
    """Ninja with what its OpenAPI leaves out: the union of all socket events, so that both share one generated shape, and
    what each route may refuse with.
    """

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        return add_problems(add_server_events(super().get_openapi_schema(**kwargs)), _declared())


def _declared() -> dict[str, dict[type[DomainError], int]]:
    """The refusals that routers declare, by the tag under which their routes are described."""
    declared: dict[str, dict[type[DomainError], int]] = {}
    for module in ROUTERS:
        for tag in module.router.tags or ():
            declared.setdefault(tag, {}).update(module.PROBLEMS)
    return declared


api = KloseAPI(
    title="Klosesales",
    version="1",
    auth=auth.session_auth,
    docs_url=None,
    parser=TextParser(),
    renderer=WireRenderer(),
)
for module in ROUTERS:
    api.add_router("", module.router)

# Every list refuses a cursor that it did not give out; other errors stand beside the routes that meet them.
PROBLEMS: dict[type[DomainError], int] = {CursorInvalid: 400}
for module in ROUTERS:
    PROBLEMS.update(module.PROBLEMS)
errors.install(api, PROBLEMS)
