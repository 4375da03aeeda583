"""A card number that one of our own people types anywhere is in no table afterwards (C1.3).

Found by this: the reason of a pause kept what was typed.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from api.app import api
from compliance import policy
from compliance.models import Case, NomineeClaim
from compliance.redaction import REPLACEMENT
from identity import nominees
from identity.nominees import claim_token
from tests.matrix.asker import Asker
from tests.matrix.expected_of_staff import STAFF
from tests.matrix.routes import Operation, is_ours, operations
from tests.matrix.test_cards import NOT_FREE, SENTENCE, TYPED, cards_in, free_texts, stored
from tests.matrix.world import SUPPORT, World, at_desk
from tests.smoke.cards import cards_in as any_cards_in

pytestmark = pytest.mark.django_db
# By these somebody or something is sought, which has to be found: no words, so they are mostly refused.
SOUGHT = {"whose", "which", "typed", "seen", "number", "elements", "contact", "case_reference"}
# The kind of the case that takes a text, where it is not any.
KINDS = {"correct_case": "correction", "lift_case_restriction": "restriction", "prepare_nominee": "nominee"}
MIA = "mia@people.example"


def case_for(world: World, operation_id: str, desk: Asker) -> str:
    """The reference of a case about the owner that is as far as an operation needs it."""
    owner = world.people["owner"].membership.user
    kind = KINDS.get(operation_id, "access")
    if kind == "nominee":
        return _nominees_case(world)
    opened = desk.post("/api/staff/cases", {"kind": kind, "contact": MIA, "words": "please"})[1]
    path = f"/api/staff/cases/{opened['case']['reference']}"
    assert desk.post(f"{path}/prove", {"whose": owner.email})[0] == 200
    if kind == "restriction":
        status, answer = desk.post(f"{path}/carry-out", {"number": ""})
        assert status == 200, answer
    return str(opened["case"]["reference"])


def _nominees_case(world: World) -> str:
    now, owner = datetime.now(UTC), world.people["owner"].membership.user
    version = policy.current_version()
    nominees.name(user_id=owner.id, name="Mia", email=MIA, policy_version=version, client=SUPPORT, now=now)
    nominees.ask(email=MIA, account_email=owner.email, words="please", now=now)
    nominees.press(token=claim_token(NomineeClaim.objects.latest("created_at").id), now=now)
    return Case.objects.get(user_id=owner.id, kind="nominee").reference


def place_of(world: World, operation: Operation, desk: Asker) -> dict[str, UUID | str]:
    """What the address of an operation names: something that is there, made for it alone."""
    if "{follow_up_id}" in operation.path:
        found = {**(STAFF["note_review"].body or {}), "follow_ups": ["Ask who else."]}
        kinds = desk.post("/api/staff/reviews", found)[1]["items"]
        reviews = next(each for each in kinds if each["kind"] == found["kind"])["reviews"]
        return {"path.follow_up_id": reviews[0]["follow_ups"][0]["id"]}
    if "/cases/{reference}" in operation.path:
        return {"path.reference": case_for(world, operation.operation_id, desk)}
    for kind, made_by in (("breaches", "record_breach"), ("holds", "place_hold")):
        if f"/{kind}/{{reference}}" in operation.path:
            status, made = desk.post(f"/api/staff/{kind}", body_of(world, made_by))
            assert status == 201, made
            return {"path.reference": made["reference"]}
    return {"path.reference": "XX-0000"}


def body_of(world: World, operation_id: str) -> dict[str, Any]:
    """As the matrix has it, but about what is there."""
    owner = world.people["owner"]
    words = {"workspace": str(owner.membership.workspace_id), "member": str(owner.membership.user_id)}
    body = {
        name: value.format(**words) if isinstance(value, str) else value
        for name, value in (STAFF[operation_id].body or {}).items()
    }
    there = {
        "place_hold": {"what": "lead", "which": str(owner.things["lead"])},
        "prepare_order": {"whose": owner.email},
        "reply_to_case": {"template": "tell"},
        "close_breach": {"untold_reason": "No risk."},
    }
    return body | there.get(operation_id, {})


@pytest.mark.policy("C1.3")
def test_no_table_keeps_a_card_number_that_one_of_us_typed(world: World) -> None:
    schema, desk, kept = api.get_openapi_schema(), at_desk("privacy_officer", "Cara"), set[str]()
    tried = set[str]()
    before = stored().count(REPLACEMENT)
    for operation in filter(is_ours, operations()):
        for name in sorted(set(free_texts(operation, schema)) - NOT_FREE):
            body = body_of(world, operation.operation_id)
            typed = [SENTENCE] if name in ("follow_ups", "elements") else SENTENCE
            where = operation.url(place_of(world, operation, desk))
            reply = desk.ask(operation.method, where, body | {name: typed})
            tried.add(name)
            if name in SOUGHT:
                assert reply.status < 500, (operation.operation_id, name, reply.text)
                continue
            assert reply.status in (200, 201), (operation.operation_id, name, reply.text)
            kept.add(f"{operation.operation_id}.{name}")
    assert {"pause_case.reason", "place_hold.basis", "note_review.follow_ups", "begin_look.reason"} <= kept
    assert tried >= SOUGHT
    everything = stored()
    assert cards_in(everything) == set() and not any_cards_in(everything.encode())
    # Each of them was written down, without the number.
    assert everything.count(REPLACEMENT) >= before + len(kept)
    assert cards_in(f"a control: {TYPED}")
