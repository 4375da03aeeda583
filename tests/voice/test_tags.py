"""Tags of leads: a bounded list of the workspace's, each once whatever its case, gone with the last lead that bears it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.voice.queues import actor, leads
from tests.voice.test_lead_import import counts, rejected
from voice import tags
from voice.leads import change_tags
from voice.models import Lead, Tag
from voice.schemas import TagsChange

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = "First name,Phone,Tags\n"


@pytest.fixture
def rep(make_account: MakeAccount) -> Membership:
    return make_account()


@pytest.fixture
def page(rep: Membership, sign_in: SignIn) -> Browser:
    return sign_in(rep)


@pytest.fixture
def tag(page: Browser) -> Callable[..., tuple[int, Any]]:
    def change(lead: Lead, **changed: list[str]) -> tuple[int, Any]:
        return page.patch(f"/api/leads/{lead.id}/tags", changed)

    return change


def listed(page: Browser) -> list[str]:
    return list(page.get("/api/tags")[1]["items"])


def test_tags_are_put_on_and_taken_off_and_found_by(rep: Membership, page: Browser, tag: Any) -> None:
    ada, ben = leads(rep, "Ada", "Ben")
    assert tag(ada, add=["  Trade   fair ", "hot"])[1]["tags"] == ["hot", "Trade fair"]
    # The same tag in another case is the same.
    assert tag(ben, add=["HOT"])[1]["tags"] == ["hot"]
    assert listed(page) == ["hot", "Trade fair"]
    assert [row["first_name"] for row in page.get("/api/leads?tag=Trade%20fair")[1]["items"]] == ["Ada"]
    assert tag(ada, remove=["trade FAIR", "not there"], add=["Q3"])[1]["tags"] == ["hot", "Q3"]
    assert listed(page) == ["hot", "Q3"]
    tag(ada, remove=["hot"])
    assert listed(page) == ["hot", "Q3"]
    page.delete(f"/api/leads/{ada.id}")
    assert listed(page) == ["hot"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("x" * 31, 422, "invalid_fields"),
        (" ", 422, "invalid_fields"),
        ("one, two", 422, "tag_unusable"),
        ("a;b", 422, "tag_unusable"),
    ],
)
def test_a_tag_that_is_none_is_refused(
    rep: Membership, page: Browser, tag: Any, name: str, status: int, code: str
) -> None:
    (ada,) = leads(rep, "Ada")
    answer = tag(ada, add=[name])
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert listed(page) == []


def test_a_lead_has_ten_tags_and_a_workspace_two_hundred(rep: Membership, page: Browser, tag: Any) -> None:
    (ada,) = leads(rep, "Ada")
    assert tag(ada, add=[f"tag {number}" for number in range(10)])[0] == 200
    status, answer = tag(ada, add=["one more"])
    assert (status, answer["code"]) == (409, "too_many_tags")
    many = [Tag(workspace_id=rep.workspace_id, name=f"old {n}", created_at=datetime.now(UTC)) for n in range(190)]
    Tag.objects.bulk_create(many)
    (ben,) = leads(rep, "Ben")
    assert tag(ben, add=["one more"])[1]["code"] == "too_many_tags"
    assert tag(ben, add=["TAG 3"])[1]["tags"] == ["tag 3"]
    assert len(listed(page)) == 200


def test_a_lead_may_come_with_its_tags(page: Browser) -> None:
    status, lead = page.post("/api/leads", {"first_name": "Ada", "phone": "+442079460018", "tags": ["Hot", "hot"]})
    assert (status, lead["tags"]) == (201, ["Hot"])


def test_an_import_brings_tags_and_says_which_rows_have_too_many(page: Browser) -> None:
    page.post("/api/leads", {"first_name": "Eve", "phone": "+442079460010", "tags": ["Hot"]})
    rows = ['Ada,+442079460018,"hot; Trade fair|Q3, hot"', "Ben,+442079460019,", f"Cleo,+442079460020,{'x' * 31}"]
    assert counts(page, HEADER + "\n".join(rows)) == (3, 2, 0, 1)
    assert Lead.objects.get_queryset().get(first_name="Ada").tags == ["Hot", "Trade fair", "Q3"]
    assert listed(page) == ["Hot", "Q3", "Trade fair"]
    many = ";".join(f"t{number}" for number in range(11))
    assert rejected(page, f"{HEADER}Dan,+442079460021,{many}\nCleo,+442079460020,{'x' * 31}\n") == [
        (2, "Tags", "too_many_tags"),
        (3, "Tags", "tag_unusable"),
    ]


def test_a_file_cannot_bring_more_tags_than_a_workspace_may_have(
    page: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tags, "TAGS_PER_WORKSPACE_MAX", 2)
    rows = ["Ada,+442079460018,one", "Ben,+442079460019,two;three", "Cleo,+442079460020,two"]
    assert rejected(page, HEADER + "\n".join(rows)) == [(3, "Tags", "too_many_tags")]
    assert listed(page) == ["one", "two"]


def test_eight_who_bring_the_same_new_tag_make_one(rep: Membership, page: Browser) -> None:
    tagged = leads(rep, *(f"Lead {number}" for number in range(8)))
    at_once = Barrier(len(tagged))

    def change(lead: Lead) -> None:
        try:
            at_once.wait(timeout=10)
            wanted = TagsChange(add=["New"])
            change_tags(actor=actor(rep), lead_id=lead.id, change=wanted, now=datetime.now(UTC))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(tagged)) as pool:
        list(pool.map(change, tagged))
    assert listed(page) == ["New"]
