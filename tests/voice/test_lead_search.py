"""Leads are found by what people type: words in any order, parts of them, and numbers as they are written anywhere.

Planted bugs that this catches: a sign of LIKE that means more than itself, words of which one is enough, a text that is not written anew when
the name is, a condition for which the index cannot be used.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity import tenancy
from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.voice.queues import actor
from voice import queries
from voice.models import Lead

pytestmark = pytest.mark.django_db
# First name, last name, company, number; the newest first.
PEOPLE = (
    ("Grace", "Hopper", "Navy Ltd", "+442079460018"),
    ("Zoë", "Müller-Øst", "Straßenbau AG", "+4930123456"),
    ("Ann", "Percent", "100% Wool", "+13125550111"),
    ("Bob", "Under_score", "Back\\slash & Sons", "+13125550112"),
    ("Иван", "Петров", "", "+79161234567"),
)
SEARCHES = {
    "part of a first name": ("grac", ["Grace"]),
    "the middle of a last name": ("oppe", ["Grace"]),
    "words in any order, whatever their case": ("ltd HOPPER grace", ["Grace"]),
    "a word that stands nowhere beside one that does": ("grace zebra", []),
    "of two fields joined": ("gracehopper", []),
    "a letter that many have": ("n", ["Grace", "Zoë", "Ann", "Bob"]),
    "digits of a number": ("79460018", ["Grace"]),
    "the last digits": ("0018", ["Grace"]),
    "a number as it is written": ("+44 20 7946-0018", ["Grace"]),
    "a number as it is dialled in its country": ("(020) 7946 0018", ["Grace"]),
    "a number as it is dialled from another": ("0044 20 79460018", ["Grace"]),
    "a name and digits": ("wool 555-0111", ["Ann"]),
    "two digits": ("49 30", ["Zoë"]),
    "a percent sign": ("%", ["Ann"]),
    "a percent sign in a word": ("100%", ["Ann"]),
    "a percent sign that stands for nothing": ("g%e", []),
    "an underscore": ("_", ["Bob"]),
    "an underscore that stands for nothing": ("gr_ce", []),
    "a backslash": ("\\", ["Bob"]),
    "a backslash in a word": ("back\\sl", ["Bob"]),
    "accents that are typed": ("zoë müller", ["Zoë"]),
    "accents that are not": ("zoe muller-ost", ["Zoë"]),
    "accents that are too many": ("grâcé", ["Grace"]),
    "an accent apart from its letter": ("zoe\u0308", ["Zoë"]),
    "two letters for one": ("strassenbau", ["Zoë"]),
    "one letter for two": ("STRAẞENBAU", ["Zoë"]),
    "letters that are not Latin": ("ПЕТРОВ", ["Иван"]),
    "a quotation mark": ("'", []),
    "more words than are looked at": ("grace hopper navy ltd grace zebra", ["Grace"]),
}


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def page(member: Membership, sign_in: SignIn) -> Browser:
    return sign_in(member)


def people(member: Membership) -> None:
    for number, (first_name, last_name, company, phone) in enumerate(PEOPLE):
        Lead.objects.create(
            workspace_id=member.workspace_id,
            first_name=first_name,
            last_name=last_name,
            company=company,
            phone_e164=phone,
            created_at=member.created_at.replace(microsecond=900 - number),
        )


def found(page: Browser, search: str, **more: object) -> list[str]:
    status, shown = page.get(f"/api/leads?{urlencode({'search': search, **more})}")
    assert status == 200, shown
    return [lead["first_name"] for lead in shown["items"]]


def test_each_search_finds_whom_it_means_newest_first(page: Browser, member: Membership) -> None:
    people(member)
    wrong = {name: (search, got) for name, (search, names) in SEARCHES.items() if (got := found(page, search)) != names}
    assert wrong == {}


def test_a_search_goes_on_page_by_page_in_the_order_of_the_list(page: Browser, member: Membership) -> None:
    people(member)
    whole = found(page, "")
    shown: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        part = page.get(
            f"/api/leads?{urlencode({'search': 'n', 'limit': 3, **({'cursor': cursor} if cursor else {})})}"
        )[1]
        shown += [lead["first_name"] for lead in part["items"]]
        cursor = part["next_cursor"]
    assert shown == [name for name in whole if name != "Иван"]


def test_what_is_changed_is_found_by_what_it_is_now(page: Browser, member: Membership) -> None:
    people(member)
    grace = Lead.objects.get_queryset().get(first_name="Grace")
    assert page.patch(f"/api/leads/{grace.id}", {"last_name": "Murray", "phone": "+44 20 7946 0777"})[0] == 200
    assert (found(page, "hopper"), found(page, "0018")) == ([], [])
    assert (found(page, "murray"), found(page, "0777")) == (["Grace"], ["Grace"])
    # Whoever saves a lead that was read before writes no former text.
    Lead.objects.get_queryset().filter(id=grace.id).update(company="Fleet")
    grace.notes = "called"
    grace.save(update_fields=["notes", "search_text"])
    assert found(page, "fleet murray") == ["Grace"]


def test_nobody_is_found_in_another_workspace(page: Browser, make_account: Callable[..., Membership]) -> None:
    people(make_account(email="other@example.com", mobile="+442079460999"))
    assert found(page, "grace") == []


def test_among_many_leads_the_index_finds_the_few(member: Membership) -> None:
    """As people ask, who see one workspace alone: under that policy an index serves only what tells nothing of other rows."""
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [member.workspace_id])
        # As autovacuum does soon after, or somebody who adds more.
        cursor.execute("SELECT gin_clean_pending_list('lead_search')")
        cursor.execute("ANALYZE voice_lead")
    people(member)
    tenancy.confine(member.workspace_id)
    try:
        for search in ("hopper", "navy 0018", "zoe muller"):
            plan = plan_of(actor(member), search)
            assert "Bitmap Index Scan on lead_search" in plan, plan
    finally:
        tenancy.release()


def plan_of(who: Any, search: str) -> str:
    with CaptureQueriesContext(connection) as asked:
        page = queries.leads_page(actor=who, search=search, tag="", disposition=None, cursor=None, limit=50)
    assert len(page.items) == 1
    (statement,) = [each["sql"] for each in asked if "search_text" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


_MANY = """
INSERT INTO voice_lead (id, workspace_id, created_at, first_name, last_name, company, phone_e164, country, time_zone, notes,
                        tags, attempts)
SELECT gen_random_uuid(), %s, now() - number * interval '1 second', 'Lead ' || number, md5(number::text), 'Company ' || number %% 100,
       '+1312' || 1000000 + number, 'US', 'America/Chicago', '', '{}', 0
FROM generate_series(1, 5000) AS number
"""
