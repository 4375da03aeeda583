"""The clock: once a second it does what is due. Several may run; each piece of work is claimed in the database."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections

from compliance import (
    audit_check,
    backups,
    bounces,
    breaches,
    case_clock,
    case_mails,
    correcting,
    erasure_ledger,
    holds,
    policy_change,
    replaying,
    retention,
    reviews,
)
from compliance import tasks as compliance
from config.replayed import DOOR, keep_looking, wait_until_open
from identity import account_mails, api_keys, invitation_mails, nominee_mails, opt_out, passcode_alerts, policy_mails
from identity.outgoing import mails, sending
from ledger import operations as ledger
from ledger import reconcile as books
from processors import alerts
from realtime import leftovers
from voice import (
    analysis,
    browser_calls,
    carrier_limit,
    credit_end,
    metering,
    orphans,
    reconcile,
    shared_number,
    shut_out,
    submission,
    watching,
)
from voice.queue import sweep_queue

logger = logging.getLogger(__name__)

Work = Callable[..., object]
# Seconds between two rounds of each piece of work. Lanes run side by side, so that a carrier that answers slowly or an
# analysis that takes seconds never holds up the meter.
LANES: dict[str, tuple[tuple[int, Work], ...]] = {
    "meter": (
        (1, metering.charge_due_minutes),
        (1, credit_end.watch_credits),
        (1, reconcile.apply_waiting_callbacks),
        (5, ledger.apply_pending_paddle_events),
        (2, ledger.raise_alerts),
        (60, metering.keep_holds),
        (2, ledger.intend_top_ups),
        (30, ledger.release_expired_holds),
    ),
    "carrier": (
        (1, submission.sweep_dials),
        (1, browser_calls.sweep_unconnected),
        (2, shut_out.sweep_shut_out),
        (2, opt_out.finish_stops),
        (2, reconcile.sweep_hangups),
        (2, credit_end.sweep_limits),
        (2, reconcile.sweep_streams),
        (2, reconcile.sweep_refusals),
        (2, reconcile.reconcile_calls),
        (5, submission.resolve_unknown),
    ),
    # Asks for long lists, page by page.
    "strangers": ((120, orphans.sweep_orphans),),
    "books": (
        (3_600, books.check_books),
        (600, audit_check.note_head),
    ),
    "seller": (
        (2, ledger.settle_top_ups),
        (5, ledger.cancel_subscriptions),
        (30, ledger.look_for_missed_events),
    ),
    "post": (
        (2, account_mails.send_account_mails),
        (600, api_keys.tell_of_ends),
        (2, invitation_mails.send_invitation_mails),
        (5, ledger.send_top_up_mails),
        (5, ledger.send_alert_mails),
        (5, mails.send_webhook_mails),
        (60, policy_mails.queue_policy_mails),
        (2, policy_mails.send_policy_mails),
        (60, alerts.tell_of_blocked_egress),
        (60, alerts.tell_of_guessing),
        (2, case_mails.send_case_mails),
        (60, bounces.note_given_up),
        (2, nominee_mails.send_nominee_mails),
        (5, breaches.send_breach_alerts),
        (60, passcode_alerts.send_passcode_alerts),
        (60, shared_number.send_complaint_alerts),
        (60, orphans.tell_of_orphans),
        (60, carrier_limit.send_limit_alerts),
        (60, holds.send_review_alerts),
        (60, reviews.send_review_alerts),
        (60, backups.tell_of_old_backups),
    ),
    "webhooks": ((1, sending.send_due),),
    "house": (
        (5, analysis.sweep_analyses),
        (5, reconcile.sweep_missing_text),
        (5, watching.sweep_watches),
        (5, sweep_queue),
        (5, compliance.enqueue_due),
        (300, compliance.look_for_dead_rewrites),
        (3_600, compliance.remove_left_bytes),
        (2, erasure_ledger.write_out_soon),
        (3_600, erasure_ledger.expire),
        (3_600, replaying.note_again),
        (1, correcting.follow_due),
        (600, policy_change.publish_versions),
        (60, case_clock.raise_alerts),
        (60, breaches.raise_breach_alerts),
        (60, passcode_alerts.raise_passcode_alerts),
        (600, reviews.raise_review_alerts),
        (3_600, backups.look),
        (600, shared_number.look_at_all),
        (60, holds.lift_ended),
        (60, retention.expire),
        (60, leftovers.expire_leftovers),
    ),
}
# What a lane does before its rounds: when it begins, and when the database is back after it was away.
AT_THE_BEGIN: dict[str, tuple[Work, ...]] = {"carrier": (reconcile.ask_about_all,)}
AFTER_AN_OUTAGE: dict[str, tuple[Work, ...]] = {"carrier": (reconcile.spare_streams, reconcile.ask_about_all)}
STOP_WITHIN_S = 8.0


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        wait_until_open(stop)
        lanes = [threading.Thread(target=_run, args=(name, stop), name=name, daemon=True) for name in LANES]
        for lane in lanes:
            lane.start()
        keep_looking(stop)
        until = time.monotonic() + STOP_WITHIN_S
        for lane in lanes:
            lane.join(max(0.0, until - time.monotonic()))


def _run(lane: str, stop: threading.Event) -> None:
    second, is_back = 0, False
    first = AT_THE_BEGIN.get(lane, ())
    while not stop.is_set():
        if DOOR.shut:
            # A backup took the place of the database: nothing is due before it has forgotten whom it has to.
            is_back = False
            stop.wait(1.0)
            continue
        is_back = is_back or all(_do(work) for work in first)
        if is_back:
            first = AFTER_AN_OUTAGE.get(lane, ())
            due = [work for every_s, work in LANES[lane] if second % every_s == 0]
            # While the database is away the rest of a round would fail too, or be done before what comes first afterwards.
            is_back = all(stop.is_set() or DOOR.shut or _do(work) for work in due)
        second += 1
        stop.wait(1.0)


def _do(work: Work) -> bool:
    """Whether the database was there."""
    close_old_connections()
    try:
        work(now=datetime.now(UTC))
    except Exception as error:
        if _is_away(error):
            logger.warning("database away", extra={"task": work.__name__, "error_type": type(error).__name__})
            return False
        # One broken piece of work must not stop the others; the row stays due and the log says what failed.
        logger.error(
            "due work failed",
            extra={"task": work.__name__, "error_type": type(error).__name__},
            exc_info=error,
        )
    finally:
        # Between two rounds a lane holds no connection of the pool.
        close_old_connections()
    return True


def _is_away(error: Exception) -> bool:
    """Whether the database was not there, rather than refuse something.

    A connection that cannot be had or breaks has no SQLSTATE, or one of class 08 or 57P; a deadlock or a timeout has another.
    Source: PostgreSQL's error codes, appendix A of its manual.
    """
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    state: str | None = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(("08", "57P"))
