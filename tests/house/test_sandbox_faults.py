"""Each fault of the sandbox has a story: how it strikes, or what the product makes of it."""

import ast
from functools import cache

import pytest

from sandbox.faults import ALLOWED, KINDS, TARGETS
from tests.house.house import PROJECT

_CALLBACKS = "tests/voice/test_callback_faults.py::test_a_callback_that_is_late_repeated_overtaken_lost_or_unsigned_changes_no_end"
_STREAMS = (
    "tests/voice/test_media_story.py::"
    "test_whatever_befalls_a_media_stream_the_newest_one_writes_what_can_be_heard_and_what_cannot_is_marked"
)
_LYING = "tests/voice/test_lying_carrier.py"
_DIALLING = "tests/voice/test_dialling.py"
_TRANSCRIPTIONS = "tests/sandbox/test_transcription.py"
_PADDLE = "tests/sandbox/test_paddle.py"
_ODD_NOTIFICATIONS = f"{_PADDLE}::test_notifications_can_be_lost_overtaken_and_badly_signed"
_LATE_NOTIFICATIONS = f"{_PADDLE}::test_a_notification_can_be_repeated_or_late"
_LISTS = "tests/ledger/test_paddle_look.py"
_TOP_UPS = "tests/ledger/test_top_up_paddle.py"
_PASSCODES = "tests/identity/test_verify_answers.py"
_LOST_PASSCODES = f"{_PASSCODES}::test_an_answer_that_is_lost_is_told_and_the_code_that_came_all_the_same_is_good"
_SOCIAL = "tests/identity/test_social.py::test_a_provider_that_is_down_is_said_so"
STORIES: dict[str, dict[str, str]] = {
    "twilio.callbacks": dict.fromkeys(
        ("delay", "duplicate", "reorder", "drop", "error", "timeout_after_accept"), _CALLBACKS
    ),
    "twilio.rest": {
        "delay": f"{_DIALLING}::test_a_carrier_that_answers_late_has_one_call",
        "drop": f"{_DIALLING}::test_a_carrier_that_never_got_the_call_costs_nothing",
        "error": f"{_DIALLING}::test_a_call_that_the_carrier_refuses_ends_with_its_reason",
        "timeout_after_accept": f"{_DIALLING}"
        "::test_a_carrier_that_took_the_call_and_then_was_silent_is_asked_and_never_told_again",
        "error_after_accept": f"{_LYING}::test_a_carrier_that_takes_a_call_and_says_that_it_could_not_has_one",
        "wrong_sid": f"{_LYING}::test_while_two_talk_a_leg_that_the_carrier_does_not_know_ends_alone",
        "garbage": f"{_LYING}::test_an_answer_that_cannot_be_read_about_one_call_holds_up_no_other",
    },
    "twilio.stream": dict.fromkeys(("delay", "duplicate", "reorder", "drop", "error", "lost_socket"), _STREAMS),
    "twilio.transcription": {
        "delay": f"{_TRANSCRIPTIONS}::test_one_can_begin_late",
        "drop": f"{_TRANSCRIPTIONS}::test_one_can_fail_or_never_begin",
        "error": "tests/chaos/test_transcription.py"
        "::test_a_web_process_that_is_away_and_a_transcription_that_fails_leave_marked_gaps_alone",
    },
    "paddle.webhooks": {
        "delay": _LATE_NOTIFICATIONS,
        "duplicate": _LATE_NOTIFICATIONS,
        "timeout_after_accept": _LATE_NOTIFICATIONS,
        "reorder": _ODD_NOTIFICATIONS,
        "drop": _ODD_NOTIFICATIONS,
        "error": _ODD_NOTIFICATIONS,
    },
    "paddle.rest": {
        "delay": f"{_LISTS}::test_a_list_that_comes_late_is_waited_for",
        "drop": f"{_LISTS}::test_a_list_that_cannot_be_had_is_asked_for_again_after_a_minute",
        "error": f"{_LISTS}::test_a_list_that_cannot_be_had_is_asked_for_again_after_a_minute",
        "timeout_after_accept": f"{_TOP_UPS}::test_a_payment_told_before_paddle_answered_is_granted_once",
    },
    "verify": {
        "delay": f"{_PASSCODES}::test_an_answer_that_is_late_is_waited_for",
        "drop": _LOST_PASSCODES,
        "timeout_after_accept": _LOST_PASSCODES,
        "error": f"{_PASSCODES}::test_whatever_twilio_answers_to_a_send_is_told_with_what_to_do",
    },
    "google.rest": {"error": _SOCIAL},
    "facebook.rest": {"error": _SOCIAL},
}


def test_each_fault_has_a_story_and_is_described() -> None:
    assert {target: {*stories} for target, stories in STORIES.items()} == {
        target: {*kinds} for target, kinds in ALLOWED.items()
    }
    assert ({*ALLOWED}, {*TARGETS}) == ({*STORIES}, {*STORIES})
    assert {*KINDS} == {kind for kinds in ALLOWED.values() for kind in kinds}
    described = (PROJECT / "docs" / "sandbox.md").read_text()
    assert [kind for kind in KINDS if f"| `{kind}` |" not in described] == []


@pytest.mark.parametrize(("target", "kind"), [(target, kind) for target in STORIES for kind in STORIES[target]])
def test_the_story_of_a_fault_is_told_and_brings_it_about(target: str, kind: str) -> None:
    path, _, name = STORIES[target][kind].partition("::")
    functions = _functions(path)
    assert name in functions, "there is no such test"
    words = _words(path, name)
    provider, _, service = target.partition(".")
    assert kind in words
    assert target in words or {provider, f".{service}"} <= words


def _words(path: str, name: str) -> frozenset[str]:
    """The strings of a test and of whatever of its file it uses, one by way of another: functions, fixtures, and what stands beside
    them under a name. A fault that stands somewhere else in the file is brought about by another test."""
    functions, found, waiting = _functions(path), set[str](), [name]
    used = set(waiting)
    while waiting:
        for each in ast.walk(functions[waiting.pop()]):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                found.add(each.value)
            called = {ast.Name: "id", ast.arg: "arg"}.get(type(each))
            if called and (other := getattr(each, called)) in functions and other not in used:
                used.add(other)
                waiting.append(other)
    return frozenset(found)


@cache
def _functions(path: str) -> dict[str, ast.stmt]:
    """What a file gives a name to, by it."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse((PROJECT / path).read_text()).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found[node.name] = node
            case ast.Assign():
                found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name() as target):
                found[target.id] = node
            case _:
                continue
    return found
