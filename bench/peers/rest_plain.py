"""Leads and a call with as little between the socket and the rows as there can be: ASGI, asyncpg, msgspec."""

import hashlib
import os
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

SESSION = """
SELECT membership.workspace_id FROM identity_session AS session
JOIN identity_membership AS membership ON membership.id = session.membership_id
JOIN identity_user AS person ON person.id = session.user_id
WHERE session.key_digest = $1
"""
LEADS = """
SELECT id, first_name, last_name, company, phone_e164, notes, country, time_zone, erased_at, created_at, last_call_at
FROM voice_lead WHERE workspace_id = $1 ORDER BY created_at DESC, id DESC LIMIT 50
"""
CALL = """
SELECT call.id, lead.first_name AS lead_name, lead.phone_e164, person.first_name AS user_name, call.status,
       call.transcript_state, call.created_at, call.answered_at, call.ended_at, call.duration_s, call.charged_mcredits,
       call.sequence, call.end_reason, call.disposition, call.notes
FROM voice_call AS call
JOIN voice_lead AS lead ON lead.id = call.lead_id
JOIN identity_user AS person ON person.id = call.user_id
WHERE call.workspace_id = $1 AND call.id = $2
"""
pool: Any = None


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    global pool
    if scope["type"] != "http":
        return
    if pool is None:
        pool = await asyncpg.create_pool(os.environ["PLAIN_DATABASE_URL"], min_size=1, max_size=8)
    cookies = dict(part.split("=", 1) for part in dict(scope["headers"])[b"cookie"].decode().split("; "))
    async with pool.acquire() as connection:
        workspace = await connection.fetchval(SESSION, hashlib.sha256(cookies["session"].encode()).hexdigest())
        path = scope["path"]
        if path == "/leads":
            found: Any = {"items": [dict(row) for row in await connection.fetch(LEADS, workspace)]}
        else:
            found = dict(await connection.fetchrow(CALL, workspace, UUID(path.removeprefix("/calls/"))))
    body = msgspec.json.encode(found, enc_hook=str)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
