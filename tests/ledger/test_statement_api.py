"""The statement as its readers get it: by day, kind, member and call, page by page and as CSV."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from uuid_utils.compat import uuid7

from api.statement import ExportEnded
from identity.models import Membership
from ledger import operations, statement
from ledger.models import Entry
from tests.identity.browser import Browser
from tests.identity.test_api_keys import make
from tests.ledger.books import NOW, amounts, began, charge, completed, hold, new_workspace, notify
from tests.voice.carrier import Placed, give_credit, place, post
from voice import spending
from voice.models import Call

pytestmark = pytest.mark.django_db(transaction=True)
REP = {"role": "rep", "email": "rep@example.com", "mobile": "+1 202 555 0111", "first_name": "Rae"}


@pytest.fixture
def owner(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def rep(owner: Membership, make_account: Callable[..., Membership]) -> Membership:
    return make_account(workspace_id=owner.workspace_id, **REP)


@pytest.fixture
def page(owner: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(owner)


def items(page: Browser, query: str = "") -> list[dict[str, Any]]:
    status, found = page.get(f"/api/credits/statement?{query}")
    assert status == 200, found
    return list(found["items"])


def exported(page: Browser, query: str = "") -> list[list[str]]:
    response: Any = page.client.get(f"/api/credits/statement.csv?{query}", secure=True)
    assert response.status_code == 200
    assert response["Content-Disposition"] == 'attachment; filename="statement.csv"'

    async def read() -> str:
        return "".join([part.decode() async for part in response.streaming_content])

    return list(csv.reader(io.StringIO(async_to_sync(read)())))


def finished_call(member: Membership, seconds: int = 70) -> Placed:
    """A call of the member that the lead answered and ended."""
    placed = place(member, began_s_ago=seconds + 10)
    for path, params in (
        placed.agent("in-progress", at_s=0, sequence=0),
        placed.callee("in-progress", at_s=5, sequence=1),
        placed.callee("completed", at_s=5 + seconds, sequence=2, CallDuration=str(seconds)),
    ):
        assert post(path, params).status < 300
    assert Call.objects.get_queryset().get(id=placed.call_id).settled_at
    return placed


def test_the_statement_pages_through_what_was_bought_and_spent(page: Browser, owner: Membership) -> None:
    workspace_id = owner.workspace_id
    new_workspace(mcredits=7_000)
    notify(completed(began(workspace_id)))
    hold(workspace_id, "call:1", 3_000)
    charge(workspace_id, "call:1", 0, 1, 2)
    seen, cursor = [], ""
    while True:
        status, found = page.get(f"/api/credits/statement?limit=2{cursor}")
        assert status == 200
        seen += [(item["kind"], item["amount_mcredits"], item["balance_after_mcredits"]) for item in found["items"]]
        if found["next_cursor"] is None:
            break
        cursor = f"&cursor={found['next_cursor']}"
    assert seen == [
        ("charge", -1_000, 97_000),
        ("charge", -1_000, 98_000),
        ("charge", -1_000, 99_000),
        ("purchase", 100_000, 100_000),
    ]
    holds = items(page, "kind=hold")
    assert [(item["kind"], item["amount_mcredits"]) for item in holds] == [("hold", 0)]
    assert amounts(workspace_id) == (97_000, 0, 0)


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "cursor=9999999999999999999999"])
def test_a_made_up_cursor_is_refused(page: Browser, query: str) -> None:
    status, answer = page.get(f"/api/credits/statement?{query}")
    assert (status, answer["code"]) == (400, "cursor_invalid")


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=2026-03-02T09:00:00",
        "since=0001-01-01T00:00:00Z",
        "until=9999-12-31T23:59:59-12:00",
        "kind=gift",
        "user_id=me",
    ],
)
def test_a_filter_that_means_nothing_is_refused(page: Browser, query: str) -> None:
    status, answer = page.get(f"/api/credits/statement?{query}")
    assert (status, answer["code"]) == (422, "invalid_fields")


def test_a_stretch_of_days_holds_what_was_booked_in_it_and_nothing_else(page: Browser, owner: Membership) -> None:
    """Red when the search for the first entry of a day ends one off, or trusts the order of times within a second."""
    booked = [NOW + timedelta(hours=6 * step, seconds=-step % 3) for step in range(40)]
    notify(completed(began(owner.workspace_id)))
    for step, at in enumerate(booked):
        operations.debit(
            workspace_id=owner.workspace_id,
            key=str(step),
            amount_mcredits=100 + step,
            kind="ai_query",
            reference=f"ai_query:{uuid7()}",
            now=at,
        )
    for first, last in ((0, 40), (0, 1), (7, 8), (13, 29), (39, 40), (20, 20)):
        since, until = booked[first] if first < 40 else None, booked[last] if last < 40 else NOW + timedelta(days=90)
        assert since is not None
        query = f"kind=ai_query&since={_said(since)}&until={_said(until)}&limit=100"
        assert [-item["amount_mcredits"] for item in items(page, query)] == [
            100 + step for step in reversed(range(first, last))
        ]
    assert items(page, f"until={_said(NOW)}") == []
    ahead = NOW + timedelta(days=400)
    assert statement.first_sequence_at(owner.workspace_id, ahead) == 42
    assert items(page, f"since={_said(ahead)}") == []


def test_each_row_says_what_it_was_for_and_who_spent_it(page: Browser, owner: Membership, rep: Membership) -> None:
    give_credit(owner, 50_000)
    call = finished_call(rep)
    rows = items(page)
    of_call = next(row for row in rows if row["kind"] == "settlement")["cause"]
    assert (of_call["kind"], of_call["id"], of_call["about"]) == ("call", call.call_id, call.row.lead.name)
    assert of_call["by"].startswith("Rae")
    bought = next(row for row in rows if row["kind"] == "purchase")["cause"]
    assert (bought["kind"], bought["about"]) == ("purchase", "Tests")


def test_member_and_call_narrow_the_statement(page: Browser, owner: Membership, rep: Membership) -> None:
    give_credit(owner, 50_000)
    mine, theirs = finished_call(owner), finished_call(rep)
    assert {row["reference"] for row in items(page, f"user_id={owner.user_id}")} == {f"call:{mine.call_id}"}
    assert {row["reference"] for row in items(page, f"call_id={theirs.call_id}")} == {f"call:{theirs.call_id}"}
    assert items(page, f"call_id={theirs.call_id}&user_id={owner.user_id}") == []
    assert items(page, f"user_id={uuid7()}") == []
    names = page.get("/api/credits/spenders")[1]
    assert {one["id"] for one in names} == {str(owner.user_id), str(rep.user_id)}


def test_a_rep_reads_and_exports_what_the_rep_spent_and_nothing_of_the_workspace(
    owner: Membership, rep: Membership, sign_in: Callable[..., Browser]
) -> None:
    """Red when the export forgets whose it is, or when a filter replaces the limit instead of narrowing it."""
    give_credit(owner, 50_000)
    theirs, mine = finished_call(owner), finished_call(rep)
    page = sign_in(rep)
    own = {f"call:{mine.call_id}"}
    queries = ("", f"user_id={owner.user_id}", f"call_id={theirs.call_id}", "kind=purchase", "kind=hold", "limit=200")
    for query in queries:
        assert {row["reference"] for row in items(page, query)} <= own, query
        assert {row[7] for row in exported(page, query.replace("limit=200", ""))[1:]} <= own, query
    assert {row["reference"] for row in items(page)} == own
    assert {row[7] for row in exported(page)[1:]} == own
    assert [one["id"] for one in page.get("/api/credits/spenders")[1]] == [str(rep.user_id)]


def test_the_csv_holds_what_the_filters_leave_and_every_page_of_it(
    page: Browser, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red when a page's last row is written twice or the next page's first is lost."""
    monkeypatch.setattr(statement, "EXPORT_PAGE", 3)
    notify(completed(began(owner.workspace_id)))
    hold(owner.workspace_id, "call:1", 11_000)
    charge(owner.workspace_id, "call:1", *range(11))
    rows = exported(page)
    assert rows[0][:6] == ["time", "kind", "description", "about", "by", "credits"]
    assert [row[1] for row in rows[1:]] == ["charge"] * 11 + ["purchase"]
    assert [row[5] for row in rows[1:]] == ["-1.000"] * 11 + ["100.000"]
    assert len({row[8] for row in rows[1:]}) == 12
    assert [row[1] for row in exported(page, "kind=purchase")[1:]] == ["purchase"]


def test_the_csv_is_read_no_faster_than_it_is_taken(
    page: Browser, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red when the whole statement is read before its first line goes out, which would take memory for all of it."""
    monkeypatch.setattr(statement, "EXPORT_PAGE", 3)
    notify(completed(began(owner.workspace_id)))
    hold(owner.workspace_id, "call:1", 11_000)
    charge(owner.workspace_id, "call:1", *range(11))
    read: list[int] = []
    whole = spending.rows_of

    def noting(workspace_id: UUID, entries: list[Entry]) -> Any:
        read.append(len(entries))
        return whole(workspace_id, entries)

    monkeypatch.setattr(spending, "rows_of", noting)
    response: Any = page.client.get("/api/credits/statement.csv", secure=True)

    async def take() -> list[list[int]]:
        return [list(read) async for _ in response.streaming_content]

    assert async_to_sync(take)() == [[], [3], [3, 3], [3, 3, 3], [3, 3, 3, 3]]


@pytest.mark.parametrize("end", ["signed out", "key revoked", "another role", "nothing"])
def test_the_csv_breaks_off_once_whoever_takes_it_may_not_any_more(
    page: Browser, owner: Membership, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Red when only the first page asks who it is, or when the file ends there as if it were whole."""
    monkeypatch.setattr(statement, "EXPORT_PAGE", 3)
    notify(completed(began(owner.workspace_id)))
    hold(owner.workspace_id, "call:1", 11_000)
    charge(owner.workspace_id, "call:1", *range(11))
    key = make(page, "credits:read")[1]
    shown = {"Authorization": f"Bearer {key['key']}"} if end == "key revoked" else {}
    response: Any = page.client.get("/api/credits/statement.csv", secure=True, headers=shown)
    ends: dict[str, Callable[[], object]] = {
        "signed out": lambda: page.post("/api/signout"),
        "key revoked": lambda: page.delete(f"/api/keys/{key['id']}"),
        "another role": lambda: Membership.objects.filter(id=owner.id).update(role="rep"),
        "nothing": lambda: None,
    }
    parts: list[bytes] = []

    async def take() -> None:
        async for part in response.streaming_content:
            parts.append(part)
            if len(parts) == 2:
                await sync_to_async(ends[end])()

    if end == "nothing":
        async_to_sync(take)()
        assert len(parts) == 5
        return
    with pytest.raises(ExportEnded):
        async_to_sync(take)()
    assert len(parts) == 2


@pytest.mark.parametrize("name", ['=HYPERLINK("x")', "+1", "-2", "@SUM(A1)"])
def test_no_name_is_a_formula_in_the_csv(page: Browser, owner: Membership, name: str) -> None:
    """Red when names are written as they are."""
    give_credit(owner, 50_000)
    call = finished_call(owner)
    lead = call.row.lead
    lead.first_name = name
    lead.save(update_fields=["first_name"])
    abouts = {row[3] for row in exported(page) if row[1] in ("charge", "settlement")}
    assert abouts == {f"'{lead.name}"}


def test_what_the_removed_leave_behind_says_so(page: Browser, owner: Membership) -> None:
    give_credit(owner, 50_000)
    call = finished_call(owner)
    call.row.delete()
    causes = [row["cause"] for row in items(page) if row["reference"] == f"call:{call.call_id}"]
    assert causes and all(cause["id"] is None and cause["by"] is None for cause in causes)
    assert {cause["about"] for cause in causes} == {"A call that was removed"}


def _said(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
