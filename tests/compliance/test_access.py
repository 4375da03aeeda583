"""The copy of one's data is written while it is read, and reads as if it were written at once."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils.html import escape

from compliance import access
from compliance.stores import Subject
from identity.models import Membership
from identity.personal_data import subject_of
from tests.compliance.test_erasure import NOW, accounts, plant
from tests.identity.browser import whole
from tests.identity.conftest import MakeAccount, SignIn
from voice.models import Lead

__all__ = ["accounts"]

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


@pytest.mark.policy("C7.1")
def test_the_copy_can_be_had_as_a_page_that_is_read_without_us(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    Lead.objects.filter(first_name="Brobdingnag").update(notes="<script>alert(1)</script>")
    browser = sign_in(accounts[0])
    answer: Any = browser.client.get("/api/privacy/export?as_page=true", secure=True)
    page = async_to_sync(whole)(answer)
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="klosesales-my-data.html"'
    for own in ("Zanzibel", "+12025550180", "+37060012345", "sentence 199", "&lt;script&gt;alert(1)"):
        assert own in page
    for never in ("Controlia", "Laputania", "+37060054321", "<script", "src=", "href="):
        assert never not in page
    copy = browser.get("/api/privacy/export")[1]["data"]
    kinds = copy.values()
    assert [escape(kind["what"]) for kind in kinds] == re.findall("<h2>(.+)</h2>", page)
    # What was taken second holds that the first was.
    assert page.count("<article>") == sum(len(kind["items"]) for kind in kinds) - 1
    # No moment stands there as machines write it; the one of the sign-up, to the second and with its zone.
    assert re.findall(r"\d{4}-\d\d-\d\d[T ]\d\d:|\d\.\d{6}", page) == []
    made = datetime.fromisoformat(copy["account"]["items"][0]["created_at"]).astimezone(UTC)
    assert f"<dt>Created at</dt><dd>{made.day} {made:%B %Y, %H:%M:%S} UTC</dd>" in page
