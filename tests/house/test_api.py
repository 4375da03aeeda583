"""The API's description is whole, and so are the lists of events and problems that are kept by hand."""

from collections import defaultdict
from http import HTTPStatus
from typing import get_args

from pydantic import BaseModel

from api.app import PROBLEMS, api
from api.errors import TITLES
from api.server_events import SERVER_EVENTS, ServerEvent
from processors.errors import DomainError
from tests.house.house import FLOORS, classes_below, modules
from tests.matrix.routes import operations

# One word for one meaning: the same refusal on several floors, with one status.
SHARED_CODES = {
    "idempotency_key_reused": "each operation with a key refuses it for another request",
    "speech_refused": "the client's refusal repeats the server's over the wire",
}
# Errors that never become an answer of the REST API -> who handles them.
INTERNAL = {
    "cannot_grant": "ledger/management/commands/paddle_events.py tells the operator",
    "carrier_knows_none": "voice/twilio.py and reconcile.py: what it was asked about is over there",
    "carrier_refused": "voice/submission.py and reconcile.py: the call fails with that reason",
    "carrier_silent": "voice/submission.py and reconcile.py: looked up, or tried again",
    "carrier_stopped": "identity/otp.py: everybody who uses the phone is stopped, and told why nothing was sent",
    "duration_out_of_range": "no request carries a duration, so one that is out of range is a fault of ours",
    "early_skipped": "ai/listening/track.py: the utterance is heard whole when it is over",
    "erasure_ledger_away": "compliance/erasure.py: the run goes on later; config/replayed.py: the door stays shut",
    "erasure_ledger_strange": "config/management/commands/replay_erasures.py tells the operator",
    "erasure_not_yet": "compliance/erasure.py: the run goes on later",
    "hold_closed": "told to a caller of the ledger that extends an ended hold; a fault of ours",
    "hold_unknown": "told to a caller of the ledger that settles what was never held; a fault of ours",
    "interim_dropped": "ai/listening/track.py: newer interim text follows",
    "merge_skipped": "ai/listening/merging.py: the finals stay as they are",
    "model_unusable": "ai/listening/server.py says it at its start and stops",
    "nothing_to_resolve": "ledger/management/commands/paddle_events.py tells the operator",
    "rate_card_invalid": "ledger/management/commands/rate_card.py tells the operator",
    "reading_failed": "api/lean.py: Django answers",
    "recognition_failed": "ai/listening/track.py: the stretch becomes a gap",
    "reference_taken": "each call has a reference of its own, so a second hold is a fault of ours",
    "holds_unknown": "config/management/commands/replay_erasures.py tells the operator",
    "social_cancelled": "identity/social_entry.py tells the page that the browser comes back to",
    "social_email_known": "the same",
    "social_email_unverified": "the same",
    "social_erased": "the same",
    "social_linked_already": "the same",
    "social_refused": "the same",
    "social_state_invalid": "the same",
    "social_unavailable": "the same",
    "speech_refused": "ai/listening/track.py: the stretch becomes a gap",
    "staff_exists": "identity/staff/management/commands/staff.py tells the operator",
    "stream_refused": "voice/media_stream.py: the socket is closed with a code",
    "text_too_late": "ai/listening/track.py: the stretch becomes a gap",
    "transcriber_overloaded": "ai/listening/client.py: final speech waits and is sent again",
    "transcriber_unavailable": "ai/listening/track.py: the stretch becomes a gap",
    "workspaces_would_end": "config/management/commands/replay_erasures.py tells the operator",
}


def errors() -> list[type[DomainError]]:
    return classes_below(DomainError)


def status_of(error: type[DomainError]) -> int | None:
    return next((PROBLEMS[one] for one in error.__mro__ if one in PROBLEMS), None)


def test_every_operation_has_a_name_of_its_own_and_a_described_answer() -> None:
    assert len({operation.operation_id for operation in operations()}) == len(operations())
    undescribed = set()
    description = api.get_openapi_schema()
    refusals = description["components"]["responses"]
    for methods in description["paths"].values():
        for operation in methods.values():
            # Ninja's own default would be module_function.
            assert "_api_" not in operation["operationId"]
            for status, answer in operation["responses"].items():
                shared = refusals[answer["$ref"].rsplit("/", 1)[1]] if "$ref" in answer else answer
                if int(status) != HTTPStatus.NO_CONTENT and "schema" not in str(shared.get("content", "")):
                    undescribed.add(operation["operationId"])
    assert undescribed == set()


def test_every_event_of_every_package_is_one_that_browsers_know() -> None:
    said = {
        event
        for module in modules(*FLOORS)
        if module.__name__.endswith(".events")
        for event in vars(module).values()
        if isinstance(event, type) and issubclass(event, BaseModel) and event.__module__ == module.__name__
    }
    assert said == set(SERVER_EVENTS)
    assert set(get_args(get_args(ServerEvent)[0])) == said
    types = [event.model_fields["type"].default for event in SERVER_EVENTS]
    assert len(set(types)) == len(types)


def test_every_problem_has_a_code_of_its_own() -> None:
    by_code = defaultdict(set)
    for error in errors():
        by_code[error.code].add(error)
    assert len(by_code) > 40
    assert DomainError.code not in by_code
    assert {code for code, found in by_code.items() if len(found) > 1} == set(SHARED_CODES)
    for code in SHARED_CODES:
        assert len({status_of(error) for error in by_code[code]}) == 1, f"{code} has several statuses"


def test_every_problem_has_a_status_or_is_handled_inside() -> None:
    assert {error.code for error in errors() if status_of(error) is None} == set(INTERNAL)


def test_every_status_that_is_given_has_a_title() -> None:
    assert set(PROBLEMS.values()) <= set(TITLES)
