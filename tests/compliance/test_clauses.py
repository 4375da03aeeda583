"""The clauses and what proves them."""

import ast
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured

from api import my_data
from compliance.clauses import CLAUSES, SECTIONS
from compliance.cookies import COOKIES
from compliance.versions import CLAUSES_OF_ALL, FIRST, VERSIONS, clauses_of
from identity.number_access import OPEN_FOR
from identity.staff.actor import SIGNED_IN_FOR
from identity.staff.looks import LOOK_FOR
from tests import policy_report
from tests.compliance import coming
from tests.policy_report import Result, not_planted, planted, proofs, report

EVERY = tuple(CLAUSES_OF_ALL.values())
PROJECT = Path(__file__).resolve().parent.parent.parent
# Guesses and floods are counted, the person's own are shown and erased, and what is over its term goes.
_READ_TRACES = {
    f"identity/{name}.py"
    for name in (
        "access",
        "email_change",
        "erasure",
        "number_access",
        "operations",
        "passwords",
        "personal_data",
        "retention",
    )
}
HOUSE = ("config", "api", "voice", "ai", "ledger", "identity", "compliance", "realtime", "processors")


def test_ids_are_unique_and_sections_complete() -> None:
    for version in VERSIONS:
        assert len({clause.id for clause in version.clauses}) == len(version.clauses)
        assert {clause.section for clause in version.clauses} == set(SECTIONS)


def test_what_a_later_version_adds_changes_or_leaves_out_is_to_be_proved_too() -> None:
    later = coming.second(coming.in_days(20))
    together = clauses_of((FIRST, later))
    assert set(together) == {clause.id for clause in CLAUSES} | {"C2.9"} and "spoken" in together["C2.2"].text
    assert clauses_of(VERSIONS) == CLAUSES_OF_ALL


@pytest.mark.policy("C0")
@pytest.mark.parametrize(
    "claim",
    [
        "Paddle.com alone",
        "no security code",
        "limited to what creating and managing your account needs",
        "Twilio Verify",
        "never used for marketing",
        "rates may apply",
        "do not sell, rent or trade",
        "merchant of record",
        "Law enforcement or regulators",
        "Time4VPS",
        "incorporated in India",
        "Lithuania",
        "Digital Personal Data Protection Act, 2023",
        "within 30 days",
        "essential cookies",
        "encryption in transit (TLS)",
        "cannot guarantee absolute security",
        "accept the changed policy",
        "support@klosesales.com",
    ],
)
def test_the_served_policy_keeps_each_claim_of_the_published_one(claim: str) -> None:
    assert any(claim in clause.text for clause in CLAUSES)


def test_every_mark_names_a_clause_and_every_clause_has_a_test() -> None:
    assert set(proofs()) == set(CLAUSES_OF_ALL)


def test_of_every_clause_it_is_known_whether_a_test_that_proves_it_failed_when_it_was_broken() -> None:
    """Or it is said that it was not. When this fails: break the clause, alone, see one of its tests fail, write it into
    docs/proofs.md."""
    seen, proving = planted(), proofs()
    assert set(seen) ^ not_planted() == set(CLAUSES_OF_ALL)
    assert {
        clause: tests - set(proving[clause]) for clause, tests in seen.items() if tests - set(proving[clause])
    } == {}


def test_the_report_tells_what_failed_from_what_has_not_run_and_takes_neither_for_proved() -> None:
    proved, failed, partly, unseen = (clause.id for clause in EVERY[:4])
    found = {clause.id: [f"one of {clause.id}", f"two of {clause.id}"] for clause in EVERY[:-1]}
    ended = {f"{test} of {clause}": "passed" for clause in (proved, failed) for test in ("one", "two")}
    ended |= {f"two of {failed}": "failed", f"one of {partly}": "passed"}
    ran = {test: Result(each, "1a2b") for test, each in ended.items()}
    *lines, before, last = report(found, ran, "1a2b")
    # Of the last one there is no test at all. What has not run is not proved either, so it does not look fine.
    assert json.loads(last) == {"clauses": len(EVERY), "proved": 1, "failing": [each.id for each in EVERY[1:]]}
    assert before.startswith("Not run here yet") and f"{partly}, {unseen}" in before
    assert [line for line in lines if "PROVED" in line] == [f"{proved:8} PROVED: {EVERY[0].heading} (2 tests)"]
    assert not any(
        line.startswith("Not run") for line in report({proved: ["one"]}, {"one": ran[f"one of {proved}"]}, "1a2b")
    )


@pytest.mark.parametrize(("of", "here"), [("1a2b", "3c4d"), ("1a2b+", "1a2b+"), ("", "1a2b"), ("", "")])
def test_the_report_tells_what_ran_on_other_code_than_is_here(of: str, here: str) -> None:
    """Red when a result outlives the commit that it belongs to without anybody being told."""
    found, clause = {EVERY[0].id: ["one", "two"]}, EVERY[0].id
    ran = {"one": Result("passed", of), "two": Result("passed", "1a2b")}
    lines = list(report(found, ran, here))
    assert any(line.startswith("Of other code than is here") for line in lines)
    assert any(line.endswith(f"one (of {of or 'unknown'})") for line in lines)
    assert json.loads(lines[-1])["proved"] == 1 and clause in lines[0]
    current = report({clause: ["two"]}, ran, "1a2b")
    assert not any("of 1a2b" in line or line.startswith("Of other") for line in current)


def test_a_result_is_kept_with_the_commit_that_it_ran_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(policy_report, "RESULTS", tmp_path / "results.json")
    policy_report.RESULTS.write_text('{"before": "passed"}')
    policy_report.keep({"now": "failed"})
    assert policy_report.results() == {
        "before": Result("passed", ""),
        "now": Result("failed", policy_report.code_here()),
    }


@pytest.mark.policy("C3.2-5")
def test_no_code_of_the_house_can_send_a_text_message_but_through_verify() -> None:
    for path in (path for package in HOUSE for path in (PROJECT / package).rglob("*.py")):
        tree = ast.parse(path.read_text())
        imported = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in [getattr(node, "module", "") or "", *(alias.name for alias in node.names)]
        }
        assert not any("messag" in name and name.startswith("twilio") for name in imported), path
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not attributes & {"messages_stream", "messaging", "conversations"}, path
        assert not re.search(r"\b(client|twilio\w*|_client\(\)|api)\.messages\b", path.read_text()), path


@pytest.mark.policy("C1.5")
def test_traces_of_access_are_read_where_accounts_are_kept_safe_and_by_no_analytics_and_no_ai() -> None:
    """Whoever only notes one names its kinds; whoever reads asks the model, or the database by the table's name."""
    naming, reading = set(), set()
    for path in (path for package in HOUSE for path in (PROJECT / package).rglob("*.py")):
        if "migrations" in path.parts:
            continue
        place, tree = path.relative_to(PROJECT).as_posix(), list(ast.walk(ast.parse(path.read_text())))
        texts = [node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        models = [node.value for node in tree if isinstance(node, ast.Attribute) and node.attr.endswith("objects")]
        if "AccessEvent" in {each.name for node in tree if isinstance(node, ast.ImportFrom) for each in node.names}:
            naming.add(place)
        by_name = any(
            re.search(r"identity_accessevent|^(identity\.)?accessevent$", each, re.IGNORECASE) for each in texts
        )
        if by_name or any(ast.unparse(each).endswith("AccessEvent") for each in models):
            reading.add(place)
    assert reading - {"identity/models.py"} == _READ_TRACES
    assert {place.partition("/")[0] for place in naming} == {"identity", "api", "config"}


@pytest.mark.policy("C8.1", "C8.2")
def test_the_cookies_that_people_read_of_are_those_that_the_product_sets() -> None:
    """What browsers keep is compared with the same list by every story in a browser."""
    names = (
        configured.SESSION_COOKIE_NAME,
        configured.CSRF_COOKIE_NAME,
        configured.DEVICE_COOKIE_NAME,
        my_data.COOKIE,
        configured.STAFF_COOKIE_NAME,
        configured.LOOK_COOKIE_NAME,
    )
    assert tuple(cookie.name for cookie in COOKIES) == names
    until = {cookie.name: cookie.until for cookie in COOKIES}
    assert f"{timedelta(seconds=configured.SESSION_COOKIE_AGE).days} days" in until[configured.SESSION_COOKIE_NAME]
    assert f"{OPEN_FOR.seconds // 60} minutes" in until[my_data.COOKIE]
    assert f"{SIGNED_IN_FOR.seconds // 3_600} hours" in until[configured.STAFF_COOKIE_NAME]
    assert f"{LOOK_FOR.seconds // 60} minutes" in until[configured.LOOK_COOKIE_NAME]
    set_by = re.compile(r"\.set_cookie\(")
    places = {
        str(path.relative_to(PROJECT))
        for package in HOUSE
        for path in (PROJECT / package).rglob("*.py")
        if set_by.search(path.read_text())
    }
    assert places == {"api/my_data.py", "api/client.py", "api/staff.py", "api/look_gate.py"}
