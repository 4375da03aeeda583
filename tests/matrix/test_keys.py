"""Every route x every key: what a program may do is what expectations.py says, and nothing else.

Planted bug that this catches: a route whose scope is another one than promised.
"""

from typing import NamedTuple
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from identity.permissions import SCOPES, Scope
from tests.matrix.all_rows import rows_of
from tests.matrix.asker import Asker, Reply
from tests.matrix.doors import KEYED
from tests.matrix.expectations import EXPECTATIONS, Thing
from tests.matrix.routes import Operation, customers_operations
from tests.matrix.test_routes import filled, without_news
from tests.matrix.world import World

pytestmark = pytest.mark.django_db
OPERATIONS = customers_operations()
# Routes that ask nobody who they are.
OPEN_TO_ALL = {"get_session", "get_social_sign_up", "list_processors", "get_erasure_receipt", "download_my_data"}
OPEN_TO_ALL |= {"get_contact", "get_policy", "list_policy_versions", "compare_policy_versions", "list_data_kinds"}


class Naming(NamedTuple):
    """One identifier of one operation that keys open."""

    operation: Operation
    identifier: str
    thing: Thing

    def __str__(self) -> str:
        return f"{self.operation.operation_id}-{self.identifier}"


NAMINGS = [
    Naming(operation, identifier, thing)
    for operation in OPERATIONS
    if operation.operation_id in KEYED
    for expected in [EXPECTATIONS[operation.operation_id]]
    for identifier, thing in {**expected.names, **expected.narrows}.items()
]


def key_of(world: World, *scopes: Scope) -> str:
    """A key of the owner."""
    made = world.browser_of("owner").post("/api/keys", {"name": "A program", "scopes": scopes, "expires_in_days": 1})
    assert made[0] == 201, made[1]
    return str(made[1]["key"])


def asks(world: World, operation: Operation, key: str, named: dict[str, UUID | str] | None = None) -> Reply:
    """A program: it has no cookie and no CSRF token. named: identifiers of other things than the owner's."""
    expected, owner, named = EXPECTATIONS[operation.operation_id], world.people["owner"], named or {}
    known = {**expected.names, **{name: thing for name, thing in expected.narrows.items() if name in named}}
    whole = {name: named.get(name, owner.things[thing]) for name, thing in known.items()}
    body = None if expected.body is None else filled(world, expected.body, "owner")
    if body is not None:
        body |= {name[5:]: str(value) for name, value in whole.items() if name.startswith("body.")}
    headers = {"Authorization": f"Bearer {key}"}
    return Asker().ask(operation.method, operation.url(whole), body, with_csrf=False, headers=headers)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
def test_a_key_opens_what_its_scope_promises_and_nothing_else(world: World, operation: Operation) -> None:
    name = operation.operation_id
    whole = asks(world, operation, key_of(world, *SCOPES))
    if name in OPEN_TO_ALL:
        assert whole.status in (200, 404)
        return
    if name not in KEYED:
        # Those before the sign-in look for a page of ours; all others say that no key opens them.
        assert (whole.status, whole.json["code"]) in ((403, "key_not_accepted"), (403, "csrf_failed")), whole.text
        return
    assert whole.status == EXPECTATIONS[name].status, whole.text
    others = [scope for scope in SCOPES if scope != KEYED[name]]
    less = asks(world, operation, key_of(world, *others))
    assert (less.status, less.json["code"]) == (403, "scope_missing")


def answers_as_to_nothing(world: World, naming: Naming) -> None:
    """What belongs to another workspace is answered as what nobody has, shows no word of theirs, and nothing changes there."""
    stranger, key = world.people["stranger"], key_of(world, *SCOPES)
    before = rows_of(stranger)
    foreign = asks(world, naming.operation, key, {naming.identifier: stranger.things[naming.thing]})
    nowhere = asks(world, naming.operation, key, {naming.identifier: uuid7()})
    narrows = naming.identifier in EXPECTATIONS[naming.operation.operation_id].narrows
    expected = EXPECTATIONS[naming.operation.operation_id].status if narrows else 404
    assert (foreign.status, nowhere.status) == (expected, expected), foreign.text
    assert without_news(foreign) == without_news(nowhere)
    assert [word for word in stranger.canaries if word in foreign.text] == []
    assert rows_of(stranger) == before


@pytest.mark.parametrize("naming", NAMINGS, ids=str)
def test_to_a_key_what_belongs_to_another_workspace_is_not_there(world: World, naming: Naming) -> None:
    answers_as_to_nothing(world, naming)


def test_every_scope_opens_something(world: World) -> None:
    assert set(KEYED.values()) == set(SCOPES)
    assert KEYED.keys() <= {operation.operation_id for operation in OPERATIONS}
