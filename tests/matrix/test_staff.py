"""Our own people: every route at their entrance x every role, and every route of the product x somebody in a look.

Planted bugs that these catch: a route that is taken out of `api/look_gate.py` READ or put into it, the gate without its look
at the method, and a `StaffAuth` that takes a customer's session.
"""

import re
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest

from identity.staff.models import StaffMember
from identity.staff.opened_cases import open_by_support
from tests.matrix.all_rows import rows_of
from tests.matrix.asker import Asker, Reply
from tests.matrix.expectations import EXPECTATIONS, ROLES, SIGNED_IN, Role
from tests.matrix.expected_of_staff import LOOKED, STAFF, StaffRole
from tests.matrix.routes import CHANGING, Operation, customers_operations, is_ours, operations
from tests.matrix.test_routes import filled
from tests.matrix.world import World, at_desk, copied
from tests.staff.ours import hire

pytestmark = pytest.mark.django_db
OURS = {operation.operation_id: operation for operation in operations() if is_ours(operation)}
CUSTOMERS = customers_operations()
# Some answers say when they were given, or what a clock shows by then.
NOW = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|(?<=\"callee_local_time\":\")[^\"]+")
READS = [operation for operation in CUSTOMERS if operation.method not in CHANGING]
WRITES = [operation for operation in CUSTOMERS if operation.method in CHANGING]


def _id(operation: Operation) -> str:
    return operation.operation_id


each_of_ours = pytest.mark.parametrize("operation", OURS.values(), ids=_id)


def asks_ours(world: World, operation: Operation, browser: Asker, **how: Any) -> Reply:
    owner = world.people["owner"].membership
    words = {"workspace": str(owner.workspace_id), "member": str(owner.user_id)}
    template = STAFF[operation.operation_id].body
    body = template and {
        name: value.format(**words) if isinstance(value, str) else value for name, value in template.items()
    }
    return browser.ask(operation.method, operation.url(named_in(operation.path)), body, **how)


def named_in(path: str) -> dict[str, UUID | str]:
    """Things that are made for one question alone."""
    if "{member_id}" in path:
        return {"path.member_id": hire(first_name="Target").member.id}
    if "{follow_up_id}" in path:
        return {"path.follow_up_id": uuid4()}
    if "/cases/{reference}" not in path:
        return {"path.reference": "XX-0000"}
    case = open_by_support(
        kind="access", contact="asker@people.example", words="a copy, please", by="operator", now=datetime.now(UTC)
    )
    return {"path.reference": case.reference}


def asks(world: World, operation: Operation, browser: Asker, role: Role) -> Reply:
    """For the things of the person who has the role."""
    expected, person = EXPECTATIONS[operation.operation_id], world.person_of(role)
    named = {name: person.things[thing] for name, thing in expected.names.items()}
    body = None if expected.body is None else filled(world, expected.body, role)
    if body is not None:
        body |= {name[5:]: str(value) for name, value in named.items() if name.startswith("body.")}
    return browser.ask(operation.method, operation.url(named), body)


def test_every_route_of_ours_is_expected_and_every_look_is_into_something() -> None:
    assert set(OURS) == set(STAFF)
    assert {operation.operation_id for operation in READS} >= LOOKED
    assert set(get_args(StaffRole)) == {role for one in STAFF.values() for role in one.may or ()}


@pytest.mark.parametrize("role", get_args(StaffRole))
@each_of_ours
def test_each_role_of_ours_does_what_it_may(world: World, operation: Operation, role: StaffRole) -> None:
    expected, desk = STAFF[operation.operation_id], at_desk(role, "Asking")
    if operation.operation_id == "end_look":
        asks_ours(world, OURS["begin_look"], desk)
    reply = asks_ours(world, operation, desk)
    if expected.may is None or role in expected.may:
        assert reply.status == expected.status, reply.text
    else:
        assert (reply.status, reply.json["code"]) == (403, "staff_not_permitted")


@pytest.mark.parametrize("role", ROLES)
@each_of_ours
def test_no_customer_opens_the_entrance_of_ours(world: World, operation: Operation, role: Role) -> None:
    expected = STAFF[operation.operation_id]
    reply = asks_ours(world, operation, world.browser_of(role))
    if expected.may is None:
        assert reply.status == expected.status, reply.text
        assert role == "anonymous" or world.person_of(role).email not in reply.text
    else:
        assert (reply.status, reply.json["code"]) == (401, "not_signed_in")


@each_of_ours
def test_no_key_of_a_customer_opens_it_either(world: World, operation: Operation) -> None:
    made = world.browser_of("owner").post("/api/keys", {"name": "A", "scopes": ["leads:read"], "expires_in_days": 1})
    headers = {"Authorization": f"Bearer {made[1]['key']}"}
    reply = asks_ours(world, operation, Asker(), with_csrf=False, headers=headers)
    assert reply.status in (401, 403) or operation.operation_id == "get_staff_session"


@pytest.mark.parametrize("operation", [one for one in OURS.values() if one.method in CHANGING], ids=_id)
def test_nothing_of_ours_changes_for_a_page_of_somebody_else(world: World, operation: Operation) -> None:
    desk = at_desk("admin" if operation.operation_id == "disable_staff" else "support", "Asking")
    reply = asks_ours(world, operation, desk, with_csrf=False)
    assert (reply.status, reply.json["code"]) == (403, "csrf_failed")
    assert not StaffMember.objects.filter(disabled_at__isnull=False).exists()


@pytest.mark.parametrize("operation", CUSTOMERS, ids=_id)
def test_without_a_look_our_own_people_are_strangers_in_the_product(world: World, operation: Operation) -> None:
    expected = EXPECTATIONS[operation.operation_id]
    reply = asks(world, operation, copied(world.desk), "rep")
    if "anonymous" in expected.may:
        assert reply.status == expected.status_of.get("anonymous", expected.status), reply.text
    else:
        assert (reply.status, reply.json["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize("role", sorted(SIGNED_IN))
@pytest.mark.parametrize("operation", READS, ids=_id)
def test_in_a_look_the_listed_reads_answer_as_for_the_member(world: World, operation: Operation, role: Role) -> None:
    expected = EXPECTATIONS[operation.operation_id]
    reply = asks(world, operation, copied(world.looking[role]), role)
    if operation.operation_id not in LOOKED:
        assert (reply.status, reply.json["code"]) == (403, "not_in_look")
    elif role in expected.may:
        assert reply.status == expected.status_of.get(role, expected.status), reply.text
        if operation.operation_id not in ("get_session", "list_team_looks", "list_activity"):
            own = asks(world, operation, world.browser_of(role), role)
            assert NOW.sub("", reply.text) == NOW.sub("", own.text)
    else:
        assert (reply.status, reply.json["code"]) == (403, "not_permitted")
    assert [word for word in world.people["stranger"].canaries if word in reply.text] == []


@pytest.mark.parametrize("beside", [False, True], ids=["staff_alone", "customer_beside"])
def test_in_a_look_every_write_is_refused_and_changes_nothing(world: World, beside: bool) -> None:
    """Nor does the customer's own session in the same browser make it possible."""
    browser, owner = copied(world.looking["owner"]), world.people["owner"]
    if beside:
        browser.client.cookies["__Host-session"] = owner.browser.session_cookie or ""
    before = rows_of(owner)
    replies = {operation.operation_id: asks(world, operation, browser, "owner") for operation in WRITES}
    assert len(replies) > 30
    refused = {
        name for name, reply in replies.items() if (reply.status, reply.json["code"]) == (403, "look_is_read_only")
    }
    assert set(replies) - refused == set()
    assert rows_of(owner) == before


@pytest.mark.parametrize("operation", [one for one in READS if _id(one) in LOOKED], ids=_id)
def test_another_workspaces_things_are_not_there_in_a_look(world: World, operation: Operation) -> None:
    expected, stranger = EXPECTATIONS[operation.operation_id], world.people["stranger"]
    named = {name: stranger.things[thing] for name, thing in {**expected.names, **expected.narrows}.items()}
    reply = copied(world.looking["owner"]).ask("GET", operation.url(named))
    assert reply.status == (404 if expected.names else 200)
    assert [word for word in stranger.canaries if word in reply.text] == []
