"""Of what kind each field of voice is, of what is held about people (docs/data.md)."""

_TENANT = {"id": "none", "workspace": "none"}


def _fields(model: str, elements: dict[str, str]) -> dict[str, str]:
    return {f"voice.{model}.{field}": element for field, element in {**_TENANT, **elements}.items()}


INVENTORY: dict[str, str] = {
    **_fields(
        "Lead",
        {
            "first_name": "callee",
            "last_name": "callee",
            "company": "callee",
            "phone_e164": "callee",
            "country": "callee",
            "time_zone": "callee",
            "notes": "callee",
            "created_at": "none",
            "last_call_at": "call",
            "tags": "callee",
            "disposition": "callee",
            "attempts": "callee",
            "retry_at": "callee",
            "erased_at": "none",
            "restricted_at": "callee",
            "search_text": "callee",
        },
    ),
    **_fields(
        "Call",
        {
            "lead": "call",
            "user": "call",
            "idempotency_key": "none",
            "way": "call",
            "status": "call",
            "transcript_state": "call",
            "rate_card_id": "none",
            "created_at": "call",
            "answered_at": "call",
            "ended_at": "call",
            "duration_s": "call",
            "end_reason": "call",
            "max_duration_s": "none",
            "minutes_charged": "none",
            "charged_mcredits": "none",
            "settled_at": "none",
            "warned_at_s": "none",
            "limited_at": "none",
            "hangup_requested_at": "call",
            "hangup_confirmed_at": "none",
            "ended_by": "watch",
            "shut_out": "call",
            "opted_out": "call",
            "ended_because": "call",
            "media_started_at": "none",
            "reconciled_at": "none",
            "analysis_state": "none",
            "analysis_claimed_at": "none",
            "sequence": "none",
            "callbacks_applied": "none",
            "answered_by": "call",
            "outcome": "call",
            "disposition": "callee",
            "notes": "callee",
        },
    ),
    **_fields("CallWatch", {"call": "watch", "user": "watch", "began_at": "watch", "seen_at": "watch"}),
    **_fields(
        "DialIntent",
        {"call": "call", "state": "none", "claimed_at": "none", "submitted_at": "none", "error_code": "none"},
    ),
    **_fields(
        "CallLeg",
        {
            "call": "call",
            "role": "none",
            "sid": "call",
            "status": "call",
            "answered_at": "call",
            "ended_at": "call",
            "duration_s": "call",
            "answered_source": "none",
            "ended_source": "none",
            "carrier_deleted_at": "none",
        },
    ),
    **_fields(
        "MediaStream",
        {
            "call": "call",
            "engine": "none",
            "token_hash": "none",
            "state": "none",
            "stream_sid": "call",
            "issued_at": "none",
            "connected_at": "call",
            "stopped_at": "call",
            "seen_at": "none",
            "settled_ms": "none",
            "dropped_frames": "none",
            "heard_sequence": "none",
            "heard_ms": "none",
            "holes": "none",
            "shown": "none",
        },
    ),
    **_fields(
        "TranscriptSegment",
        {
            "call": "transcript",
            "sequence": "none",
            "kind": "none",
            "speaker": "transcript",
            "start_ms": "transcript",
            "end_ms": "transcript",
            "text": "transcript",
            "confidence": "none",
            "words": "transcript",
            "replaces": "none",
            "original_text": "transcript",
            "corrected_by": "transcript",
            "corrected_at": "transcript",
            "refusal": "transcript",
            "created_at": "none",
        },
    ),
    **_fields("LimitMark", {"number_key": "call_limit", "kind": "call_limit", "at": "call_limit"}),
    **_fields("TranscriptRefusal", {"number_key": "suppression", "refused_at": "suppression"}),
    **_fields(
        "Callback",
        {
            "call": "call",
            "kind": "none",
            "sid": "call",
            "dedupe_key": "call",
            "params": "call",
            "received_at": "call",
            "applied_at": "none",
            "applied_order": "none",
            "asked_to_end": "none",
        },
    ),
}
# Of a test call there is neither a number nor a workspace, and its row lives for a minute.
INVENTORY |= {f"voice.ScriptedCall.{field}": "none" for field in ("id", "token_hash", "placed_at", "news", "frames")}
# Whose it was is not known here: that is why there is a row. It ends after a month by itself.
INVENTORY |= {
    f"voice.OrphanCall.{field}": "none" for field in ("id", "sid", "began_at", "found_at", "told_at", "ended_at")
}
