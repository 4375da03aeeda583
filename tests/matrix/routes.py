"""Every way in, read from the application itself: REST operations, plain URLs, sockets."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

from api.app import api
from config.asgi import served as everything
from config.sockets import refuse_socket

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One REST operation. identifiers: every parameter or field that names a row, such as "path.call_id"."""

    operation_id: str
    method: str
    path: str
    identifiers: frozenset[str]

    def url(self, named: Mapping[str, UUID | str]) -> str:
        """The address, with the path's and the query's identifiers filled in."""
        path = re.sub(r"{(\w+)}", lambda found: str(named[f"path.{found[1]}"]), self.path)
        query = "&".join(f"{name[6:]}={value}" for name, value in named.items() if name.startswith("query."))
        return f"{path}?{query}" if query else path


def operations() -> list[Operation]:
    schema = api.get_openapi_schema()
    return [
        Operation(
            operation_id=operation["operationId"],
            method=method.upper(),
            path=path,
            identifiers=frozenset(_identifiers(operation, schema)),
        )
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def is_ours(operation: Operation) -> bool:
    """Whether it belongs to the entrance of our own people, which no customer opens: test_staff.py asks those."""
    return operation.path.startswith("/api/staff/")


def customers_operations() -> list[Operation]:
    return [operation for operation in operations() if not is_ours(operation)]


def hidden_operations() -> list[str]:
    """Operations that answer without being in the API's description."""
    described = {(operation.method, operation.path) for operation in operations()}
    served = {
        (method, "/api/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern)))
        for pattern in _api_patterns()
        for method in _methods(pattern)
    }
    return sorted(f"{method} {path}" for method, path in served - described)


def plain_urls() -> list[str]:
    """The paths beside the REST operations, as the URL configuration writes them."""
    own = [f"api/{pattern.pattern}" for pattern in _api_patterns() if not _methods(pattern)]
    return own + [str(entry.pattern) for entry in get_resolver().url_patterns if isinstance(entry, URLPattern)]


def sockets() -> list[str]:
    """All but the last route, which matches whatever is left and refuses it."""
    *served, rest = everything.application_mapping["websocket"].routes
    assert (str(rest.pattern), rest.callback) == ("", refuse_socket)
    return [str(route.pattern) for route in served]


def _api_patterns() -> list[URLPattern]:
    inner = [entry for entry in get_resolver().url_patterns if isinstance(entry, URLResolver)]
    assert len(inner) == 1, "Another part of the URLs is included: generate its routes here too."
    return [pattern for pattern in inner[0].url_patterns if isinstance(pattern, URLPattern)]


def that_answer_files() -> set[str]:
    """Operations whose answer a browser keeps as a file, read from what their functions name."""
    return {
        operation.operation_id
        for pattern in _api_patterns()
        for operation in _operations(pattern)
        if {"downloaded", "Content-Disposition"} & {*_code(operation).co_names, *_code(operation).co_consts}
    }


def _code(operation: Any) -> CodeType:
    code: CodeType = operation.view_func.__code__
    return code


def _methods(pattern: URLPattern) -> list[str]:
    """The methods of the operations at a path of the API; none for Ninja's own pages."""
    return [method for operation in _operations(pattern) for method in operation.methods]


def _operations(pattern: URLPattern) -> list[Any]:
    view = getattr(pattern.callback, "__closure__", None) or ()
    holders = [cell.cell_contents for cell in view if hasattr(cell.cell_contents, "operations")]
    return [operation for holder in holders for operation in holder.operations]


def _identifiers(operation: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", []):
        # Whatever stands in a path names something, even where it is no UUID.
        if parameter["in"] == "path" or _is_identifier(parameter["schema"]):
            yield f"{parameter['in']}.{parameter['name']}"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "$ref" not in content["schema"]:
            # A file, which has no fields.
            continue
        body = schema["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]]
        for name, field in body["properties"].items():
            if _is_identifier(field):
                yield f"body.{name}"


def _is_identifier(schema: dict[str, Any]) -> bool:
    return schema.get("format") == "uuid" or any(map(_is_identifier, schema.get("anyOf", [])))
