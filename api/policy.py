"""The policy for everybody: its versions, who receives what, what is kept; and what a person is told and asked when it changes."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from api.auth import actor_of, person_auth
from api.client import client_of
from compliance import policy_change, policy_queries, queries
from compliance.policy_schemas import (
    PolicyAnswerIn,
    PolicyChangesOut,
    PolicyNoticeIn,
    PolicyNoticeOut,
    PolicyOut,
    PolicyVersionsOut,
    PurposeAnswerIn,
    PurposesOut,
)
from compliance.schemas import ContactOut, DataKindsOut, ProcessorsOut
from processors.errors import DomainError
from voice import purposes as purposes_said

router = Router(tags=["policy"])
PROBLEMS: dict[type[DomainError], int] = {
    policy_change.AnswerMissing: 422,
    policy_change.NothingToConfirm: 409,
    policy_change.PolicyNotInForce: 409,
    policy_change.PolicyUnanswered: 403,
    policy_change.PurposeUnknown: 422,
    policy_queries.PolicyVersionUnknown: 404,
}


@router.get("/policy", auth=None, response=PolicyOut, operation_id="get_policy")
def policy(request: HttpRequest, version: str | None = None) -> PolicyOut:
    """One version, or the one in force."""
    return policy_queries.served_policy(version)


@router.get("/policy/versions", auth=None, response=PolicyVersionsOut, operation_id="list_policy_versions")
def versions(request: HttpRequest) -> PolicyVersionsOut:
    return policy_queries.versions()


@router.get("/policy/changes", auth=None, response=PolicyChangesOut, operation_id="compare_policy_versions")
def changes(request: HttpRequest, version: str | None = None, since: str | None = None) -> PolicyChangesOut:
    """What a version changed, word by word: of the newest against the one before it, unless others are named."""
    return policy_queries.changes(version=version, since=since)


@router.get("/processors", auth=None, response=ProcessorsOut, operation_id="list_processors")
def processors(request: HttpRequest) -> ProcessorsOut:
    return queries.processors()


@router.get("/contact", auth=None, response=ContactOut, operation_id="get_contact")
def contact(request: HttpRequest) -> ContactOut:
    """Whom people write to about their data, and who answers a grievance."""
    return queries.contact()


@router.get("/data-kinds", auth=None, response=DataKindsOut, operation_id="list_data_kinds")
def data_kinds(request: HttpRequest) -> DataKindsOut:
    return queries.data_kinds()


@router.get("/policy/notice", auth=person_auth, response=PolicyNoticeOut, operation_id="get_policy_notice")
def notice(request: HttpRequest) -> PolicyNoticeOut:
    return policy_queries.notice(user_id=actor_of(request).user_id, now=timezone.now())


@router.post("/policy/notice", auth=person_auth, response={204: None}, operation_id="confirm_policy_notice")
def confirm_notice(request: HttpRequest, form: PolicyNoticeIn) -> Status[None]:
    policy_change.confirm_notice(user_id=actor_of(request).user_id, version=form.version, now=timezone.now())
    return Status(204, None)


@router.post("/policy/answer", auth=person_auth, response={204: None}, operation_id="answer_policy")
def answer(request: HttpRequest, form: PolicyAnswerIn) -> Status[None]:
    """Accepts the version in force, with a yes or no to each new purpose."""
    policy_change.answer(
        user_id=actor_of(request).user_id,
        version=form.version,
        answers={each.purpose: each.given for each in form.answers},
        ip=client_of(request).address,
        now=timezone.now(),
    )
    return Status(204, None)


@router.get("/privacy/purposes", auth=person_auth, response=PurposesOut, operation_id="list_purposes")
def purposes(request: HttpRequest) -> PurposesOut:
    return policy_queries.purposes(user_id=actor_of(request).user_id)


@router.post("/privacy/purposes", auth=person_auth, response={204: None}, operation_id="set_purpose")
def set_purpose(request: HttpRequest, form: PurposeAnswerIn) -> Status[None]:
    """Gives or takes back the consent to a purpose that people are asked for."""
    purposes_said.set_purpose(
        user_id=actor_of(request).user_id,
        purpose=form.purpose,
        given=form.given,
        ip=client_of(request).address,
        now=timezone.now(),
    )
    return Status(204, None)
