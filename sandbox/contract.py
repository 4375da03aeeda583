"""Twilio's published OpenAPI contracts, held against every request that arrives and every answer that leaves."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

CONTRACTS = Path(__file__).parent / "contracts"
FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class ContractRequest:
    """A request in the shape that openapi-core reads. host_url: the real service's, as the contract names it."""

    host_url: str
    path: str
    method: str
    body: bytes | None
    content_type: str
    parameters: RequestParameters = field(default_factory=RequestParameters)


@dataclass(slots=True)
class ContractResponse:
    status_code: int
    data: bytes
    content_type: str = "application/json"
    headers: Mapping[str, Any] = field(default_factory=dict)


class Contract:
    """One OpenAPI document."""

    def __init__(self, file_name: str) -> None:
        document = json.loads((CONTRACTS / file_name).read_text())
        self._host_url: str = next(iter(document["paths"].values()))["servers"][0]["url"]
        self._document = document
        # "required": each property that the contract documents must be in our answers, null where it may be.
        config = Config(
            extra_format_validators={"date-time-rfc-2822": _is_rfc2822},
            response_properties_default_policy="required",
        )
        self._openapi = OpenAPI.from_dict(document, config=config)

    def request(
        self, *, method: str, path: str, headers: Mapping[str, str], query: Iterable[tuple[str, str]], body: bytes
    ) -> ContractRequest:
        parameters = RequestParameters(
            query=ImmutableMultiDict(list(query)), header=Headers(dict(headers)), cookie=ImmutableMultiDict()
        )
        content_type = FORM if body else ""
        return ContractRequest(self._host_url, path, method.lower(), body or None, content_type, parameters)

    def request_faults(self, request: ContractRequest) -> list[str]:
        """What is wrong with a request; empty when it keeps the contract."""
        try:
            self._openapi.validate_request(request)
        except OpenAPIError as error:
            return _reasons(error)
        return []

    def response_faults(self, request: ContractRequest, response: ContractResponse) -> list[str]:
        """What is wrong with our own answer. Errors (4xx, 5xx) are not declared by Twilio's files and not checked."""
        if response.status_code >= 400:
            return []
        try:
            self._openapi.validate_response(request, response)
        except OpenAPIError as error:
            return _reasons(error)
        return []

    def undeclared_fields(self, path_pattern: str, method: str, body: bytes) -> list[str]:
        """Form fields that the contract does not know. Twilio ignores them, so a misspelt one goes unseen there."""
        operation = self._document["paths"][path_pattern].get(method.lower(), {})
        schema = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
        declared = schema.get("properties", {})
        return sorted(
            {name for name, _ in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)} - set(declared)
        )


def _reasons(error: BaseException) -> list[str]:
    """The chain of causes, from the general to the particular."""
    reasons = [str(error) or type(error).__name__]
    reasons += [str(inner.message) for inner in getattr(error, "schema_errors", ())]
    if error.__cause__ is not None:
        reasons += _reasons(error.__cause__)
    return reasons


def _is_rfc2822(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        parsedate_to_datetime(value)
    except ValueError:
        return False
    return True
