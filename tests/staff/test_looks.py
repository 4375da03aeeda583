"""Looks into a workspace: with a reason, read only, over by themselves, and seen by whom they concern.

Planted bugs that these catch: `open_look` without its `ends_at__gt`, the gate letting a look that is over fall back to the
customer's own session, and a reason that is written into the chain.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from api import look_gate
from compliance import audit_check, cases
from compliance.models import AuditEvent
from compliance.retention import expire
from compliance.stores import Subject
from identity import erasure
from identity.models import Membership
from identity.personal_data import subject_of
from identity.staff import looks
from identity.staff.actor import actor_of_key
from identity.staff.models import Look, StaffEvent
from identity.staff.personal_data import STORE
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.teams import colleague, owner, page
from tests.restricting import restricted
from tests.staff.ours import REASON, Desk, alone, at_desk, waits_for_a_lock

__all__ = ["colleague", "owner", "page"]

LEAD = {"first_name": "Nia", "last_name": "Called", "phone": "+1 202 555 0188"}
# So that its time was over a second ago.
LONG_AGO = looks.LOOK_FOR + timedelta(seconds=1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return at_desk()


def find(desk: Desk, typed: object) -> list[dict[str, Any]]:
    status, answer = desk.post("/api/staff/workspaces/find", {"typed": str(typed)})
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["items"]
    return found


def looked(page: Browser) -> list[dict[str, Any]]:
    status, answer = page.get("/api/team/looks")
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["items"]
    return found


def began(desk: Desk, owner: Membership, then: datetime) -> None:
    """A look that began then, in this browser."""
    actor = actor_of_key(desk.client.cookies["__Host-staff"].value, now=datetime.now(UTC))
    assert actor is not None
    look = looks.begin(
        actor=actor,
        workspace_id=owner.workspace_id,
        user_id=owner.user_id,
        reason=REASON,
        case_reference="",
        now=then,
    )
    desk.client.cookies["__Host-look"] = str(look.id)


def test_a_workspace_is_found_by_its_whole_id_or_a_members_whole_e_mail_and_by_nothing_else(
    desk: Desk, owner: Membership, colleague: Callable[[str], Membership]
) -> None:
    rep = colleague("rep")
    by_id = {"workspace_id": str(owner.workspace_id), "workspace_name": "Harbour Sales"}
    assert find(desk, owner.workspace_id) == [{**by_id, "user_id": str(owner.user_id), "role": "owner"}]
    assert find(desk, f" {rep.user.email.upper()} ") == [{**by_id, "user_id": str(rep.user_id), "role": "rep"}]
    assert find(desk, uuid4()) == []
    assert find(desk, "rep@example.co") == []
    for part in ("Harbour", "rep", str(owner.workspace_id)[:-1], "%%%", "___"):
        status, answer = desk.post("/api/staff/workspaces/find", {"typed": part})
        assert (status, code_of(answer)) == (422, "search_unclear")
    assert StaffEvent.objects.filter(kind="searched").count() == 4


def test_searches_are_counted(desk: Desk, owner: Membership) -> None:
    nora = StaffEvent.objects.get(kind="sign_in").member
    StaffEvent.objects.bulk_create([StaffEvent(at=datetime.now(UTC), kind="searched", member=nora) for _ in range(60)])
    status, answer = desk.post("/api/staff/workspaces/find", {"typed": str(owner.workspace_id)})
    assert (status, code_of(answer)) == (429, "searches_too_many")


@pytest.mark.parametrize("reason", ["", "too short", " " * 40, "two\nlines of a reason"], ids=range(4))
def test_without_a_reason_nobody_looks(desk: Desk, owner: Membership, reason: str) -> None:
    status, answer = desk.look(owner.workspace_id, owner.user_id, reason)
    assert (status, code_of(answer)) == (422, "invalid_fields")
    assert not Look.objects.get_queryset().exists()
    assert desk.get("/api/leads")[0] == 401


def test_a_look_is_for_an_open_case_a_ticket_of_the_help_desk_or_for_none(
    desk: Desk, owner: Membership, page: Browser
) -> None:
    """Planted bugs that this catches: any text is taken, and a case that was answered."""
    opened, answered = (
        cases.open_case(kind="grievance", channel="support", person=f"person-{n}", now=datetime.now(UTC)).reference
        for n in range(2)
    )
    cases.close(reference=answered, outcome="refused", answer="Not ours.", by="operator", now=datetime.now(UTC))
    for case in ("4711", "KS-2222-2222-2222", answered, "ticket:", "ticket:4711 4242", "ticket:4111111111111111"):
        status, told = desk.look(owner.workspace_id, owner.user_id, case=case)
        assert (status, code_of(told)) == (422, "look_case_refused"), case
    assert not Look.objects.get_queryset().exists()
    for case in ("", f" {opened.lower()} ", "ticket:HD-4711"):
        assert desk.look(owner.workspace_id, owner.user_id, case=case)[0] == 201
    assert [each["case_reference"] for each in looked(page)] == ["ticket:HD-4711", opened, ""]


def test_a_look_shows_the_members_pages_and_the_owner_reads_of_it(desk: Desk, owner: Membership, page: Browser) -> None:
    lead = page.post("/api/leads", LEAD)[1]
    assert looked(page) == []
    status, session = desk.look(owner.workspace_id, owner.user_id)
    assert (status, session["look"]["workspace_name"]) == (201, "Harbour Sales")

    seen = desk.get("/api/session")[1]
    assert (seen["state"], seen["role"], seen["user"]["email"]) == ("signed_in", "owner", owner.user.email)
    assert (seen["look"]["staff_name"], seen["look"]["reason"]) == ("Nora", REASON)
    assert (seen["live_socket_url"], seen["user"]["mobile_e164"]) == (None, "•••• 110")
    for path in ("/api/leads", f"/api/leads/{lead['id']}", f"/api/leads/{lead['id']}", "/api/leads"):
        assert desk.get(path) == page.get(path)

    (look,) = looked(page)
    assert (look["staff_name"], look["staff_role"], look["viewed"]) == ("Nora", "support", "Ada Okafor")
    assert (look["reason"], look["ended_at"]) == (REASON, None)
    assert look["opened"] == [{"what": "leads", "id": None}, {"what": "lead", "id": lead["id"]}]
    assert page.get("/api/session")[1]["look"] is None

    assert desk.post("/api/staff/looks/end")[0] == 204
    assert desk.get("/api/leads")[0] == 401
    assert looked(page)[0]["ended_at"] is not None
    acts = page.get("/api/team/activity")[1]["items"]
    assert [(each["action"], each["by"], each["by_us"]) for each in acts] == [
        ("look.ended", None, True),
        ("look.began", None, True),
    ]


def test_the_chain_holds_every_look_and_no_words_of_it(desk: Desk, owner: Membership) -> None:
    desk.look(owner.workspace_id, owner.user_id)
    desk.get("/api/credits")
    desk.post("/api/staff/signout")
    events = AuditEvent.objects.filter(workspace_id=owner.workspace_id).order_by("sequence")
    assert [each.action for each in events] == ["look.began", "look.opened", "look.ended"]
    assert {each.actor_ref for each in events} == {f"staff:{Look.objects.get_queryset().get().member_id}"}
    said = str([each.detail for each in events])
    assert REASON not in said and "Nora" not in said
    assert audit_check.verify().broken is None


def test_a_look_changes_nothing_and_says_so(desk: Desk, owner: Membership, page: Browser) -> None:
    desk.look(owner.workspace_id, owner.user_id)
    for answer in (
        desk.post("/api/leads", LEAD),
        desk.patch("/api/workspace", {"name": "Ours now"}),
        desk.post("/api/signout"),
        desk.post("/api/signin", {"email": owner.user.email, "password": "correct horse battery"}),
        desk.delete(f"/api/team/members/{owner.user_id}"),
        desk.post("/api/nothing/at/all"),
    ):
        assert (answer[0], code_of(answer[1])) == (403, "look_is_read_only")
    assert page.get("/api/leads")[1]["items"] == []
    # What is the member's own, or would be taken away, is no part of it.
    for path in ("privacy/export", "privacy/held", "sessions", "workspaces", "credits/statement.csv"):
        status, answer = desk.get(f"/api/{path}")
        assert (status, code_of(answer)) == (403, "not_in_look")


def test_should_a_listed_read_ever_write_the_database_refuses_it(
    desk: Desk, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export is a GET that writes into the audit log; here somebody has listed it by mistake."""
    monkeypatch.setattr(look_gate, "READ", {**look_gate.READ, "api/privacy/export": None})
    desk.look(owner.workspace_id, owner.user_id)
    status, answer = desk.get("/api/privacy/export")
    assert (status, code_of(answer)) == (403, "look_is_read_only")
    assert not AuditEvent.objects.filter(action="privacy.exported").exists()
    assert desk.get("/api/leads")[0] == 200


def test_a_look_is_over_after_its_time(desk: Desk, owner: Membership, page: Browser) -> None:
    began(desk, owner, datetime.now(UTC) - LONG_AGO)
    status, answer = desk.get("/api/leads")
    assert (status, code_of(answer)) == (401, "look_ended")
    assert desk.get("/api/staff/session")[1]["look"] is None
    status, answer = desk.post("/api/staff/looks/end")
    assert (status, code_of(answer)) == (409, "look_missing")
    # The moment of its end is that of its term, not that of the next look.
    desk.look(owner.workspace_id, owner.user_id)
    newest, oldest = looked(page)
    assert (newest["ended_at"], oldest["ended_at"]) == (None, oldest["ends_at"])


def test_what_is_answered_after_the_look_has_ended_is_not_shown_and_not_noted(desk: Desk, owner: Membership) -> None:
    """A read that takes long: the table is held while the look ends. Red when it is noted with the moment of asking."""
    desk.look(owner.workspace_id, owner.user_id)
    actor = actor_of_key(desk.client.cookies["__Host-staff"].value, now=datetime.now(UTC))
    assert actor is not None
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE voice_lead IN ACCESS EXCLUSIVE MODE")
            answer = threads.submit(alone, lambda: desk.get("/api/leads"))
            waits_for_a_lock()
            looks.end_own(actor=actor, now=datetime.now(UTC))
        status, told = answer.result(timeout=10)
    assert (status, code_of(told)) == (401, "look_ended")
    assert not AuditEvent.objects.filter(action="look.opened").exists()


def test_of_two_looks_that_begin_at_once_in_a_browser_the_second_ends_the_first(desk: Desk, owner: Membership) -> None:
    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic(), connection.cursor() as cursor:
            # Both have come as far as writing down that they begin, or wait for each other before.
            cursor.execute("LOCK TABLE compliance_audithead IN ACCESS EXCLUSIVE MODE")
            asked = [threads.submit(alone, lambda: desk.look(owner.workspace_id, owner.user_id)[0]) for _ in range(2)]
            waits_for_a_lock()
            time.sleep(0.5)
        assert [each.result(timeout=10) for each in asked] == [201, 201]
    looks_there = Look.objects.get_queryset()
    assert (looks_there.count(), looks_there.filter(ended_at=None).count()) == (2, 1)


def test_a_browser_in_a_look_is_nobody_else_until_it_asks_anew(desk: Desk, owner: Membership, page: Browser) -> None:
    """Who is a customer too would else act in the own workspace, on pages of another."""
    for name in ("__Host-session", "__Host-csrf"):
        desk.client.cookies[name] = page.client.cookies[name].value
    began(desk, owner, datetime.now(UTC) - LONG_AGO)
    for answer in (desk.get("/api/leads"), desk.post("/api/leads", LEAD)):
        assert (answer[0], code_of(answer[1])) == (401, "look_ended")
    session = desk.get("/api/session")[1]
    assert (session["look"], session["user"]["email"]) == (None, owner.user.email)
    assert desk.look_mark == ""
    assert desk.get("/api/leads")[0] == 200


def test_the_mark_of_a_look_opens_nothing_without_the_session_that_began_it(desk: Desk, owner: Membership) -> None:
    desk.look(owner.workspace_id, owner.user_id)
    thief = at_desk(first_name="Other")
    for browser in (Browser(), thief):
        browser.client.cookies["__Host-look"] = desk.look_mark
        status, answer = browser.get("/api/leads")
        assert (status, code_of(answer)) == (401, "look_ended")
    desk.client.cookies["__Host-look"] = "made-up"
    assert desk.get("/api/leads")[0] == 401


def test_the_look_ends_when_the_member_leaves_is_erased_or_one_of_us_is_disabled(
    desk: Desk, owner: Membership, page: Browser, colleague: Callable[[str], Membership]
) -> None:
    rep = colleague("rep")
    desk.look(owner.workspace_id, rep.user_id)
    assert desk.get("/api/leads")[0] == 200
    page.delete(f"/api/team/members/{rep.user_id}")
    assert desk.get("/api/leads")[0] == 401

    manager = colleague("manager")
    desk.look(owner.workspace_id, manager.user_id)
    erasure.end_access(user_id=manager.user_id)
    assert desk.get("/api/leads")[0] == 401
    status, answer = desk.look(owner.workspace_id, manager.user_id)
    assert (status, code_of(answer)) == (409, "look_not_allowed")

    desk.look(owner.workspace_id, owner.user_id)
    call_command("staff", "disable", "nora@klosesales.example")
    assert desk.get("/api/leads")[0] == 401
    assert looked(page)[0]["ended_at"] is not None


def test_who_has_restricted_the_use_of_their_data_is_looked_at_by_nobody(
    desk: Desk, owner: Membership, colleague: Callable[[str], Membership]
) -> None:
    rep = colleague("rep")
    desk.look(owner.workspace_id, rep.user_id)
    assert desk.get("/api/leads")[0] == 200
    restricted(rep)
    assert desk.get("/api/leads")[0] == 401
    status, answer = desk.look(owner.workspace_id, rep.user_id)
    assert (status, code_of(answer)) == (409, "look_not_allowed")


def test_nobody_looks_into_what_is_not_there(desk: Desk, owner: Membership, make_account: MakeAccount) -> None:
    stranger = make_account(email="eve@example.com", mobile="+1 202 555 0177")
    for workspace_id, user_id in ((uuid4(), owner.user_id), (owner.workspace_id, stranger.user_id)):
        status, answer = desk.look(workspace_id, user_id)
        assert (status, code_of(answer)) == (404, "look_target_missing")


def test_a_look_shows_one_workspace_of_a_person_and_only_the_workspace_reads_of_it(
    desk: Desk, owner: Membership, page: Browser, make_account: MakeAccount, sign_in: SignIn
) -> None:
    stranger = sign_in(make_account(email="eve@example.com", mobile="+1 202 555 0177"))
    desk.look(owner.workspace_id, owner.user_id)
    assert looked(stranger) == []
    seen = looked(page)[0]["id"]
    status, answer = stranger.get(f"/api/team/looks?cursor={seen}")
    assert (status, code_of(answer)) == (400, "cursor_invalid")


def test_a_rep_does_not_read_of_looks(page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn) -> None:
    status, answer = sign_in(colleague("rep")).get("/api/team/looks")
    assert (status, code_of(answer)) == (403, "not_permitted")


def test_support_reads_the_own_looks_and_the_privacy_officer_those_of_all(desk: Desk, owner: Membership) -> None:
    desk.look(owner.workspace_id, owner.user_id)
    other, officer = at_desk(first_name="Other"), at_desk("privacy_officer", "Pia")

    def read(whose: Desk) -> list[tuple[str, str]]:
        return [(each["staff_name"], each["workspace_name"]) for each in whose.get("/api/staff/looks")[1]["items"]]

    assert (read(desk), read(other), read(officer)) == ([("Nora", "Harbour Sales")], [], [("Nora", "Harbour Sales")])


def test_the_database_refuses_to_change_or_remove_a_look(desk: Desk, owner: Membership) -> None:
    desk.look(owner.workspace_id, owner.user_id)
    rows = Look.objects.get_queryset()
    now = datetime.now(UTC)
    refused: list[dict[str, Any]] = [
        {"reason": "Another reason altogether"},
        {"ends_at": now + timedelta(days=1)},
        {"user_id": uuid4()},
    ]
    for change in refused:
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
    rows.update(ended_at=now)
    for ended_at in (None, now + timedelta(seconds=1)):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(ended_at=ended_at)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()
    assert (rows.get().reason, rows.get().ended_at) == (REASON, now)


@pytest.mark.policy("C6.1", "C7.1", "C7.3")
def test_an_export_tells_of_looks_and_an_erasure_leaves_that_there_was_one(
    desk: Desk, owner: Membership, page: Browser, colleague: Callable[[str], Membership]
) -> None:
    rep = colleague("rep")
    desk.look(owner.workspace_id, rep.user_id)
    subject = subject_of(rep.user_id)
    (held,) = STORE.export(subject)["staff_look"]
    assert (held["by"], held["reason"]) == ("support", REASON)
    assert STORE.find(Subject(kind="callee", phone_e164="+12025550188")) == {}

    now = datetime.now(UTC)
    assert STORE.erase(subject, now=now) == {"staff_look": 1}
    assert (STORE.erase(subject, now=now), STORE.verify(subject)) == ({}, 0)
    row = Look.objects.get_queryset().get()
    assert (row.user_id, row.reason, row.staff_role) == (None, "", "support")
    assert [(each["viewed"], each["reason"]) for each in looked(page)] == [(None, "")]


@pytest.mark.policy("C6.1")
def test_looks_are_kept_for_five_years(desk: Desk, owner: Membership) -> None:
    now = datetime.now(UTC)
    for days in (1_827, 1_825):
        began(desk, owner, now - timedelta(days=days))
    expire(now=now)
    assert [each.began_at for each in Look.objects.get_queryset()] == [now - timedelta(days=1_825)]
