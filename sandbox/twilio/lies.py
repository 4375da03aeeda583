"""Answers of a carrier that has done what it was asked, and says something else."""

import json

from aiohttp import web

from sandbox import ids
from sandbox.store import Store

# What stands where Twilio's JSON should be, by the fault's value.
_GARBAGE = ("<html>Service temporarily", "[]", '{"calls": "none", "page_size": {}}')


def garbage(value: int) -> web.Response:
    """value: 0 no JSON, 1 JSON of another kind, 2 an object that is no resource."""
    return web.Response(status=200, text=_GARBAGE[value % len(_GARBAGE)], content_type="application/json")


def wrong_sid(store: Store, answer: web.Response, value: int) -> web.Response:
    """The answer with another SID. value: 0 one that nobody knows, 1 that of the call made before, 2 one that is none."""
    body = json.loads(answer.text or "{}")
    if "sid" not in body:
        return answer
    before = [sid for sid, record in store.calls.items() if record.parent_sid is None and sid != body["sid"]]
    body["sid"] = (ids.sid("CA"), before[-1] if before else ids.sid("CA"), "CA-one")[value % 3]
    return web.Response(status=answer.status, text=json.dumps(body), content_type="application/json")
