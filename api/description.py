"""What each route may refuse with, in the API's description: the statuses, their stable codes, and the one shape of them all."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ninja.openapi.schema import OpenAPISchema
from pydantic.json_schema import models_json_schema

from api.errors import PROBLEM_TYPE, TITLES, Problem
from processors.errors import DomainError

Codes = dict[int, set[str]]

# What a session or a key is refused with before the route is asked.
_BY_PERSON: Final[Mapping[int, frozenset[str]]] = {
    401: frozenset({"not_signed_in", "look_ended"}),
    403: frozenset({"csrf_failed", "key_not_accepted", "not_permitted", "look_is_read_only", "not_in_look"}),
}
_BY_SECURITY: Final[Mapping[str, Mapping[int, frozenset[str]]]] = {
    "PersonAuth": _BY_PERSON,
    "SessionAuth": {**_BY_PERSON, 403: _BY_PERSON[403] | {"policy_unanswered"}},
    "StaffAuth": {401: frozenset({"not_signed_in"}), 403: frozenset({"csrf_failed", "not_permitted"})},
    "StaffMayAuth": {401: frozenset({"not_signed_in"}), 403: frozenset({"csrf_failed", "staff_not_permitted"})},
    "AwaitingOtpAuth": {401: frozenset({"not_signed_in"}), 403: frozenset({"csrf_failed"})},
    "NumberAuth": {401: frozenset({"number_not_proved"}), 403: frozenset({"csrf_failed", "key_not_accepted"})},
    "AnyoneAuth": {403: frozenset({"csrf_failed"})},
    "KeyAuth": {401: frozenset({"api_key_invalid"}), 403: frozenset({"scope_missing", "not_permitted"})},
}


def add_problems(schema: OpenAPISchema, declared: Mapping[str, Mapping[type[DomainError], int]]) -> OpenAPISchema:
    """Adds to each operation what it may be refused with.

    declared: by tag, what its routers declare; a route that only shows what is there meets none of it. Routes of one tag
    share their refusals, so a status lists every code that one of them may have with it.
    """
    codes: dict[str, Codes] = {}
    for _, operation in _operations(schema):
        tag = operation["tags"][0]
        for status, general in _general(operation, schema).items():
            codes.setdefault(tag, {}).setdefault(status, set()).update(general)
    for tag, problems in declared.items():
        for error, status in problems.items():
            codes[tag].setdefault(status, set()).add(error.code)
    for method, operation in _operations(schema):
        tag = operation["tags"][0]
        only_shows = method == "get" and not operation["parameters"]
        statuses = set(_general(operation, schema)) | (set() if only_shows else set(declared[tag].values()))
        for status in sorted(statuses):
            operation["responses"][status] = {"$ref": f"#/components/responses/{_name(tag, status)}"}
    _, shapes = models_json_schema([(Problem, "validation")], ref_template="#/components/schemas/{model}")
    schema["components"]["schemas"].update(shapes["$defs"])
    schema["components"]["responses"] = {
        _name(tag, status): _response(status, found)
        for tag, of_tag in sorted(codes.items())
        for status, found in sorted(of_tag.items())
    }
    return schema


def _operations(schema: OpenAPISchema) -> Iterator[tuple[str, dict[str, Any]]]:
    for methods in schema["paths"].values():
        yield from methods.items()


def _general(operation: Mapping[str, Any], schema: OpenAPISchema) -> Codes:
    """What does not depend on the router: the form of the request, who asks, and whether there is such a thing."""
    found: Codes = {400: {"host_unknown", "request_unusable"}, 429: {"requests_throttled"}}
    for schemes in operation.get("security", []):
        for scheme in schemes:
            for status, codes in _BY_SECURITY[scheme].items():
                found.setdefault(status, set()).update(codes)
    if _names_something(operation, schema):
        found[404] = {"not_found"}
    if any(parameter["name"] == "cursor" for parameter in operation["parameters"]):
        found[400].add("cursor_invalid")
    if operation["parameters"] or "requestBody" in operation:
        found[422] = {"invalid_fields"}
    if "requestBody" in operation:
        found[413] = {"body_too_large"}
    return found


def _names_something(operation: Mapping[str, Any], schema: OpenAPISchema) -> bool:
    """Whether it takes the name of a row, in its path or in a field of its body."""
    if any(parameter["in"] == "path" for parameter in operation["parameters"]):
        return True
    for content in operation.get("requestBody", {}).get("content", {}).values():
        shape = schema["components"]["schemas"].get(content["schema"].get("$ref", "").rsplit("/", 1)[-1], {})
        if any(field.get("format") == "uuid" for field in shape.get("properties", {}).values()):
            return True
    return False


def _name(tag: str, status: int) -> str:
    return f"{tag}_{status}"


def _response(status: int, codes: set[str]) -> dict[str, Any]:
    listed = ", ".join(f"`{code}`" for code in sorted(codes))
    return {
        "description": f"{TITLES[status]}: {listed}",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
