"""Exception -> HTTP status + stable code, as RFC 9457 problem details. The only place that decides statuses."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.exceptions import DisallowedHost, ObjectDoesNotExist, RequestDataTooBig, SuspiciousOperation
from django.db import InternalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from psycopg.errors import ReadOnlySqlTransaction
from pydantic import BaseModel, Field

from api import refusals
from api.parsing import UnstorableText
from compliance import one_line
from identity.models import AccessEvent
from processors.errors import DomainError

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
# What programs ask, as opposed to the pages that people open.
PROGRAM_PATHS = ("/api/", "/twilio/", "/paddle/")
_SIGNED_PATHS = ("/twilio/", "/paddle/")
TITLES = {
    400: "The request cannot be used",
    401: "Sign in first",
    402: "Not enough credits",
    403: "Not allowed",
    404: "Not found",
    405: "Not done at this address",
    409: "Not possible now",
    410: "No longer available",
    413: "Too large",
    415: "Not a kind of content that can be taken",
    422: "This cannot be taken as it is",
    429: "Too many in a short time",
    502: "A service that we use answered wrongly",
    503: "Not available right now",
}


class FieldProblem(BaseModel):
    """field: nested ones with dots, the body's own name first."""

    field: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 answer. code: stable, to branch on; detail: what happened and what to do; errors: which fields, for
    `invalid_fields` alone.
    """

    type: str
    title: str
    status: int
    code: str = Field(pattern="^[a-z0-9_]+$")
    detail: str
    errors: list[FieldProblem] = []


# Where another title says better what to do than that of its status.
_TITLES_OF_CODES: Final = {"number_not_proved": "Prove your number first"}
_DATE: Final = "This has to be a date, such as 2026-03-31."
_MOMENT: Final = "This has to be a moment with its time zone, such as 2026-03-31T14:00:00Z."
_NO_ID: Final = "This is not the id of anything. Take it as the API gave it."
_OBJECT: Final = "This has to be an object with named fields."
_WHOLE: Final = "This has to be a whole number."
_YES_OR_NO: Final = "Say yes or no: true or false."
# What is said of a field in the place of Pydantic's own sentence, which is written for programmers; {} takes its context.
_SAID_OF_FIELDS: Final = {
    "bool_parsing": _YES_OR_NO,
    "bool_type": _YES_OR_NO,
    "date_from_datetime_inexact": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_parsing": _DATE,
    "date_type": _DATE,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_type": _MOMENT,
    "dict_type": _OBJECT,
    "enum": "This has to be {expected}.",
    "extra_forbidden": "There is no such field here.",
    "greater_than_equal": "This has to be at least {ge}.",
    "finite_number": "This has to be a number that is written out.",
    "greater_than": "This has to be more than {gt}.",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "This number is out of range.",
    "int_type": _WHOLE,
    "less_than": "This has to be less than {lt}.",
    "less_than_equal": "This may be at most {le}.",
    "list_type": "This has to be a list.",
    "literal_error": "This has to be {expected}.",
    "missing": "This is missing.",
    "model_attributes_type": _OBJECT,
    "model_type": _OBJECT,
    "string_pattern_mismatch": "This is not in the form that it needs. The API's description has it.",
    "string_too_long": "This is too long: at most {max_length} characters.",
    "string_too_short": "This is too short: at least {min_length} characters.",
    "string_type": "This has to be text.",
    "string_unicode": "This holds characters that no text can keep. Remove them.",
    "timezone_aware": _MOMENT,
    "too_long": "These are too many: at most {max_length}.",
    "too_short": "These are too few: at least {min_length}.",
    "uuid_parsing": _NO_ID,
    "uuid_type": _NO_ID,
    "value_error": "{error}",
}
# What a look by our own people gets for whatever would change something.
LOOK_IS_READ_ONLY = "look_is_read_only"
_PAGE_TOO_OLD: Final = "The page is too old to act on. Reload it and try again."
FAILED = "Something failed on our side. Nothing was changed; try again."


def problem(status: int, code: str, detail: str, **extra: Any) -> HttpResponse:
    """An RFC 9457 answer. code: stable; detail: what happened and what to do."""
    body = {
        "type": f"/problems/{code}",
        "title": _TITLES_OF_CODES.get(code) or TITLES.get(status, "The request failed"),
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }
    return JsonResponse(body, status=status, content_type=PROBLEM_TYPE)


def _said(wrong: Mapping[str, Any]) -> str:
    """What is wrong with one field, in words for whoever filled it in. wrong: as Pydantic describes it."""
    kind, context = wrong["type"], wrong.get("ctx", {})
    # Where something is done to a text before it is measured, Pydantic no longer knows that it is one.
    if kind in ("too_long", "too_short") and context.get("field_type") == "Value":
        kind = f"string_{kind}"
    if kind == "string_pattern_mismatch" and context["pattern"] == one_line.ONE_LINE:
        return one_line.WANTED
    if kind == "string_too_short" and context["min_length"] == 1:
        kind = "missing"
    words = _SAID_OF_FIELDS.get(kind)
    return words.format(**context) if words else str(wrong["msg"])


class ProblemsMiddleware:
    """Answers as a problem whatever is refused to a program before or beside a route: a method that the address does not
    have, an unknown address or host. Django and Ninja answer these in text of their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            # The name that was asked for is the asker's invention: no error of ours, and not to be written down.
            return problem(
                400,
                "host_unknown",
                "This server does not answer for that host name. Use the address that you were given.",
            )
        response = self._get_response(request)
        if response.status_code == 403 and request.path.startswith(_SIGNED_PATHS):
            refusals.note_kind(request, AccessEvent.WEBHOOK_FORGED)
        if response.status_code < 400 or not request.path.startswith(PROGRAM_PATHS):
            return response
        if response.get("Content-Type") == PROBLEM_TYPE:
            return response
        allowed = response.get("Allow")
        if response.status_code == 405 and allowed:
            answer = problem(405, "method_not_allowed", f"This address takes {allowed}. Use one of these.")
            answer["Allow"] = allowed
            return answer
        if response.status_code == 404:
            return unknown_path(request)
        if response.status_code >= 500:
            return problem(response.status_code, "internal_error", FAILED)
        return problem(
            response.status_code,
            "request_unusable",
            "The request cannot be answered in this form. Change it as the API's description has it.",
        )


def unknown_path(request: HttpRequest) -> HttpResponse:
    """Answers every path that a program asks for and that has no route."""
    return problem(
        404,
        "not_found",
        "There is nothing here that you may see. Check the address, or go back to where you came from.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return problem(403, "csrf_failed", _PAGE_TOO_OLD)


def install(api: NinjaAPI, statuses: Mapping[type[DomainError], int]) -> None:
    """Registers the handlers; `statuses` is the union of what the routers declare, most specific class wins."""

    @api.exception_handler(DomainError)
    def refused(request: HttpRequest, error: DomainError) -> HttpResponse:
        status = next((statuses[cls] for cls in type(error).__mro__ if cls in statuses), 400)
        refusals.note(request, status, error)
        return problem(status, error.code, error.message)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [
            {"field": ".".join(str(part) for part in item["loc"][2:] or item["loc"]), "message": _said(item)}
            for item in error.errors
        ]
        return problem(
            422, "invalid_fields", "Some fields need another value. Change those that errors names.", errors=errors
        )

    @api.exception_handler(UnstorableText)
    def unstorable(request: HttpRequest, error: UnstorableText) -> HttpResponse:
        errors = [{"field": error.field, "message": "This holds a NUL character, which no text can keep. Remove it."}]
        return problem(
            422, "invalid_fields", "Some fields need another value. Change those that errors names.", errors=errors
        )

    @api.exception_handler(AuthenticationError)
    def unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return problem(401, "not_signed_in", "You are not signed in, or the session has ended. Sign in again.")

    @api.exception_handler(Http404)
    @api.exception_handler(ObjectDoesNotExist)
    def missing(request: HttpRequest, error: Http404 | ObjectDoesNotExist) -> HttpResponse:
        refusals.note(request, 404)
        return problem(
            404,
            "not_found",
            "There is nothing here that you may see. Check the address, or go back to where you came from.",
        )

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
        # Ninja turns whatever a body's parser raises into an HttpError.
        if isinstance(error.__cause__, UnstorableText):
            return unstorable(request, error.__cause__)
        if error.status_code == 403:
            return csrf_failure(request)
        return problem(error.status_code, "request_unusable", "The request cannot be read. Check what you send.")

    @api.exception_handler(RequestDataTooBig)
    def too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        return problem(413, "body_too_large", "The request is larger than 1 MiB. Send less at once.")

    @api.exception_handler(SuspiciousOperation)
    def unreadable(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
        return problem(
            400,
            "request_unusable",
            "The request cannot be read, or carries more fields than anything here takes. Check what you send.",
        )

    @api.exception_handler(InternalError)
    def refused_by_the_database(request: HttpRequest, error: InternalError) -> HttpResponse:
        # Only looks read in a transaction that may not write.
        if isinstance(error.__cause__, ReadOnlySqlTransaction):
            return problem(403, LOOK_IS_READ_ONLY, "This is a look: nothing can be changed in it. End it first.")
        return unexpected(request, error)

    @api.exception_handler(Exception)
    def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        logger.error("request failed", extra={"error_type": type(error).__name__}, exc_info=error)
        return problem(500, "internal_error", FAILED)
