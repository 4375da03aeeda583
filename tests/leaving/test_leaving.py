"""Plant, erase, scan on a running stack without a network: what was planted by the product's own ways, spoken words too, is in no
place after the erasure, and what belongs to those who stay is found in each.

Found by this: the reports of ONNX Runtime to its maker, which no guard in Python sees, and statistics of the database that a
rewrite kept because something was being read. By the reading for it: values in Valkey's slow log, segments of the write-ahead log that
wait to be used again, rows that a rewrite copies while somebody can still see them, a supervisor that a full disk ended.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compliance.elements import ELEMENTS
from config.embedded.environment import PROJECT
from processors.register import LOOPBACK
from tests.leaving.held import NOT_PLANTED
from tests.leaving.people import CARDS, LEAVES, OF_CALLED, OPERATOR, SPOKEN_CARD, STAYS_CALLED
from tests.smoke.cards import cards_in
from tests.smoke.scan import kinds

# What others keep by their own terms, as the policy says: passcodes at Twilio Verify, buyers at Paddle, the merchant of record;
# mailboxes and phones are the people's own.
KEPT_ELSEWHERE = {"verifications", "mails", "messages", "phones", "customers"}


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="klose-leaving-") as folder:
        # PostgreSQL does not run as root, so others have to be able to enter.
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-m", "tests.leaving", folder],
            cwd=PROJECT,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    if done.returncode:
        # What a page looked like is long, so where it was and why stand last.
        where = [
            line.strip()
            for line in done.stderr.splitlines()
            if re.match(r'  File ".*/tests/|[A-Za-z_.]+(Error|Exception)\b', line)
        ]
        pytest.fail("\n".join([done.stderr[-4_000:], done.stdout[-2_000:], *where]), pytrace=False)
    yield json.loads(done.stdout.splitlines()[-1])


@pytest.mark.policy("C6.2", "C7.3", "C2.4")
def test_nothing_of_who_was_called_is_left_though_they_asked_during_the_call(told: dict[str, Any]) -> None:
    assert told["before"] == {}
    assert {"tables", "wal"} <= kinds(told["planted_of_called"])
    assert "calls" in told["carrier_planted"]
    assert STAYS_CALLED["phone"] not in told["shown_to_called"] and str(OF_CALLED[0]) in told["shown_to_called"]
    assert told["left_of_called"] == {}
    assert told["carrier_left_of_called"].keys() <= KEPT_ELSEWHERE
    assert told["call_of_erased"] == 404


@pytest.mark.policy("C6.2", "C7.3")
def test_every_kind_of_data_is_planted_of_who_leaves_or_it_is_said_why_not(told: dict[str, Any]) -> None:
    """A kind that is new in the inventory is planted, or named with a reason in tests/leaving/held.py."""
    assert set(ELEMENTS) - set(told["held_of_leaves"]) == set(NOT_PLANTED)


@pytest.mark.policy("C6.2", "C7.3")
def test_nothing_of_who_leaves_is_left_though_the_worker_was_killed(told: dict[str, Any]) -> None:
    assert {"tables", "bytes", "wal"} <= kinds(told["planted_of_leaves"])
    # Addresses and numbers stand where they are sealed alone; passwords are hashed.
    assert "sealed" in kinds(told["planted_of_leaves"]) and told["sealed_of_leaves"] > 0
    assert told["unsaid_of_leaves"] == [LEAVES.password]
    assert told["vectors"] > 0
    assert told["steps_before_the_kill"] > 0
    assert told["left_of_leaves"] == {}
    assert told["carrier_left_of_leaves"].keys() <= KEPT_ELSEWHERE
    assert "customers" in told["carrier_left_of_leaves"], "Paddle's customer was planted"
    assert (told["receipt_left"], told["session_of_erased"]) == (0, 401)


@pytest.mark.policy("C6.2")
def test_the_erasure_ended_clean_though_the_disk_was_full_meanwhile(told: dict[str, Any]) -> None:
    if not told["apart"]:
        pytest.skip("not run here: only a disk of its own can be filled, and there are no namespaces")
    assert told["full_disk"], "the disk was not full"
    assert (told["left_of_leaves"], told["receipt_left"]) == ({}, 0)


@pytest.mark.policy("C6.2")
def test_what_comes_late_about_those_who_are_erased_writes_nothing_down(told: dict[str, Any]) -> None:
    """The scan that finds nothing came after the carrier had told everything again, and workers had done all their jobs again."""
    assert {"agent", "status", "stream", "notice"} <= set(told["late"]["kinds"])
    assert told["late"]["answers"] == [404]
    assert (told["late"]["waiting"], told["late"]["rows"]) == (0, 0)
    assert (told["left_of_called"], told["left_of_leaves"]) == ({}, {})


@pytest.mark.policy("C6.2", "C7.3")
def test_a_backup_from_before_that_is_restored_holds_nothing_of_either_once_it_has_forgotten_again(
    told: dict[str, Any],
) -> None:
    """In it one of the calls still goes on; it knows nothing of either wish."""
    assert {"tables", "bytes", "wal"} <= kinds(told["restored_of_called"])
    assert {"tables", "sealed", "statistics", "bytes", "wal"} <= kinds(told["restored_of_leaves"])
    assert (told["restored_left_of_called"], told["restored_left_of_leaves"]) == ({}, {})
    assert {"tables", "sealed", "bytes"} <= set(told["restored_kinds_of_who_stays"])
    assert told["restored_unsaid_of_who_stays"] == []


@pytest.mark.policy("C7.1")
def test_the_copy_of_who_leaves_holds_all_of_theirs_and_nothing_of_the_others(told: dict[str, Any]) -> None:
    assert (told["missing_in_copy"], told["others_in_copy"]) == ([], [])


@pytest.mark.policy("C6.2")
def test_those_who_stay_are_found_in_every_kind_of_place_and_their_call_goes_on(told: dict[str, Any]) -> None:
    assert told["unsaid_of_who_stays"] == []
    assert {"tables", "sealed", "statistics", "bytes", "wal"} <= set(told["kinds_of_who_stays"])
    assert told["lines_of_who_stays"] > 0
    assert {"calls", "mails", "phones"} <= told["carrier_of_who_stays"].keys()
    assert told["live_call_of_who_stays"]


@pytest.mark.policy("C1.4")
def test_no_sound_of_a_call_is_in_any_place_while_it_goes_on_or_after_it(told: dict[str, Any]) -> None:
    """Though its words are there, which were heard in it: what the scan looks for was spoken before them."""
    assert told["lines_of_who_stays"] > 0
    assert (told["sounds_during_calls"], told["sounds_after_calls"]) == ({}, {})


@pytest.mark.policy("C1.3")
def test_a_card_number_that_was_typed_or_sent_is_in_no_place(told: dict[str, Any]) -> None:
    assert told["webhook"] == 200
    assert told["cards"] == {}
    # Nor any other, whoever planted it.
    assert told["any_card"] == {}
    assert all(cards_in(f"by {card}, thanks".encode()) for card in CARDS)


@pytest.mark.policy("C1.3")
def test_a_card_number_that_a_lead_reads_out_is_in_no_place_as_the_recogniser_wrote_it(told: dict[str, Any]) -> None:
    """The story goes on once the transcript says that one was removed."""
    assert cards_in(SPOKEN_CARD.encode())
    assert (told["groups_of_card"], told["cards_after_calls"]) == ([], {})


@pytest.mark.policy("C2.2", "C3.2-5")
def test_every_open_session_was_proved_by_a_passcode_and_twilio_was_asked_for_no_text_message(
    told: dict[str, Any],
) -> None:
    assert (told["sessions"] >= 3, told["sessions_unproved"]) == (True, 0)
    assert told["messages_asked"] == 0


@pytest.mark.policy("C4.4-5")
def test_no_provider_hears_of_anybody_on_the_whole_way_of_who_uses_a_password(told: dict[str, Any]) -> None:
    assert {each.split()[0] for each in told["services_told"]} == {"paddle", "smtp", "twilio", "twilio.twiml", "verify"}


@pytest.mark.policy("C4.9")
def test_nobody_but_this_machine_is_contacted_and_what_tries_is_blocked_and_reported(told: dict[str, Any]) -> None:
    assert {host.rsplit(":", 1)[0] for host in told["contacted"]} <= LOOPBACK
    assert set(told["asked_by_pages"]) == {"localhost"}
    assert told["planted"]["by name"] == told["planted"]["by address"] == "HostNotListed"
    # Whoever turns reports into rows may have done it twice, the clock and the planting side by side.
    assert {tuple(row) for row in told["rows"]} == {
        (host, "host_not_listed") for host in ("tracker.example", "203.0.113.9")
    }
    assert all(host in told["alert"] for host in ("tracker.example", "203.0.113.9")), OPERATOR


@pytest.mark.policy("C4.9")
def test_no_library_in_c_contacts_anybody_and_the_namespace_sees_one_that_does(told: dict[str, Any]) -> None:
    if not told["apart"]:
        pytest.skip("not run here: without namespaces nobody watches what libraries in C contact")
    assert (told["asked"], told["ways_out"]) == ([], 0)
    assert (set(told["asked_planted"]), told["ways_out_planted"]) == ({"c.tracker.example"}, 1)
    assert told["planted"]["by C"] == "ENETUNREACH"
