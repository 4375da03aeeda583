"""Plant, erase, scan: through the real routes, over every table, and over the bytes on disk."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from pytest_django.fixtures import Settings

from compliance import audit_check, erasure
from compliance.models import Request
from compliance.stores import NotYet, Subject, all_stores
from identity.models import Membership, User
from identity.personal_data import subject_anew
from tests.compliance.signed_receipts import refuse_a_receipt_that_is_not_ours
from tests.identity.conftest import MakeAccount, SignIn
from tests.opened import opened_values, stored_rows
from voice import analysis
from voice.models import Call, Lead, TranscriptSegment

NOW = datetime.now(UTC)
# Later than any request of this run, however long the tests before it took.
SOON = NOW + timedelta(hours=6)


def plant(member: Membership, word: str, number: str, lines: int = 199) -> None:
    """A lead with a call whose text holds the word in so many lines. Numbers: E.164."""
    workspace = member.workspace
    lead = Lead.objects.create(
        workspace=workspace, first_name=word, last_name="Lead", phone_e164=number, notes=f"{word} notes", created_at=NOW
    )
    call = Call.objects.create(
        workspace=workspace,
        lead=lead,
        user=member.user,
        idempotency_key=word,
        status="completed",
        rate_card_id=uuid4(),
        created_at=NOW,
        ended_at=NOW,
        max_duration_s=60,
    )
    TranscriptSegment.objects.bulk_create(
        TranscriptSegment(
            workspace=workspace,
            call=call,
            sequence=sequence,
            speaker="callee",
            start_ms=sequence * 1000,
            end_ms=sequence * 1000 + 900,
            text=f"this is {word} speaking, sentence {sequence}",
            created_at=NOW,
        )
        for sequence in range(1, lines + 1)
    )


def understand(word: str, *said: tuple[str, str]) -> None:
    """Has both sides say this at the end of the call that was planted with the word, and has the call understood. said: by whom, and
    what."""
    call = Call.objects.get_queryset().get(lead__first_name=word)
    first = call.segments.count() + 1
    TranscriptSegment.objects.bulk_create(
        TranscriptSegment(
            workspace_id=call.workspace_id,
            call=call,
            sequence=sequence,
            speaker=speaker,
            start_ms=sequence * 1000,
            end_ms=sequence * 1000 + 900,
            text=text,
            created_at=NOW,
        )
        for sequence, (speaker, text) in enumerate(said, first)
    )
    assert analysis.analyse(call_id=call.id, now=NOW + timedelta(minutes=1))


def all_rows() -> str:
    """What every table and the statistics hold, sealed values opened, in lower case."""
    return "\n".join([stored_rows(), *opened_values()]).lower()


def bytes_on_disk(canary: str | bytes) -> int:
    """In how many files of the cluster, write-ahead log included, a word stands, or a sealed value."""
    found, wanted = 0, canary.encode() if isinstance(canary, str) else canary
    for path in (Path(settings.DATA_DIR) / "postgres").rglob("*"):
        try:
            found += path.is_file() and wanted in path.read_bytes()
        except FileNotFoundError:
            continue  # PostgreSQL recycled it meanwhile.
    return found


@pytest.fixture
def accounts(make_account: MakeAccount) -> tuple[Membership, Membership]:
    leaving = make_account(
        first_name="Zanzibel", last_name="Quxworthy", email="zanzibel@quxworthy.example", mobile="+12025550180"
    )
    control = make_account(
        first_name="Controlia", last_name="Staysworth", email="controlia@staysworth.example", mobile="+12025550181"
    )
    plant(leaving, "Brobdingnag", "+37060012345")
    plant(control, "Laputania", "+37060054321")
    return leaving, control


@pytest.mark.policy("C6.2", "C7.3")
def test_after_a_typed_confirmation_everything_of_the_person_is_gone_from_rows_and_bytes(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    leaving, _control = accounts
    browser = sign_in(leaving)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("CHECKPOINT")
    canaries = ["Zanzibel", "Quxworthy", "Brobdingnag", "37060012345", "12025550180", str(leaving.user_id)]
    # On the disk the number is nowhere in plain, so what stands for it is looked for.
    person = User.objects.get(id=leaving.user_id)
    sealed: list[bytes] = [
        person.__dict__["email"],
        person.__dict__["mobile_e164"],
        person.email_key,
        person.mobile_e164_key,
    ]
    assert all(canary.lower() in all_rows() for canary in canaries)
    assert all(value.hex() in all_rows() for value in sealed)
    assert all(bytes_on_disk(canary) for canary in canaries[:4]) and all(bytes_on_disk(value) for value in sealed)

    status, asked = browser.post("/api/privacy/erasure", {"confirm": "Zanzibel@Quxworthy.example", "when": "now"})
    assert (status, asked["state"]) == (202, "requested")
    assert erasure.run_due_erasures(now=SOON) == 1

    rows = all_rows()
    # The audit names who asked by an identifier that leads nowhere any more.
    assert [canary for canary in canaries[:5] if canary.lower() in rows] == []
    assert [value for value in sealed if value.hex() in rows] == []
    assert {canary: bytes_on_disk(canary) for canary in canaries[:5]} == dict.fromkeys(canaries[:5], 0)
    assert [bytes_on_disk(value) for value in sealed] == [0, 0, 0, 0]
    assert "controlia" in rows and "laputania" in rows
    assert bytes_on_disk("Controlia") and bytes_on_disk("Laputania") and bytes_on_disk("37060054321")
    assert browser.get("/api/session")[1]["state"] == "anonymous"
    assert audit_check.verify().broken is None

    receipt = browser.get("/api/erasure-receipts/" + asked["receipt_path"].rsplit("/", 1)[1])[1]
    erased = {item["element"]: item["count"] for item in receipt["erased"]}
    assert (receipt["state"], receipt["left"]) == ("done", 0)
    assert (erased["call"], erased["transcript"], erased["callee"], erased["account"]) == (1, 199, 1, 1)
    request = Request.objects.get()
    assert request.subject is None
    assert request.receipt["rewrite"]["log_switches"] >= 4
    refuse_a_receipt_that_is_not_ours(browser, asked["receipt_path"].rsplit("/", 1)[1])


@pytest.mark.policy("C6.2")
def test_within_three_days_it_can_be_cancelled_and_after_them_it_runs(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    browser = sign_in(accounts[0])
    form = {"confirm": "zanzibel@quxworthy.example", "when": "after_grace"}
    asked = browser.post("/api/privacy/erasure", form)[1]
    assert asked["cancellable"]
    assert erasure.run_due_erasures(now=NOW + timedelta(days=2, hours=23)) == 0
    assert browser.post("/api/privacy/erasure", form)[1]["code"] == "request_already_open"

    assert browser.post("/api/privacy/erasure/cancel")[1]["state"] == "cancelled"
    assert erasure.run_due_erasures(now=NOW + timedelta(days=4)) == 0
    assert browser.post("/api/privacy/erasure/cancel")[0] == 409

    browser.post("/api/privacy/erasure", form)
    assert browser.post("/api/privacy/erasure", form | {"when": "now"})[1]["cancellable"] is False
    assert erasure.run_due_erasures(now=SOON) == 1


def test_without_the_right_address_nothing_is_asked_for(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    browser = sign_in(accounts[0])
    for confirm in ("", "controlia@staysworth.example", "yes"):
        status, answer = browser.post("/api/privacy/erasure", {"confirm": confirm, "when": "now"})
        assert (status, answer["code"]) == (422, "confirmation_mismatch")
    assert not Request.objects.exists()


@pytest.mark.policy("C7.1")
def test_the_export_holds_every_canary_of_the_person_and_none_of_anybody_else(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    own, theirs = "I will send the Glumdalclitch offer on Friday.", "Flimnap costs too much for us."
    for account, word in zip(accounts, ("Struldbrug", "Houyhnhnm"), strict=True):
        plant(account, word, "+37060012346", 1)
    understand("Struldbrug", ("agent", own), ("callee", theirs))
    understand("Houyhnhnm", ("agent", "I will send the Munodi offer on Monday."))
    browser = sign_in(accounts[0])
    status, bundle = browser.get("/api/privacy/export")
    text = str(bundle)
    assert status == 200
    understood = str(bundle["data"]["insight"]["items"])
    assert own in understood and "Flimnap" not in understood and "Munodi" not in text
    for own in ("Zanzibel", "Quxworthy", "+12025550180", "Brobdingnag notes", "+37060012345", "sentence 199"):
        assert own in text
    for foreign in ("Controlia", "Staysworth", "Laputania", "+37060054321"):
        assert foreign not in text
    assert {"sms", "policy"} <= {each["purpose"] for each in bundle["data"]["consent"]["items"]}


@pytest.mark.policy("C0")
def test_the_pages_about_held_data_disclosures_and_consents_tell_what_there_is(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    browser = sign_in(accounts[0])
    held = {item["element"]: item for item in browser.get("/api/privacy/held")[1]["items"]}
    assert held["transcript"]["count"] == 199
    assert held["account"]["recipients"] == ["Twilio", "Paddle"]
    disclosed = browser.get("/api/privacy/disclosures")[1]["items"]
    assert {(item["processor"], item["endpoint"]) for item in disclosed} == {
        ("twilio", "verify.send"),
        ("twilio", "verify.check"),
    }
    preview = browser.get("/api/privacy/erasure/preview")[1]
    assert {"call", "callee"} <= {item["element"] for item in preview["goes"]}
    assert all(item["why"] for item in preview["stays"])


def test_a_receipt_that_was_never_given_out_is_not_found(accounts: object, sign_in: SignIn) -> None:
    assert sign_in(accounts[0]).get("/api/erasure-receipts/" + "0" * 64)[0] == 404  # type: ignore[index]


class CarrierAway:
    """A store of the test's own that cannot finish at first."""

    name = "carrier-away"

    def __init__(self) -> None:
        self.away = True
        self.left = 0
        self.erased: list[Subject] = []

    def find(self, subject: Subject) -> dict[str, int]:
        return {}

    def export(self, subject: Subject) -> dict[str, Any]:
        return {}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        if self.away:
            raise NotYet("The carrier does not answer.")
        self.erased.append(subject)
        return {"call": 1}

    def verify(self, subject: Subject) -> int:
        return self.left


STORES: tuple[Any, ...] = ()
INVENTORIES: tuple[Any, ...] = ()
SUBJECT_ANEW = subject_anew


@pytest.fixture
def with_store(settings: Settings) -> Callable[[Any], None]:
    """Puts one more store before those of the product."""

    def add(store: Any) -> None:
        from config import personal_data

        global STORES, INVENTORIES
        STORES, INVENTORIES = (store, *personal_data.STORES), personal_data.INVENTORIES
        settings.PERSONAL_DATA = "tests.compliance.test_erasure"

    return add


def ask_to_be_erased(sign_in: SignIn, member: Membership) -> Request:
    answer = sign_in(member).post("/api/privacy/erasure", {"confirm": member.user.email, "when": "now"})
    assert answer[0] == 202
    return Request.objects.get()


def test_a_store_that_still_finds_something_is_walked_again_before_any_receipt(
    accounts: tuple[Membership, Membership], sign_in: SignIn, with_store: Callable[[Any], None]
) -> None:
    carrier = CarrierAway()
    carrier.away, carrier.left = False, 1
    with_store(carrier)
    request = ask_to_be_erased(sign_in, accounts[0])
    assert erasure.run_due_erasures(now=SOON) == 0
    request.refresh_from_db()
    assert (request.state, request.receipt) == ("running", None)

    carrier.left = 0
    assert erasure.run_due_erasures(now=SOON + timedelta(minutes=1)) == 1
    assert len(carrier.erased) == 2


@pytest.mark.parametrize("how", ["the colleague leaves", "the colleague is erased too"])
def test_a_workspace_that_nobody_is_left_in_by_the_end_of_the_walk_ends_with_the_person(
    accounts: tuple[Membership, Membership],
    make_account: MakeAccount,
    sign_in: SignIn,
    with_store: Callable[[Any], None],
    how: str,
) -> None:
    """Red when what ends with a person is settled before the walk: the workspace's data would stay where nobody is."""
    carrier = CarrierAway()
    with_store(carrier)
    owner = accounts[0]
    rep = make_account(workspace_id=owner.workspace_id, email="rep@quxworthy.example", mobile="+12025550182")
    colleague = sign_in(rep)
    ask_to_be_erased(sign_in, owner)
    if how == "the colleague is erased too":
        body = {"confirm": rep.user.email, "when": "now"}
        assert colleague.post("/api/privacy/erasure", body)[0] == 202
    assert erasure.run_due_erasures(now=SOON) == 0
    assert set(Request.objects.values_list("state", flat=True)) == {"running"}
    if how == "the colleague leaves":
        assert colleague.post("/api/team/leave")[0] == 204
    carrier.away = False
    later = SOON + timedelta(minutes=10)
    assert erasure.run_due_erasures(now=later) == Request.objects.count()
    assert "brobdingnag" not in all_rows()
    assert "laputania" in all_rows()


def test_a_claimed_erasure_is_left_to_its_worker_until_the_lease_ends(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    request = ask_to_be_erased(sign_in, accounts[0])
    Request.objects.filter(id=request.id).update(claimed_until=SOON + erasure.LEASE)
    assert not erasure.run_erasure(request_id=request.id, now=SOON)
    assert erasure.run_erasure(request_id=request.id, now=SOON + erasure.LEASE + timedelta(seconds=1))
    assert not erasure.run_erasure(request_id=request.id, now=SOON + timedelta(days=1))


def test_every_store_of_the_product_is_in_the_plan(accounts: tuple[Membership, Membership], sign_in: SignIn) -> None:
    request = ask_to_be_erased(sign_in, accounts[0])
    erasure.run_due_erasures(now=SOON)
    planned = list(request.steps.order_by("position").values_list("name", flat=True))
    assert planned == [erasure.LEDGER, *(store.name for store in all_stores()), erasure.REWRITE]
