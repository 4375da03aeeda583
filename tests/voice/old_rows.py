"""What years of use leave behind: thousands of rows in every table that grows with each call, each sign-in and each message.

None of them is due: what they tell of is over, and for what has a term it runs. Rows of one number belong together, call 7
with lead 7 and leg 7.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from ai.embedding import DIMENSIONS
from processors.sealed_fields import SealedField

COUNT: Final = 4_000
# Within each term, and long before everything that a round looks at.
AGE: Final = timedelta(days=20)
# So many times as many are said: a table that is read at once would be no example.
_SENTENCES: Final = 10
# How a row says that it is over, and what its table's constraints ask of it, as SQL over n.
_OVER: Final[Mapping[str, Mapping[str, str]]] = {
    "voice_lead": {"phone_e164": "'+1' || 2000000000 + n"},
    "voice_call": {
        "status": "(ARRAY['completed', 'no_answer', 'failed', 'busy'])[1 + n % 4]",
        "transcript_state": "CASE n % 4 WHEN 0 THEN 'on' ELSE 'off' END",
        "analysis_state": "'done'",
        # What has no text has none that could end, however old it is.
        "ended_at": "{at} - CASE n % 4 WHEN 0 THEN interval '0' ELSE interval '1 year' END",
        "settled_at": "{at}",
        "reconciled_at": "{at}",
        "max_duration_s": "14400",
    },
    "voice_dialintent": {"state": "'submitted'", "claimed_at": "{at}", "submitted_at": "{at}"},
    "voice_callleg": {"role": "'agent'", "status": "'completed'", "ended_at": "{at}"},
    "voice_mediastream": {
        "token_hash": "md5('token' || n)",
        "state": "CASE n % 10 WHEN 0 THEN 'lost' ELSE 'finished' END",
        "connected_at": "{at}",
        "seen_at": "{at}",
        "stopped_at": "{at}",
    },
    "voice_callback": {"applied_at": "{at}", "applied_order": "n"},
    "voice_transcriptsegment": {
        "speaker": "'agent'",
        "call_id": "md5('voice_call' || 4 * (1 + n % 1000))::uuid",
        "sequence": "n",
        "start_ms": "n",
        "end_ms": "n",
    },
    "voice_queuesession": {"ended_at": "{at}"},
    "voice_reservation": {"released_at": "{at}", "release_reason": "'called'"},
    "voice_limitmark": {"kind": "'called'"},
    "voice_transcriptrefusal": {},
    "ledger_hold": {"reference": "'call:' || md5('voice_call' || n)::uuid", "state": "'settled'", "closed_at": "{at}"},
    "ledger_entry": {"kind": "'charge'", "sequence": "1000 + n"},
    "ledger_posting": {"side": "'debit'", "amount_mcredits": "1"},
    "ledger_memberspending": {"month": "'2000-01-01'::date + n"},
    "ledger_paddleevent": {"state": "'applied'", "handled_at": "{at}"},
    "ai_indexedcall": {"call_id": "md5('voice_call' || n)::uuid"},
    "ai_aiquery": {"status": "'answered'", "user_id": "gen_random_uuid()"},
    "ai_citation": {},
    "ai_passage": {"embedding": f"array_fill(0.1::real, ARRAY[{DIMENSIONS}])::vector"},
    "ai_insight": {"segment_ids": "ARRAY[gen_random_uuid()]"},
    "outgoing_delivery": {"state": "'sent'"},
    "processors_disclosure": {"count": "1"},
    "processors_blockedegress": {"told_at": "{at}"},
    "processors_guesses": {"told_at": "{at}"},
    "identity_accessevent": {},
    "identity_otpattempt": {},
    "identity_accountmail": {"sent_at": "{at}"},
    "identity_invitation": {"role": "'rep'", "sent_at": "{at}", "ended_at": "{at}"},
    "compliance_auditevent": {"sequence": "1000000 + n"},
    "compliance_suppression": {},
    "compliance_policymail": {"sent_at": "{at}"},
    "compliance_policyreceipt": {"channel": "'app'"},
    "compliance_consentevent": {"purpose": "'texts'"},
    "compliance_tombstone": {},
    "staff_staffevent": {},
    "staff_look": {"staff_role": "'support'", "ends_at": "{at} + interval '1 hour'", "ended_at": "{at}"},
}
TABLES: Final = frozenset(_OVER)
# What a round may read as a whole. In this order: a handful of rows; what there is of each customer and person; what waits and is
# gone soon; what somebody asks for, buys or decides, one by one.
_FEW: Final = """
    compliance_audithead compliance_backuplook compliance_ledgermark compliance_leftbytes compliance_policyversion
    ledger_paddlelook ledger_ratecard processors_hashkey processors_lookupkey voice_complaintalert voice_limitalert

    identity_apikey identity_membership identity_session identity_socialidentity identity_user identity_workspace
    ledger_account ledger_balancealert ledger_topupplan outgoing_endpoint voice_dialpause voice_tag
    staff_recoverycode staff_staffmember staff_staffsession compliance_nominee

    compliance_ledgernote identity_numberkey voice_callwatch voice_orphancall

    compliance_authoritydisclosure compliance_breach compliance_breachalert compliance_breachentry compliance_case
    compliance_caseentry compliance_caselink compliance_casemail compliance_correction compliance_erasurestep compliance_followup
    compliance_heldcopy compliance_heldrow compliance_legalhold compliance_nomineeclaim compliance_nomineegrant
    compliance_prepareddeletion compliance_request compliance_restrictedrow compliance_restriction compliance_reviewalert
    compliance_securityreview identity_passcodealert identity_stoppednumber ledger_checkout ledger_topup ledger_topupnotice
    voice_scriptedcall
"""
FEW: Final = frozenset(_FEW.split())


def fill(*, workspace_id: UUID, user_id: UUID, now: datetime) -> None:
    """COUNT rows in each of TABLES, all of one workspace and one person; the planner knows of them."""
    by_table = {model._meta.db_table: model for model in apps.get_models()}
    given = {"identity_workspace": workspace_id, "identity_user": user_id}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table, over in _OVER.items():
            columns = _columns(by_table[table], over, given)
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"  # noqa: S608
                " FROM generate_series(1, %(count)s) AS n",
                {"count": COUNT * (_SENTENCES if table == "voice_transcriptsegment" else 1), "now": now - AGE},
            )
        cursor.execute("RESET session_replication_role")
        cursor.execute("ANALYZE")


def _columns(model: Any, over: Mapping[str, str], given: Mapping[str, UUID]) -> dict[str, str]:
    """Each column and what stands in it, as an expression over n."""
    at = "%(now)s::timestamptz - n * interval '1 second'"
    written = {
        field.column: over[field.column].format(at=at) if field.column in over else _value(model, field, given, at)
        for field in model._meta.concrete_fields
        if not field.generated
    }
    return {column: value.replace("%", "%%").replace("%%(now)s", "%(now)s") for column, value in written.items()}


def _value(model: Any, field: Any, given: Mapping[str, UUID], at: str) -> str:
    table = field.remote_field.model._meta.db_table if field.remote_field else model._meta.db_table
    if field.column == "workspace_id":
        return f"'{given['identity_workspace']}'::uuid"
    if field.column == "user_id" and not field.primary_key:
        return f"'{given['identity_user']}'::uuid"
    if field.null:
        return "NULL"
    if field.remote_field or field.primary_key:
        return f"'{given[table]}'::uuid" if table in given else f"md5('{table}' || n)::uuid"
    if field.has_default() and not callable(field.default):
        return f"'{field.default}'" if isinstance(field.default, str) else str(field.default)
    return _BY_TYPE[type(field)].format(at=at) if type(field) in _BY_TYPE else _text(field)


def _text(field: Any) -> str:
    return f"left(md5('{field.column}' || n), {field.max_length or 32})"


_BY_TYPE: Final[Mapping[type, str]] = {
    models.DateTimeField: "{at}",
    models.DateField: "({at})::date",
    models.UUIDField: "gen_random_uuid()",
    models.JSONField: "'[]'::jsonb",
    ArrayField: "'{{}}'",
    SealedField: "'sealed'::bytea",
    models.BooleanField: "false",
    models.FloatField: "0",
    **dict.fromkeys((models.IntegerField, models.BigIntegerField), "0"),
    **dict.fromkeys((models.PositiveIntegerField, models.PositiveSmallIntegerField), "0"),
}
