"""Legal holds: what an order demands stays beyond its term, is sealed when it is erased, and goes when the hold is lifted.

Planted bugs that these catch: copies without the calls of a held lead, a retention that asks no hold or leaves held text to be read, and a lift that leaves the copies.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from compliance import erasure, holds
from compliance.models import AuditEvent, HeldCopy, LegalHold, Request
from compliance.retention import expire
from identity import account_name
from identity.models import Membership
from processors.models import Disclosure
from processors.pseudonyms import pseudonym
from tests.compliance.ends import end
from tests.compliance.test_erasure import all_rows, plant
from tests.identity.browser import code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.opened import stored_rows
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, at_desk
from voice.callee import ask_erasure, subject_of_number
from voice.models import Call, Lead, TranscriptSegment
from voice.personal_data import STORE as VOICE

NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=6)
ASKER = "asker@people.example"
HELD, OTHER = "+37060012345", "+37060054321"
FORM = {
    "what": "number",
    "which": HELD,
    "basis": "Court order under the law of Lithuania",
    "order_id": "2 Js 417/26",
    "reason": "A claim about what was said.",
    "review_on": (NOW + timedelta(days=90)).date().isoformat(),
    "ends_on": (NOW + timedelta(days=200)).date().isoformat(),
}


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account(email=ASKER)
    plant(member, "Brobdingnag", HELD, lines=3)
    plant(member, "Laputania", OTHER, lines=3)
    return member


def placed(desk: Desk, **changes: object) -> dict[str, Any]:
    status, hold = desk.post("/api/staff/holds", {**FORM, **changes})
    assert status == 201, hold
    assert isinstance(hold, dict)
    return hold


def opened(hold: dict[str, Any], order_id: str = FORM["order_id"]) -> list[dict[str, Any]]:
    if LegalHold.objects.filter(reference=hold["reference"], approved_at__isnull=True).exists():
        holds.approve(reference=hold["reference"], by="another", now=NOW)
    out = StringIO()
    call_command("hold", "open", hold["reference"], "--order-id", order_id, stdout=out)
    found: list[dict[str, Any]] = json.loads(out.getvalue())
    return found


@contextmanager
def while_counted(reference: str) -> Iterator[None]:
    """Each copy comes under the hold while it is counted what leaves, and the second time the hold is lifted."""
    ours = f"(SELECT id FROM compliance_legalhold WHERE reference = '{reference}')"  # noqa: S608 - of ours
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                UPDATE compliance_heldcopy SET hold_id = {ours};
                IF TG_OP = 'UPDATE' THEN
                    UPDATE compliance_legalhold SET lifted_at = now(), lifted_by = 'x', lift_reason = 'y' WHERE id = {ours};
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER meanwhile AFTER INSERT OR UPDATE ON processors_disclosure
                FOR EACH ROW EXECUTE FUNCTION meanwhile()
            """  # noqa: S608 - of ours
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER meanwhile ON processors_disclosure; DROP FUNCTION meanwhile")


@pytest.mark.policy("C2.7", "C6.3")
def test_what_is_held_is_sealed_when_it_is_erased_and_goes_when_the_hold_is_lifted(
    member: Membership, sign_in: SignIn
) -> None:
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    hold = placed(pia)
    assert (hold["leads"], hold["calls"], hold["sealed"], hold["placed_by"]) == (1, 0, 0, "Pia")
    browser = sign_in(member)
    assert "demands to be kept" in str(browser.get("/api/privacy/erasure/preview")[1]["stays"])
    receipt = browser.post("/api/privacy/erasure", {"confirm": ASKER, "when": "now"})[1]["receipt_path"]
    assert erasure.run_due_erasures(now=SOON) == 1
    assert (Lead.objects.get_queryset().count(), Call.objects.get_queryset().count()) == (0, 0)
    told = browser.get(f"/api/erasure-receipts/{receipt.rsplit('/', 1)[1]}")[1]
    assert told["state"] == "done" and "demands to be kept" in str(told["kept"])
    assert "2 Js 417/26" not in str(told)
    # The bytes are there, and nobody reads them without the keys.
    assert "brobdingnag" not in stored_rows() and "laputania" not in all_rows()
    sealed = opened(hold)
    assert sorted(copy["kind"] for copy in sealed) == ["call", "lead"]
    assert "this is Brobdingnag speaking, sentence 3" in str(sealed) and HELD in str(sealed)
    assert "Laputania" not in str(sealed)
    assert pia.get("/api/staff/holds")[1]["items"][0]["sealed"] == 2
    lift, reason = f"/api/staff/holds/{hold['reference']}/lift", {"reason": "The claim was settled."}
    asked = pia.post(lift, reason)[1]
    assert (asked["lift_asked_by"], asked["lifted_by"], asked["may"]) == ("Pia", "", ["review"])
    assert code_of(pia.post(lift, reason)[1]) == "second_person_needed"
    lifted = ada.post(lift, reason)[1]
    assert (lifted["lifted_by"], lifted["sealed"], HeldCopy.objects.count()) == ("Ada", 0, 0)
    acts = AuditEvent.objects.filter(target=hold["reference"]).order_by("sequence").values_list("action", flat=True)
    assert list(acts) == ["hold.placed", "hold.approved", "hold.opened", "hold.lift_asked", "hold.lifted"]


@pytest.mark.policy("C4.6")
def test_what_is_sealed_leaves_for_an_order_alone_once_two_people_agreed_and_it_is_counted(member: Membership) -> None:
    """Red when one word of the operator opens it, another order does, or nothing counts what left."""
    pia = at_desk("privacy_officer", "Pia")
    hold = placed(pia)
    ask_erasure(phone_e164=HELD, confirm=HELD, at_once=True, now=NOW)
    assert erasure.run_due_erasures(now=SOON) == 1

    def refused(order_id: str) -> str:
        with pytest.raises(CommandError) as caught:
            call_command("hold", "open", hold["reference"], "--order-id", order_id)
        return str(caught.value)

    assert "approved" in refused("2 Js 417/26")
    holds.approve(reference=hold["reference"], by="another", now=NOW)
    assert "number" in refused("") and "number" in refused("3 Js 1/26")
    given = Disclosure.objects.filter(processor="authorities")
    assert not given.exists()
    assert len(opened(hold)) == 2
    [counted] = given
    assert (counted.person, counted.data_classes) == (pseudonym("phone", HELD), ["call", "callee"])
    LegalHold.objects.update(secret_until=NOW.date() + timedelta(days=9))
    opened(hold)
    assert set(given.values_list("person", "count")) == {(pseudonym("phone", HELD), 1), ("", 1)}


@pytest.mark.policy("C4.6")
def test_nothing_leaves_that_was_not_counted_nor_once_the_hold_is_over(member: Membership, sign_in: SignIn) -> None:
    """Red when what is sealed between the count and the opening leaves too, or a hold opens that ended meanwhile or on its last day."""
    browser, pia = sign_in(member), at_desk("privacy_officer", "Pia")
    hold, other = placed(pia), placed(pia, which=OTHER)
    for lead in Lead.objects.get_queryset():
        assert browser.patch(f"/api/leads/{lead.id}", {"notes": "changed"})[0] == 200
    with while_counted(hold["reference"]):
        assert [each["phone"] for each in opened(hold)] == [HELD]
        with pytest.raises(CommandError, match="over"):
            opened(hold)
    holds.approve(reference=other["reference"], by="another", now=NOW)
    with pytest.raises(holds.HoldLifted):
        holds.opened(reference=other["reference"], order_id=FORM["order_id"], by="x", now=NOW + timedelta(days=201))


def test_a_hold_on_one_call_keeps_that_call_alone_and_one_on_an_account_the_account(
    member: Membership, sign_in: SignIn
) -> None:
    pia = at_desk("privacy_officer", "Pia")
    call = Call.objects.get_queryset().get(lead__phone_e164=HELD)
    one = placed(pia, what="call", which=str(call.id))
    assert list(VOICE.held_copies(subject_of_number(OTHER))) == []
    ask_erasure(phone_e164=HELD, confirm=HELD, at_once=True, now=NOW)
    assert erasure.run_due_erasures(now=SOON) == 1
    assert [copy["kind"] for copy in opened(one)] == ["call"]
    account = placed(pia, what="account", which=ASKER)
    sign_in(member).post("/api/privacy/erasure", {"confirm": ASKER, "when": "now"})
    assert erasure.run_due_erasures(now=SOON) == 1
    copies = {copy["kind"]: copy for copy in opened(account)}
    assert (set(copies), copies["account"]["email"]) == ({"account", "call"}, ASKER)
    assert copies["call"]["phone"] == OTHER
    for each in ("one of us", "another"):
        holds.lift(reference=one["reference"], reason="It is settled.", by=each, now=SOON)
    assert sorted(copy.kind for copy in HeldCopy.objects.all()) == ["account", "call"]


def test_what_a_customer_removes_is_sealed_too(member: Membership, sign_in: SignIn) -> None:
    hold = placed(at_desk("privacy_officer", "Pia"))
    lead = Lead.objects.get_queryset().get(phone_e164=HELD)
    assert sign_in(member).delete(f"/api/leads/{lead.id}")[0] == 204
    assert sorted(copy["kind"] for copy in opened(hold)) == ["call", "lead"]


@pytest.mark.policy("C6.3")
def test_what_somebody_overwrites_is_sealed_as_it_was_when_the_hold_began(member: Membership, sign_in: SignIn) -> None:
    """Red when a change leaves nothing of what an order demands to be kept, or what is erased later is taken for sealed by that."""
    call = Call.objects.get_queryset().get(lead__phone_e164=HELD)
    other = Call.objects.get_queryset().get(lead__phone_e164=OTHER)
    browser, pia = sign_in(member), at_desk("privacy_officer", "Pia")
    browser.patch(f"/api/calls/{call.id}", {"notes": "He paid in cash."})
    hold, account = placed(pia), placed(pia, what="account", which=ASKER)
    line = f"/api/segments/{call.segments.get(sequence=1).id}"
    for words in ("He paid.", "Nothing."):
        assert browser.patch(f"/api/calls/{call.id}", {"notes": words})[0] == 200
        assert browser.patch(f"/api/leads/{call.lead_id}", {"notes": words, "first_name": "Glum"})[0] == 200
    assert browser.patch(line, {"sequence": 1, "text": "I said nothing"})[0] == 200
    assert browser.patch(f"/api/leads/{other.lead_id}", {"notes": "of nobody held"})[0] == 200
    account_name.change(user_id=member.user_id, first_name="Somebody", last_name="Else", now=NOW)
    sealed = {each["kind"]: each for each in opened(hold)}
    assert set(sealed) == {"lead_was", "call_was", "line_was"}
    assert sealed["call_was"]["notes"] == "He paid in cash."
    assert (sealed["lead_was"]["first_name"], sealed["lead_was"]["notes"]) == ("Brobdingnag", "Brobdingnag notes")
    assert sealed["line_was"]["text"] == "this is Brobdingnag speaking, sentence 1"
    assert {each["kind"]: each for each in opened(account)}["user_was"]["name"] == "Ada Okafor"
    # What is there at last is sealed too, when it goes.
    assert browser.delete(f"/api/leads/{call.lead_id}")[0] == 204
    sealed = {each["kind"]: each for each in opened(hold)}
    assert (sealed["lead"]["notes"], sealed["call"]["notes"]) == ("Nothing.", "Nothing.")


@pytest.mark.policy("C6.3")
def test_text_that_is_held_is_sealed_at_its_term_read_by_nobody_and_ends_once_the_hold_does(
    member: Membership, sign_in: SignIn
) -> None:
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    hold = placed(pia)
    ada.post(f"/api/staff/holds/{hold['reference']}/approve")
    TranscriptSegment.objects.get_queryset().update(created_at=NOW - timedelta(days=190))
    Call.objects.get_queryset().update(ended_at=NOW - timedelta(days=190))
    call = Call.objects.get_queryset().get(lead__phone_e164=HELD)
    browser = sign_in(member)

    def read() -> str:
        asked = browser.post("/api/questions", {"question": "Who is speaking?"}, **{"Idempotency-Key": f"at-{call.id}"})
        pages = [browser.get(f"/api/calls/{call.id}/{each}") for each in ("segments", "insights")]
        return str([*pages, browser.get("/api/privacy/export"), browser.get("/api/calls"), asked])

    expire(now=NOW)
    assert "sentence" not in read() and "sentence" not in stored_rows()
    assert TranscriptSegment.objects.get_queryset().count() == 0
    [sealed] = opened(hold)
    assert (sealed["kind"], sealed["phone"], len(sealed["transcript"])) == ("text", HELD, 3)
    assert "this is Brobdingnag speaking, sentence 3" in str(sealed)
    assert pia.get("/api/staff/holds")[1]["items"][0]["sealed"] == 1
    # What is erased later is sealed beside it.
    ask_erasure(phone_e164=HELD, confirm=HELD, at_once=True, now=NOW)
    assert erasure.run_due_erasures(now=SOON) == 1
    assert sorted(copy["kind"] for copy in opened(hold)) == ["call", "lead", "text"]
    assert holds.lift_ended(now=NOW + timedelta(days=199)) == 0
    assert holds.lift_ended(now=NOW + timedelta(days=202)) == 1
    assert HeldCopy.objects.count() == 0
    assert LegalHold.objects.get().lifted_by == "system"
    assert end("legal_hold", now=NOW + timedelta(days=2_100)) == 1
    assert hold["reference"] not in str(list(LegalHold.objects.values()))


@pytest.mark.policy("C2.7")
def test_no_hold_without_ground_person_and_review(member: Membership) -> None:
    pia = at_desk("privacy_officer", "Pia")
    for missing in ("basis", "reason", "review_on", "ends_on"):
        assert pia.post("/api/staff/holds", {**FORM, missing: ""})[0] == 422
    past = {**FORM, "review_on": NOW.date().isoformat()}
    assert code_of(pia.post("/api/staff/holds", past)[1]) == "review_past"
    for what, which in (("number", "+37060099999"), ("lead", "not an id"), ("call", str(member.id))):
        wrong = {**FORM, "what": what, "which": which}
        assert code_of(pia.post("/api/staff/holds", wrong)[1]) == "nothing_to_hold"
    placed(pia)
    with pytest.raises(IntegrityError, match="legal_hold_has_ground_and_person"), transaction.atomic():
        LegalHold.objects.update(basis="")


@pytest.mark.policy("C2.7")
def test_a_hold_that_nobody_else_approves_ends_after_a_week(member: Membership) -> None:
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    approved, left = placed(pia), placed(pia)
    path = f"/api/staff/holds/{approved['reference']}/approve"
    assert approved["may"] == ["review", "lift"] and code_of(pia.post(path)[1]) == "second_person_needed"
    assert ada.post(path)[1]["approved_by"] == "Ada" and code_of(ada.post(path)[1]) == "nothing_prepared"
    assert holds.lift_ended(now=NOW + timedelta(days=6)) == 0
    assert holds.lift_ended(now=NOW + timedelta(days=8)) == 1
    ended = LegalHold.objects.get(lifted_at__isnull=False)
    assert (ended.reference, ended.lift_reason) == (left["reference"], "Nobody else approved it in time.")
    # A copy that a lift left behind goes as well.
    HeldCopy.objects.create(hold=ended, kind="lead", row_id=member.id, content={}, at=NOW)
    assert (holds.lift_ended(now=NOW), HeldCopy.objects.count()) == (0, 0)


@pytest.mark.policy("C4.6")
def test_a_hold_that_is_to_be_kept_secret_is_not_told_before_its_day_is_over(
    member: Membership, sign_in: SignIn
) -> None:
    placed(at_desk("privacy_officer", "Pia"), secret_until=(NOW + timedelta(days=1)).date().isoformat())
    browser, yesterday = sign_in(member), (NOW - timedelta(days=1)).date()

    def told(path: str) -> bool:
        return "demands to be kept" in str(browser.get(path)[1])

    assert not told("/api/privacy/erasure/preview")
    receipt = browser.post("/api/privacy/erasure", {"confirm": ASKER, "when": "now"})[1]["receipt_path"]
    shown = f"/api/erasure-receipts/{receipt.rsplit('/', 1)[1]}"
    assert not told("/api/privacy/erasure")
    LegalHold.objects.update(secret_until=yesterday)
    assert told("/api/privacy/erasure") and told("/api/privacy/erasure/preview")
    LegalHold.objects.update(secret_until=(NOW + timedelta(days=1)).date())
    assert erasure.run_due_erasures(now=SOON) == 1
    assert HeldCopy.objects.count() == 2 and not told(shown)
    Request.objects.update(held_told_after=yesterday)
    assert told(shown)


@override_settings(OPERATOR_EMAIL="desk@klose.example")
def test_the_operator_is_told_once_that_a_review_is_due(member: Membership, sandbox: Sandbox, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    hold = placed(pia)
    due = NOW + timedelta(days=91)
    assert holds.send_review_alerts(now=NOW) == 0
    assert [holds.send_review_alerts(now=NOW + timedelta(days=days)) for days in (3, 5, 5)] == [0, 1, 0]
    ada.post(f"/api/staff/holds/{hold['reference']}/approve")
    assert [holds.send_review_alerts(now=due) for _ in range(2)] == [1, 0]
    assert {mail["subject"] for mail in sandbox.ask("GET", "/mails", to="desk@klose.example")} == {
        f"Hold {hold['reference']}: nobody else has approved it",
        f"Hold {hold['reference']}: its review is due",
    }
    later = (NOW + timedelta(days=180)).date().isoformat()
    assert pia.post(f"/api/staff/holds/{hold['reference']}/review", {"review_on": later})[1]["review_on"] == later
    assert holds.send_review_alerts(now=due) == 0
    assert holds.send_review_alerts(now=NOW + timedelta(days=181)) == 1
