"""Every route x role x whose object, generated from the application and compared with expectations.py.

Planted once to see this fail: `lead_of` in voice/queries.py without its `.for_workspace(actor.workspace_id)`. Six tests of
another workspace's rows turned red: get_lead and check_dial, each for rep, manager and owner.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from compliance import policy
from compliance.models import AuditEvent
from config import live_server, media_server
from tests.matrix.all_rows import rows_of
from tests.matrix.asker import Asker, Reply
from tests.matrix.doors import FILES, PLAIN_URLS, SOCKETS
from tests.matrix.expectations import (
    COLLEAGUES_MAY,
    EXPECTATIONS,
    ROLES,
    SIGNED_IN,
    Expectation,
    Role,
    Thing,
)
from tests.matrix.routes import (
    CHANGING,
    Operation,
    customers_operations,
    hidden_operations,
    plain_urls,
    sockets,
    that_answer_files,
)
from tests.matrix.world import STARTER, TOP_UP_WORDS, World, carrier_posts
from voice.models import CallLeg, MediaStream

pytestmark = pytest.mark.django_db
OPERATIONS = {operation.operation_id: operation for operation in customers_operations()}
# What differs between two answers to the same question, whatever was found.
MADE_ANEW = ("id", "asked_at")


class Naming(NamedTuple):
    """One identifier of one operation, asked by one role."""

    operation: Operation
    expected: Expectation
    identifier: str
    thing: Thing
    role: Role

    def __str__(self) -> str:
        return f"{self.operation.operation_id}-{self.identifier}-{self.role}"


def namings() -> Iterator[Naming]:
    for operation in OPERATIONS.values():
        if expected := EXPECTATIONS.get(operation.operation_id):
            for identifier, thing in {**expected.names, **expected.narrows}.items():
                for role in SIGNED_IN:
                    yield Naming(operation, expected, identifier, thing, role)


def _id(operation: Operation) -> str:
    return operation.operation_id


each_naming = pytest.mark.parametrize("naming", sorted(namings(), key=str), ids=str)
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=_id)


def asks(
    world: World, operation: Operation, role: Role, named: dict[str, UUID | str], browser: Asker | None = None
) -> Reply:
    """One request of a role, with these identifiers and everything else of its own."""
    expected = EXPECTATIONS[operation.operation_id]
    person = world.person_of(role)
    known = {**expected.names, **{name: thing for name, thing in expected.narrows.items() if name in named}}
    whole = {name: named.get(name, person.things[thing]) for name, thing in known.items()}
    body = None if expected.body is None else filled(world, expected.body, role)
    if body is not None:
        body |= {name[5:]: str(value) for name, value in whole.items() if name.startswith("body.")}
    return (browser or world.browser_of(role)).ask(operation.method, operation.url(whole), body)


def filled(world: World, template: Any, role: Role) -> dict[str, Any]:
    waits = role == "awaiting_otp" and "code" in template
    words = {
        "email": world.person_of(role).email,
        "code": world.sandbox.code_at(world.waiting_for.user.mobile_e164) if waits else "000000",
        "person": role,
        "price": STARTER,
        "top_up_words": TOP_UP_WORDS,
        "segment_sequence": str(world.person_of(role).segment_sequence),
        "policy": policy.current_version(),
    }
    return {name: value.format(**words) if isinstance(value, str) else value for name, value in template.items()}


def without_news(reply: Reply) -> tuple[int, Any, Any]:
    found = reply.json if "json" in reply.headers.get("Content-Type", "") else reply.text
    if isinstance(found, dict):
        found = {name: value for name, value in found.items() if name not in MADE_ANEW}
    return reply.status, found, {name: value for name, value in reply.headers.items() if name != "Content-Length"}


def test_every_route_is_expected_and_nothing_else_is() -> None:
    assert set(OPERATIONS) == set(EXPECTATIONS)
    assert hidden_operations() == []
    assert set(plain_urls()) == set(PLAIN_URLS)
    assert set(sockets()) == set(SOCKETS)
    # The live and the media process know no table of routes: each serves the one path of its own, and refuses all others.
    assert {live_server.PATH.lstrip("/"), media_server.PATH.lstrip("/")} == set(SOCKETS)


@pytest.mark.policy("C4.1")
def test_every_route_that_answers_a_file_is_known_with_the_act_that_is_written_down_of_it() -> None:
    assert that_answer_files() == set(FILES)


@each_operation
def test_every_identifier_of_a_route_is_said_to_name_something(operation: Operation) -> None:
    expected = EXPECTATIONS[operation.operation_id]
    assert operation.identifiers == set(expected.names) | set(expected.narrows)


@pytest.mark.parametrize("role", ROLES)
@each_operation
@pytest.mark.policy("C9.1-4")
def test_each_role_does_what_it_may_with_its_own_and_nothing_else(
    world: World, operation: Operation, role: Role
) -> None:
    expected = EXPECTATIONS[operation.operation_id]
    if expected.after:
        asks(world, OPERATIONS[expected.after], role, {})
    acts = AuditEvent.objects.count()
    reply = asks(world, operation, role, {})
    if "attachment" in reply.headers.get("Content-Disposition", ""):
        # Red when a file leaves and nobody can read later that it did.
        assert AuditEvent.objects.filter(action=FILES[operation.operation_id]).exists()
        assert AuditEvent.objects.count() > acts
    if role in expected.may:
        assert reply.status == expected.status_of.get(role, expected.status), reply.text
    else:
        assert reply.status == (403 if role in SIGNED_IN else 401), reply.text
        assert reply.headers["Content-Type"] == "application/problem+json"
    shown = [word for word in world.people["stranger"].canaries if word in reply.text]
    assert shown == [], "Something of another workspace is in the answer."


@pytest.mark.parametrize("operation", [one for one in OPERATIONS.values() if one.method == "GET"], ids=_id)
def test_thousands_of_fields_in_a_query_are_refused_as_a_problem_and_never_fail(
    world: World, operation: Operation
) -> None:
    address = operation.url({name: uuid7() for name in operation.identifiers if name.startswith("path.")})
    reply = world.browser_of("owner").ask("GET", f"{address}?{'a=1&' * 3_000}")
    # An address that reads no query has nothing to refuse; one that is shut looks at none.
    shut = EXPECTATIONS[operation.operation_id].status == 401
    assert reply.status in ((401,) if shut else (200, 404)) or (reply.status, reply.json["code"]) == (
        400,
        "request_unusable",
    )


@pytest.mark.policy("C9.1-4")
@each_naming
def test_what_belongs_to_another_workspace_is_not_there(world: World, naming: Naming) -> None:
    """Not found, never forbidden: the answer is that to an id which nobody has, and nothing changes over there."""
    stranger = world.people["stranger"]
    before = rows_of(stranger)
    foreign = asks(world, naming.operation, naming.role, {naming.identifier: stranger.things[naming.thing]})
    unknown = asks(world, naming.operation, naming.role, {naming.identifier: uuid7()})
    if naming.thing == "receipt":
        assert (foreign.status, unknown.status) == (200, 404)
    else:
        narrows = naming.identifier in naming.expected.narrows
        may = naming.role in naming.expected.may
        assert foreign.status == (naming.expected.status if narrows else 404 if may else 403), foreign.text
        assert without_news(foreign) == without_news(unknown)
    assert [word for word in stranger.canaries if word in foreign.text] == []
    assert rows_of(stranger) == before


@pytest.mark.parametrize("role", ["anonymous", "awaiting_otp"])
@each_operation
def test_whoever_is_not_signed_in_cannot_tell_what_there_is_from_what_there_is_not(
    world: World, operation: Operation, role: Role
) -> None:
    expected = EXPECTATIONS[operation.operation_id]
    before = rows_of(world.people["stranger"])
    for identifier, thing in {**expected.names, **expected.narrows}.items():
        if thing == "receipt":
            # Shown to whoever has its address.
            continue
        there = asks(world, operation, role, {identifier: world.people["stranger"].things[thing]})
        nowhere = asks(world, operation, role, {identifier: uuid7()})
        assert there.status == 401
        assert without_news(there) == without_news(nowhere)
    assert rows_of(world.people["stranger"]) == before


@each_naming
def test_what_belongs_to_a_colleague_is_there_for_those_who_lead(world: World, naming: Naming) -> None:
    colleague = world.people["colleague"]
    reply = asks(world, naming.operation, naming.role, {naming.identifier: colleague.things[naming.thing]})
    if naming.role in naming.expected.of_colleague:
        assert reply.status == naming.expected.of_colleague[naming.role], reply.text
    elif naming.role in COLLEAGUES_MAY[naming.thing] & naming.expected.may:
        assert reply.status == naming.expected.status, reply.text
    else:
        unknown = asks(world, naming.operation, naming.role, {naming.identifier: uuid7()})
        assert without_news(reply) == without_news(unknown)


@each_operation
def test_a_rep_is_shown_no_colleagues_words_and_nobody_anothers_questions(world: World, operation: Operation) -> None:
    expected, colleague = EXPECTATIONS[operation.operation_id], world.people["colleague"]
    if expected.after:
        asks(world, OPERATIONS[expected.after], "rep", {})
    reply = asks(world, operation, "rep", {})
    spoken = [word for word in (colleague.spoken, colleague.asked) if word in reply.text]
    assert spoken == []
    for leader in ("manager", "owner"):
        assert colleague.asked not in asks(world, operation, leader, {}).text


def test_the_words_that_are_looked_for_can_be_found(world: World) -> None:
    """Without this the absence of the words would prove nothing."""
    stranger, colleague = world.people["stranger"], world.people["colleague"]
    everything = "".join(
        stranger.browser.ask("GET", operation.url({name: stranger.things[thing] for name, thing in names.items()})).text
        for operation in OPERATIONS.values()
        if operation.method == "GET"
        for names in [EXPECTATIONS[operation.operation_id].names]
    )
    assert [word for word in stranger.canaries if word not in everything] == []
    calls = f"/api/calls/{colleague.things['call']}/segments"
    assert colleague.spoken in world.browser_of("manager").ask("GET", calls).text
    assert colleague.asked in colleague.browser.ask("GET", "/api/questions").text


@pytest.mark.parametrize("operation", [one for one in OPERATIONS.values() if one.method in CHANGING], ids=_id)
def test_nothing_changes_for_a_page_of_somebody_else(world: World, operation: Operation) -> None:
    """Every changing route wants the CSRF token besides the cookie."""
    owner, expected = world.person_of("owner"), EXPECTATIONS[operation.operation_id]
    before = rows_of(owner)
    url = operation.url({name: owner.things[thing] for name, thing in expected.names.items()})
    body = filled(world, expected.body or {}, "owner")
    reply = world.browser_of("owner").ask(operation.method, url, body, with_csrf=False)
    assert (reply.status, reply.json["code"]) == (403, "csrf_failed")
    assert rows_of(owner) == before


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", [path for path, door in PLAIN_URLS.items() if door != "anybody"])
def test_no_session_opens_a_webhook(world: World, path: str, role: Role) -> None:
    """Only a signature does, and without one a call that there is answers like one that there is not."""
    asked = [world.person_of(role).things["call"], world.people["stranger"].things["call"], uuid7()]
    urls = [_address(path, call_id, uuid7()) for call_id in asked]
    before = rows_of(world.people["stranger"])
    replies = [world.browser_of(role).ask("POST", url, {}) for url in urls]
    assert {reply.status for reply in replies} == {403}
    assert len({reply.text for reply in replies}) == 1
    assert rows_of(world.people["stranger"]) == before


@pytest.mark.parametrize(
    "path", [path for path, door in PLAIN_URLS.items() if door == "carrier" and "<uuid:call_id>" in path]
)
def test_a_signed_callback_of_one_call_moves_no_other(world: World, path: str) -> None:
    """The carrier's news of a call may name a leg of another workspace's call, by mistake or by replay."""
    stranger, rep = world.people["stranger"], world.people["rep"]
    before = rows_of(stranger)
    over_there = stranger.membership.workspace_id
    sid = CallLeg.objects.for_workspace(over_there).filter(role="callee").values_list("sid", flat=True)[0]
    news = {"CallSid": sid, "CallStatus": "completed", "CallDuration": "9999", "DialCallSid": sid, "StreamSid": sid}
    news |= {"TranscriptionEvent": "transcription-stopped", "TranscriptionSid": f"GT{sid[2:]}", "SequenceId": "9"}
    stream_id = MediaStream.objects.for_workspace(over_there).values_list("id", flat=True)[0]
    own = _address(path, rep.things["call"], stream_id)
    # A stream of another call is not there for this one.
    expected = (404,) if "<uuid:stream_id>" in path else (200, 204)
    assert carrier_posts(own, {**news, "DialCallStatus": "completed", "StreamEvent": "stream-error"})[0] in expected
    assert rows_of(stranger) == before
    assert carrier_posts(_address(path, uuid7(), stream_id), news)[0] == 404


def _address(path: str, call_id: object, stream_id: object) -> str:
    path = path.replace("<uuid:check_id>", str(call_id))
    return f"/{path.replace('<uuid:call_id>', str(call_id)).replace('<uuid:stream_id>', str(stream_id))}"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/", "/api/openapi.json", "/", "/calls/1"])
def test_pages_without_data_are_for_anybody(world: World, path: str) -> None:
    replies = [world.browser_of(role).ask("GET", path) for role in ROLES]
    # 503: the pages are not built here. The API has no page of its own at its root.
    assert {reply.status for reply in replies} <= {200, 404, 503}
    assert len({reply.text for reply in replies}) == 1
