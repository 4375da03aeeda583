"""What is answered on the event loop is what Django answers, byte for byte; all else is handed on to it.

Planted once each to see this fail: the lean reads of everybody compiled as for those who lead (a rep was shown the team's calls);
a key without the scope let in; a header that depends on the request added to Django's answers.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest
from django.conf import settings
from pydantic_core import to_json
from uuid_utils.compat import uuid7

from api.lean_routes import LEAN_READS
from api.rendering import rendered
from compliance.models import Suppression
from compliance.restriction_models import RestrictedRow, Restriction
from identity.models import ApiKey
from processors.pseudonyms import pseudonym
from tests.matrix.asker import Asker
from tests.matrix.both_ways import address, alike, both, committed, door, moment, put_back
from tests.matrix.doors import KEYED
from tests.matrix.expectations import SIGNED_IN, Role
from tests.matrix.lean_door import LeanDoor, shown_by
from tests.matrix.test_keys import key_of
from tests.matrix.test_routes import OPERATIONS
from tests.matrix.world import World, copied
from voice.models import Call, Lead
from voice.schemas import LeadPage

__all__ = ["door", "moment", "put_back"]
pytestmark = pytest.mark.django_db
THEM: Final = ("own", "colleague", "stranger", "nobody")
ADDRESSES: Final = [
    "/api/leads?limit=1",
    "/api/leads?limit=200",
    "/api/leads?search=&tag=",
    "/api/leads?search=Lead",
    "/api/leads?tag=x",
    "/api/leads?limit=0",
    "/api/leads?limit=201",
    "/api/leads?limit=ten",
    "/api/leads?limit=1&limit=2",
    "/api/leads?limit=",
    "/api/leads?limit=01",
    "/api/leads?limit=+1",
    "/api/leads?limit=1&",
    "/api/leads?unknown=1",
    "/api/leads?cursor=",
    "/api/leads?cursor=bm8=",
    "/api/leads?cursor=%00",
    "/api/leads?disposition=never_called",
    "/api/leads/",
    "/api/leads/{id}",
    "/api/leads/%7Bid%7D",
    "/api/leads/{lead!s}x",
    "/api/leads/{lead.urn}",
    "/api/leads/{lead.hex}",
    "/api/leads/{lead}?x=1",
    "/api/calls?limit=1",
    "/api/calls?limit=3",
    "/api/calls?status=completed",
    "/api/calls?status=no",
    "/api/calls?lead_id={lead}",
    "/api/calls?cursor=aGVsbG8=",
    "/api/calls/{call}/segments?after_sequence=1",
    "/api/calls/{call}/segments?after_sequence=0&limit=1",
    "/api/calls/{call}/segments?after_sequence=2000000000",
    "/api/calls/{call}/segments?after_sequence=2000000001",
    "/api/calls/{call}/segments?after_sequence=-1",
    "/api/calls/{call}/segments?limit=501",
    "/api/credits?x=1",
    "/api/credits/",
    "/api/wall",
    "/api/session",
]
TEXTS: Final = ('"\\/', "\b\f\n\r\t\x01\x1f\x7f", "\u2028\u2029\u00e9\U0001f600\ufeff", "<script>&'", "", "٣ 株式会社")


def test_each_is_a_route_of_the_api_with_the_scope_that_it_promises() -> None:
    found = {name: (read.path, read.scope) for name, read in LEAN_READS.items()}
    assert found == {name: (OPERATIONS[name].path, KEYED[name]) for name in LEAN_READS}
    for name, read in LEAN_READS.items():
        assert OPERATIONS[name].method == "GET"
        # Whatever names a row may stand in the path alone.
        assert len([one for one in OPERATIONS[name].identifiers if one.startswith("path.")]) == read.path.count("{")


@pytest.mark.parametrize("name", LEAN_READS)
@pytest.mark.parametrize("role", sorted(SIGNED_IN))
@pytest.mark.parametrize("whose", THEM)
def test_both_doors_answer_the_same_to_every_role_about_everybody(
    world: World, door: LeanDoor, name: str, role: Role, whose: str
) -> None:
    of = world.person_of(role) if whose == "own" else world.people.get(whose)
    path = address(name, {} if of is None else of.things)
    usual, found = both(door, world.browser_of(role), path)
    if usual.status == 200:
        assert found == usual
    else:
        assert (usual.status, found) == (404, None)
    if whose == "stranger":
        assert [word for word in world.people["stranger"].canaries if word in usual.body.decode()] == []


@pytest.mark.parametrize("path", ADDRESSES)
def test_what_is_not_plain_is_handed_on_and_what_is_reads_the_same(world: World, door: LeanDoor, path: str) -> None:
    owner = world.people["owner"]
    lead_id = UUID(str(owner.things["lead"]))
    for written, text in (("lead.urn", lead_id.urn), ("lead.hex", lead_id.hex), ("lead!s", lead_id), ("lead", lead_id)):
        path = path.replace(f"{{{written}}}", str(text))
    usual, found = both(door, world.browser_of("owner"), path.replace("{call}", str(owner.things["call"])))
    assert found in (None, usual)
    if usual.status != 200:
        assert found is None


def test_the_plain_ones_of_those_are_answered(world: World, door: LeanDoor) -> None:
    """Without this the sameness above might be that of nothing."""
    owner = world.people["owner"]
    segments = f"/api/calls/{owner.things['call']}/segments"
    for path in (
        "/api/leads?search=&tag=",
        "/api/calls?limit=3",
        f"{segments}?after_sequence=1&limit=1",
        "/api/credits",
    ):
        alike(door, world.browser_of("owner"), path)


@pytest.mark.parametrize("path", ["/api/leads", "/api/calls"])
@pytest.mark.parametrize("escaped", [False, True])
def test_pages_follow_one_another_alike(world: World, door: LeanDoor, path: str, escaped: bool) -> None:
    browser, cursor, seen = world.browser_of("manager"), "", 0
    while True:
        query = f"?limit=1&cursor={cursor.replace('=', '%3D') if escaped else cursor}" if cursor else "?limit=1"
        page = json.loads(alike(door, browser, path + query).body)
        seen += len(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen >= 4


def test_who_is_not_wholly_signed_in_or_looks_is_handed_on(world: World, door: LeanDoor) -> None:
    for browser in (Asker(), world.browser_of("awaiting_otp"), copied(world.desk), copied(world.looking["owner"])):
        for name in LEAN_READS:
            _, found = both(door, browser, address(name, world.people["owner"].things))
            assert found is None
    browser = world.browser_of("owner")
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = "unknown" * 6 + "x"
    assert both(door, browser, "/api/leads")[1] is None


def test_a_look_shows_what_django_shows_even_with_the_members_own_session_beside_it(
    world: World, door: LeanDoor
) -> None:
    browser = copied(world.looking["owner"])
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = world.people["rep"].browser.session_cookie or ""
    assert both(door, browser, "/api/leads")[1] is None


def test_a_key_opens_what_its_scope_promises(world: World, door: LeanDoor, put_back: list[Callable[[], Any]]) -> None:
    whole, less = committed(
        lambda: (key_of(world, "leads:read", "calls:read", "credits:read"), key_of(world, "leads:read"))
    )
    put_back.append(lambda: ApiKey.objects.get_queryset().filter(name="A program").delete())
    program = Asker()
    things = world.people["owner"].things
    for key in (whole, less):
        # The first use is noted, which is Django's to do.
        assert door.ask("/api/leads", {"Host": "testserver", "Authorization": f"Bearer {key}"}) is None
        committed(partial(program.get, "/api/leads", Authorization=f"Bearer {key}"))
    for name, read in LEAN_READS.items():
        path = address(name, things)
        alike(door, program, path, Authorization=f"bearer  {whole} ")
        usual, found = both(door, program, path, Authorization=f"Bearer {less}")
        assert (usual.status, found is None) == ((200, False) if read.scope == "leads:read" else (403, True))
    for credentials in (f"Bearer {whole}x", "Bearer", "Bearer ", f"Basic {whole}"):
        usual, found = both(door, program, "/api/leads", Authorization=credentials)
        assert (usual.status, found) == (401, None) if credentials != "Bearer" else found is None
    # A proxy's own credentials beside a session change nothing; a key beside one is for Django to judge.
    alike(door, world.browser_of("owner"), "/api/leads", Authorization="Basic abc")
    assert both(door, world.browser_of("owner"), "/api/leads", Authorization=f"Bearer {whole}")[1] is None
    committed(lambda: ApiKey.objects.get_queryset().filter(name="A program").delete())
    usual, found = both(door, program, "/api/leads", Authorization=f"Bearer {whole}")
    assert (usual.status, found) == (401, None)


def test_who_must_not_be_called_is_erased_or_restricted_reads_the_same(
    world: World, door: LeanDoor, put_back: list[Callable[[], Any]], moment: datetime
) -> None:
    owner, browser = world.people["owner"], world.browser_of("owner")
    lead_id, call_id = owner.things["lead"], owner.things["call"]
    leads = Lead.objects.get_queryset().filter(id=lead_id)
    phone = leads.get().phone_e164
    assert phone is not None
    suppressed = Suppression.objects.filter(number_key=pseudonym("phone", phone))
    put_back.append(lambda: suppressed.delete())
    put_back.append(lambda: leads.update(restricted_at=None, erased_at=None, phone_e164=phone))
    put_back.append(lambda: Restriction.objects.filter(person="somebody").delete())

    def shown() -> dict[str, Any]:
        page = json.loads(alike(door, browser, "/api/leads").body)
        one: dict[str, Any] = json.loads(alike(door, browser, f"/api/leads/{lead_id}").body)
        assert one == next(item for item in page["items"] if item["id"] == str(lead_id))
        alike(door, browser, f"/api/calls/{call_id}")
        alike(door, browser, "/api/calls")
        return one

    assert not shown()["suppressed"]
    for workspace_id in (None, owner.membership.workspace_id):
        committed(
            partial(
                Suppression.objects.create,
                workspace_id=workspace_id,
                number_key=pseudonym("phone", phone),
                reason="asked",
                source="rep",
                created_at=moment,
                last_asked_at=moment,
            )
        )
        assert shown()["suppressed"]
        committed(lambda: suppressed.update(lifted_at=moment))
        assert not shown()["suppressed"]
    committed(lambda: leads.update(restricted_at=moment))
    assert (shown()["first_name"], shown()["phone_e164"]) == ("Restricted at the person's request", None)
    committed(lambda: leads.update(restricted_at=None, erased_at=moment, phone_e164=None))
    assert shown()["first_name"] == "Removed at the person's request"
    committed(lambda: leads.update(erased_at=None, phone_e164=phone))

    def restrict() -> None:
        restriction = Restriction.objects.create(person="somebody", since=moment)
        RestrictedRow.objects.create(restriction=restriction, row_id=lead_id)

    segments = f"/api/calls/{call_id}/segments"
    alike(door, browser, segments)
    committed(restrict)
    usual, found = both(door, browser, segments)
    assert (usual.status, found) == (409, None)


def test_a_call_that_goes_on_tells_the_same_seconds_and_credits(
    world: World, door: LeanDoor, put_back: list[Callable[[], Any]], moment: datetime
) -> None:
    owner = world.people["owner"]
    call = Call.objects.get_queryset().filter(id=owner.things["call"])
    before = call.values("status", "answered_at", "ended_at", "ended_by_id").get()
    put_back.append(lambda: call.update(**before))
    goes_on = {"status": "in_progress", "ended_at": None, "answered_at": moment - timedelta(seconds=61)}
    committed(lambda: call.update(**goes_on, ended_by_id=world.people["manager"].membership.user_id))
    for path in (f"/api/calls/{owner.things['call']}", "/api/calls"):
        found = json.loads(alike(door, world.browser_of("owner"), path).body)
        item = found if "id" in found else next(one for one in found["items"] if one["id"] == str(owner.things["call"]))
        assert (item["duration_s"], item["ended_by"]["name"]) == (61, "Firstmanager Lastmanager")
        assert item["seconds_left"] is not None
    # Planted once to see this fail: the words of a call that goes on told lean to whoever may see the call.
    segments = f"/api/calls/{owner.things['call']}/segments"
    assert alike(door, world.browser_of("owner"), segments).status == 200
    usual, lean = both(door, world.browser_of("manager"), segments)
    assert (usual.status, json.loads(usual.body)["code"], lean) == (409, "not_watching", None)


@pytest.mark.parametrize(
    ("headers", "beside", "scope"),
    [
        ({"Host": "elsewhere.example"}, [], {}),
        ({}, [(b"host", b"testserver")], {}),
        ({}, [(b"cookie", b"a=b")], {}),
        ({}, [(b"content-length", b"2")], {}),
        ({}, [(b"transfer-encoding", b"chunked")], {}),
        ({}, [], {"root_path": "/api"}),
        ({}, [], {"method": "HEAD"}),
        ({}, [], {"method": "POST"}),
    ],
)
def test_a_request_that_is_otherwise_unusual_is_handed_on(
    world: World, door: LeanDoor, headers: dict[str, str], beside: list[tuple[bytes, bytes]], scope: dict[str, Any]
) -> None:
    cookies = shown_by(world.browser_of("owner").client)
    assert door.ask("/api/leads", cookies) is not None
    assert door.ask("/api/leads", {**cookies, **headers}, beside=beside, scope=scope) is None


def test_a_csrf_cookie_that_django_would_replace_is_left_to_it(world: World, door: LeanDoor) -> None:
    browser = world.browser_of("owner")
    for content in ("a" * 31, "a" * 31 + "-", "a" * 63, ""):
        browser.client.cookies[settings.CSRF_COOKIE_NAME] = content
        assert both(door, browser, "/api/leads")[1] is None
    for content in ("a" * 32, "a" * 64):
        browser.client.cookies[settings.CSRF_COOKIE_NAME] = content
        alike(door, browser, "/api/leads")
    del browser.client.cookies[settings.CSRF_COOKIE_NAME]
    alike(door, browser, "/api/leads")


def test_every_text_and_moment_is_written_as_pydantic_writes_it(moment: datetime) -> None:
    times = (moment, moment.replace(microsecond=0), moment.replace(microsecond=120), None)
    fields = [
        {
            "id": uuid7(),
            "first_name": text,
            "last_name": text,
            "company": text,
            "phone_e164": None,
            "notes": text,
            "country": "",
            "time_zone": "UTC",
            "suppressed": True,
            "erased_at": at,
            "created_at": at or moment,
            "last_call_at": at,
            "tags": [text],
            "disposition": None,
            "retry_at": at,
        }
        for text in TEXTS
        for at in times
    ]
    page = {"items": fields, "next_cursor": None}
    assert rendered(page) == to_json(LeadPage.model_validate(page))
    assert list(LeadPage.model_validate(page).items[0].model_dump()) == list(fields[0])
