"""The copy of one's data is written while it is read, and reads as if it were written at once."""

import json

import pytest

from compliance import access
from compliance.stores import Subject
from identity.models import Membership
from identity.personal_data import subject_of
from tests.compliance.test_erasure import NOW, plant
from tests.identity.conftest import MakeAccount

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account(first_name="Zanzibel")
    for number in range(25):
        plant(member, f"Lead{number}", f"+370600123{number:02d}", lines=3)
    return member


@pytest.mark.policy("C7.1")
@pytest.mark.parametrize("kind", ["member", "callee", "nobody"])
def test_in_parts_it_says_what_it_says_at_once(member: Membership, kind: str) -> None:
    subject = {
        "member": subject_of(member.user_id),
        "callee": Subject(kind="callee", phone_e164="+37060012301"),
        "nobody": Subject(kind="callee", phone_e164="+37060099999"),
    }[kind]
    parts = list(access.export(subject=subject, now=NOW))
    whole = access.bundle(subject=subject, now=NOW)
    assert "".join(parts) == json.dumps(whole, ensure_ascii=False, indent=2)
    calls = whole["data"].get("call", {"items": []})["items"]
    assert len(calls) == {"member": 25, "callee": 1, "nobody": 0}[kind]
    # No part is more than one thing, so a thousand calls need no more memory than one.
    assert max(map(len, parts)) < 2_000
