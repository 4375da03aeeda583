"""The front door of Twilio's REST APIs: credentials, contract, faults, and the form of every answer."""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox import clock, ids
from sandbox.contract import Contract, ContractRequest, ContractResponse
from sandbox.faults import Faults
from sandbox.records import Defect
from sandbox.store import Store
from sandbox.twilio import lies
from sandbox.twilio.errors import TwilioError, account_not_active, not_authenticated

logger = logging.getLogger("sandbox.twilio")

ACCOUNT_PATH = "/2010-04-01/Accounts/{Sid}.json"


@dataclass(frozen=True, slots=True)
class RestRequest:
    """path: as asked for. ids: the path's parameters. form and query keep repeated names."""

    path: str
    ids: Mapping[str, str]
    form: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...]

    def field(self, name: str) -> str:
        return next((value for key, value in self.form if key == name), "")

    def fields(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.form if key == name)

    def asked(self, name: str) -> str:
        return next((value for key, value in self.query if key == name), "")


@dataclass(frozen=True, slots=True)
class RestAnswer:
    status: int
    body: Mapping[str, Any] | None = None


Handler = Callable[[RestRequest], Awaitable[RestAnswer]]
Precheck = Callable[[RestRequest], None]


class Gateway:
    """Routes of one API. target: the name that faults use. api_key: opens them too, but for the account itself, as Twilio's
    standard keys do; one without a secret opens nothing."""

    def __init__(
        self,
        *,
        store: Store,
        faults: Faults,
        contract: Contract,
        credentials: tuple[str, str],
        service: str,
        target: str,
        api_key: tuple[str, str] = ("", ""),
    ) -> None:
        self._store = store
        self._faults = faults
        self._contract = contract
        self._credentials = credentials
        self._api_key = api_key
        self._service = service
        self._target = target

    def route(
        self, app: web.Application, method: str, pattern: str, handler: Handler, precheck: Precheck | None = None
    ) -> None:
        """precheck: raises the errors that Twilio has a number of its own for, before the contract is held against it."""

        async def endpoint(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            answer = await self._answer(request, pattern, handler, precheck, body)
            if answer is None:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            return answer

        app.router.add_route(method, pattern, endpoint)

    async def _answer(
        self, request: web.Request, pattern: str, handler: Handler, precheck: Precheck | None, body: bytes
    ) -> web.Response | None:
        """None: the connection is to break without an answer."""
        asked = RestRequest(
            path=request.path,
            ids=dict(request.match_info),
            form=tuple(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)),
            query=tuple(request.query.items()),
        )
        queried = [(f"?{name}", value) for name, value in asked.query]
        fields = [*asked.form, *queried]
        self._store.received.note(f"{self._service} {request.method} {pattern}", fields, path=request.path)
        told = {**dict(fields), "path": request.path, "method": request.method}
        contract_request = self._contract.request(
            method=request.method, path=request.path, headers=request.headers, query=asked.query, body=body
        )
        try:
            self._authenticate(request, pattern)
            if self._store.account.status != "active" and pattern != ACCOUNT_PATH:
                # What the account is, it is told even then.
                raise account_not_active()
            if self._faults.strike(self._target, told, "drop"):
                return None
            if late := self._faults.strike(self._target, told, "delay"):
                await asyncio.sleep(late.value / 1_000)
            if broken := self._faults.strike(self._target, told, "error"):
                raise _error_on_demand(broken.value)
            if precheck is not None:
                precheck(asked)
            self._hold_to_contract(contract_request, pattern, request.method, body)
            answer = await handler(asked)
        except TwilioError as error:
            return _json(error.status, error.as_json())
        if lost := self._faults.strike(self._target, told, "timeout_after_accept"):
            await asyncio.sleep(lost.value / 1_000)
            return None
        if failed := self._faults.strike(self._target, told, "error_after_accept"):
            refused = _error_on_demand(failed.value)
            return _json(refused.status, refused.as_json())
        if unreadable := self._faults.strike(self._target, told, "garbage"):
            return lies.garbage(unreadable.value)
        checked = self._checked(contract_request, answer)
        if wrong := self._faults.strike(self._target, told, "wrong_sid"):
            return lies.wrong_sid(self._store, checked, wrong.value)
        return checked

    def _authenticate(self, request: web.Request, pattern: str) -> None:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise not_authenticated() from None
        account = request.match_info.get("AccountSid", self._credentials[0])
        keyed = (user, password) == self._api_key and all(self._api_key) and pattern != ACCOUNT_PATH
        known = keyed or (user, password) == self._credentials
        if kind.lower() != "basic" or not known or account != self._credentials[0]:
            raise not_authenticated()

    def _hold_to_contract(self, request: ContractRequest, pattern: str, method: str, body: bytes) -> None:
        where = f"{method} {pattern}"
        unknown = self._contract.undeclared_fields(pattern, method, body)
        if unknown:
            self._store.defects.append(Defect("undeclared_field", where, unknown, clock.now()))
        reasons = self._contract.request_faults(request)
        if reasons:
            self._store.defects.append(Defect("request", where, reasons, clock.now()))
            raise TwilioError(20001, 400, reasons[-1])

    def _checked(self, request: ContractRequest, answer: RestAnswer) -> web.Response:
        """The answer, unless it breaks Twilio's contract: that would be a defect of the sandbox."""
        response = _json(answer.status, answer.body)
        data = response.body if isinstance(response.body, bytes) else b""
        reasons = self._contract.response_faults(request, ContractResponse(answer.status, data))
        if not reasons:
            return response
        logger.error("an answer breaks the contract")
        self._store.defects.append(Defect("response", f"{request.method} {request.path}", reasons, clock.now()))
        return _json(500, TwilioError(20500, 500, "The sandbox's answer breaks Twilio's contract").as_json())


def _error_on_demand(value: int) -> TwilioError:
    """value: an HTTP status, or one of Twilio's five-digit codes with the status that goes with it."""
    if value >= 10_000:
        limited = value in (20429, 60202, 60203, 60212)
        forbidden = value in (60410, 60238)
        return TwilioError(value, 429 if limited else 403 if forbidden else 400, "Error on demand")
    status = value or 500
    return TwilioError({429: 20429, 404: 20404, 401: 20003}.get(status, 20500), status, "Error on demand")


def _json(status: int, body: Mapping[str, Any] | None) -> web.Response:
    headers = {"Twilio-Request-Id": ids.sid("RQ"), "Twilio-Request-Duration": "0.010", "X-API-Domain": "api.twilio.com"}
    if body is None:
        return web.Response(status=status, headers=headers)
    return web.Response(status=status, body=json.dumps(body).encode(), headers=headers, content_type="application/json")
