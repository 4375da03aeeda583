"""Automatic top-up: agreed to, stopped, and one intended charge for each fall of the balance below its line."""

from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from uuid_utils.compat import uuid7

from compliance import audit, consent, erasure_ledger
from compliance.audit import WorkspaceAction
from identity.auth import Actor
from identity.models import Membership
from ledger import paddle
from ledger.models import TopUp, TopUpPlan
from ledger.operations.checkouts import (
    CheckoutsTooMany,
    IdempotencyKeyReused,
    PackUnknown,
    one_at_a_time,
    record_window,
)
from ledger.operations.top_up_charging import cancel_now
from ledger.operations.top_up_plans import LIVE, end, locked, month_of, publish, stopped, tell, used_in_month
from ledger.schemas import PackOut
from ledger.top_up_schemas import TopUpIn, TopUpSetupOut, TopUpTerms
from ledger.top_up_words import words
from processors import disclosures
from processors.errors import DomainError

SETUPS_PER_HOUR_MAX: Final = 10


class TopUpNotOffered(DomainError):
    """The operator has set up no price that saves a payment method. Permanent."""

    code: ClassVar[str] = "top_up_not_offered"


class TopUpLineTooHigh(DomainError):
    """One pack would not lift the balance over the line. Permanent."""

    code: ClassVar[str] = "top_up_line_too_high"


class TopUpWordsChanged(DomainError):
    """What was agreed to is not what would be done, such as after a change of price. Permanent; show the words again."""

    code: ClassVar[str] = "top_up_words_changed"


class TopUpExists(DomainError):
    """Automatic top-up is on already. Permanent until it is stopped."""

    code: ClassVar[str] = "top_up_exists"


def checked_pack(terms: TopUpTerms) -> PackOut:
    """The pack of terms that can be agreed to.

    :raises TopUpNotOffered, PackUnknown, TopUpLineTooHigh:
    """
    if not settings.PADDLE_TOP_UP_PRICE_ID:
        raise TopUpNotOffered("Automatic top-up is not offered here. Buy a pack instead.")
    pack = next((pack for pack in paddle.packs() if pack.price_id == terms.price_id), None)
    if pack is None:
        raise PackUnknown("This pack is not on sale. Reload the page and choose another.")
    if terms.threshold_mcredits > pack.mcredits:
        raise TopUpLineTooHigh(
            f"One {pack.name} pack would not lift the balance over this line. Choose at most {pack.mcredits / 1000:,g}"
            " credits, or a larger pack."
        )
    return pack


def start_top_up(
    *, actor: Actor, wanted: TopUpIn, idempotency_key: str, ip: str | None, now: datetime
) -> TopUpSetupOut:
    """Records the consent and gets a transaction of price 0 from Paddle, whose checkout saves the payment method.

    Nothing is charged before Paddle tells that the method is saved. Must not run inside a transaction, as start_checkout.

    :raises NotPermitted: only the owner binds a payment method to the workspace.
    :raises TopUpNotOffered, PackUnknown, TopUpLineTooHigh, TopUpWordsChanged, TopUpExists, IdempotencyKeyReused:
    :raises CheckoutsTooMany, CheckoutBusy, PaddleUnavailable:
    """
    actor.demand("manage_workspace")
    pack = checked_pack(wanted)
    shown = words(pack=pack, terms=wanted)
    if shown.words_hash != wanted.words_hash:
        raise TopUpWordsChanged("What would be charged has changed since the page was shown. Read it again.")
    with one_at_a_time(f"top-up:{actor.workspace_id}"):
        plan = _begun_before(actor, wanted, idempotency_key) or _begin(
            actor, pack, wanted, "\n".join(shown.sentences), idempotency_key, ip, now
        )
    if plan.state == "pending":
        record_window(actor=actor, now=now)
    return TopUpSetupOut(
        plan_id=plan.id,
        transaction_id=plan.transaction_id,
        client_token=settings.PADDLE_CLIENT_TOKEN,
        paddle_js_url=settings.PADDLE_JS_URL,
    )


def _begun_before(actor: Actor, wanted: TopUpIn, idempotency_key: str) -> TopUpPlan | None:
    mine = TopUpPlan.objects.for_workspace(actor.workspace_id)
    same_key = mine.filter(user_id=actor.user_id, idempotency_key=idempotency_key).first()
    if same_key is not None and (same_key.price_id, same_key.threshold_mcredits, same_key.monthly_max) != (
        wanted.price_id,
        wanted.threshold_mcredits,
        wanted.monthly_max,
    ):
        raise IdempotencyKeyReused("This key belongs to another choice. Send a new one.")
    if same_key is None and mine.filter(state="active").exists():
        raise TopUpExists("Automatic top-up is on already. Stop it before you set it up anew.")
    return same_key


def _begin(
    actor: Actor, pack: PackOut, wanted: TopUpIn, shown: str, idempotency_key: str, ip: str | None, now: datetime
) -> TopUpPlan:
    mine = TopUpPlan.objects.for_workspace(actor.workspace_id)
    if mine.filter(agreed_at__gt=now - timedelta(hours=1)).count() >= SETUPS_PER_HOUR_MAX:
        raise CheckoutsTooMany("Automatic top-up was set up too often within an hour. Try again later.")
    plan_id = uuid7()
    with disclosures.about(user_id=actor.user_id, workspace_id=actor.workspace_id):
        transaction_id = paddle.create_transaction(checkout_id=plan_id, price_id=settings.PADDLE_TOP_UP_PRICE_ID)
    with transaction.atomic():
        unfinished = locked(workspace_id=actor.workspace_id, state__in=LIVE)
        if unfinished is not None and unfinished.state == "active":
            raise TopUpExists("Automatic top-up is on already. Stop it before you set it up anew.")
        if unfinished is not None:
            end(unfinished, "replaced", now=now)
        plan = TopUpPlan.objects.get_queryset().create(
            id=plan_id,
            workspace_id=actor.workspace_id,
            user_id=actor.user_id,
            idempotency_key=idempotency_key,
            price_id=pack.price_id,
            pack_name=pack.name,
            mcredits=pack.mcredits,
            amount_minor=pack.amount_minor,
            currency=pack.currency,
            threshold_mcredits=wanted.threshold_mcredits,
            monthly_max=wanted.monthly_max,
            words=shown,
            transaction_id=transaction_id,
            agreed_at=now,
        )
        consent.record_words(user_id=actor.user_id, purpose="top_up", given=True, words=shown, ip=ip, now=now)
        _note(plan, actor, "top_up.agreed", now)
    return plan


def stop_top_up(*, actor: Actor, ip: str | None, now: datetime) -> None:
    """Stops it at once and asks Paddle to forget the payment method; the clock goes on asking if Paddle does not answer.

    Nothing is charged after this returns but what Paddle was asked for before. Repeated, it changes nothing. Must not run
    inside a transaction.

    :raises NotPermitted: the role may not buy.
    """
    actor.demand("buy_credits")
    with transaction.atomic():
        plan = locked(workspace_id=actor.workspace_id, state__in=LIVE)
        if plan is None:
            return
        end(plan, "stopped", now=now)
        erasure_ledger.note([stopped(plan)], now=now)
        if plan.user_id is not None:
            consent.record_words(user_id=plan.user_id, purpose="top_up", given=False, words=plan.words, ip=ip, now=now)
        _note(plan, actor, "top_up.stopped", now)
    cancel_now(plan_id=plan.id, now=now)


def _note(plan: TopUpPlan, actor: Actor, action: WorkspaceAction, now: datetime) -> None:
    audit.record(
        workspace_id=plan.workspace_id,
        actor_ref=str(actor.user_id),
        action=action,
        target=str(plan.id),
        detail={"pack": plan.price_id, "threshold_mcredits": plan.threshold_mcredits, "monthly_max": plan.monthly_max},
        now=now,
    )


_BALANCES: Final = """
    SELECT active.workspace_id,
        coalesce(sum(CASE account.kind WHEN 'debt' THEN -account.balance_mcredits ELSE account.balance_mcredits END), 0)
            AS balance
    FROM ledger_topupplan AS active LEFT JOIN ledger_account AS account USING (workspace_id)
    WHERE active.state = 'active' GROUP BY active.workspace_id
"""
_REARM: Final = f"""
UPDATE ledger_topupplan AS plan SET raised_at = NULL, capped_month = NULL
FROM ({_BALANCES}) AS now
WHERE now.workspace_id = plan.workspace_id AND plan.state = 'active' AND plan.raised_at IS NOT NULL
    AND (now.balance >= plan.threshold_mcredits OR plan.capped_month < %s)
"""  # noqa: S608 - no value of anybody's
_RAISE: Final = f"""
UPDATE ledger_topupplan AS plan SET raised_at = %s, falls = plan.falls + 1
FROM ({_BALANCES}) AS now
WHERE now.workspace_id = plan.workspace_id AND plan.state = 'active' AND plan.raised_at IS NULL
    AND now.balance < plan.threshold_mcredits
    AND NOT EXISTS (
        SELECT FROM ledger_topup AS flight
        WHERE flight.workspace_id = plan.workspace_id AND flight.state IN ('intended', 'charged')
    )
RETURNING plan.id
"""  # noqa: S608 - no value of anybody's


@transaction.atomic
def intend_top_ups(*, now: datetime) -> int:
    """Writes one intended charge for each plan whose balance fell below its line, as raise_alerts notices falls.

    The row of the plan stays locked until the charge is written or the month's cap refuses it, so two clocks write one.
    Returns how many were written.
    """
    _end_of_former_owners(now)
    month = month_of(now)
    with connection.cursor() as cursor:
        cursor.execute(_REARM, [month])
        cursor.execute(_RAISE, [now])
        fallen = [row[0] for row in cursor.fetchall()]
    return sum(_intend(plan_id, now) for plan_id in fallen)


def _end_of_former_owners(now: datetime) -> None:
    """Nobody's payment method is charged for a workspace that they do not own any more, and could not stop it for."""
    owners = Membership.objects.get_queryset().filter(
        workspace_id=OuterRef("workspace_id"), user_id=OuterRef("user_id"), role=Membership.OWNER
    )
    of_others = TopUpPlan.objects.get_queryset().filter(~Exists(owners), user_id__isnull=False).exclude(state="ended")
    for plan_id in list(of_others.values_list("id", flat=True)):
        if plan := locked(id=plan_id):
            end(plan, "owner_left", now=now)


def _intend(plan_id: UUID, now: datetime) -> bool:
    """Whether a charge was written; False when the month's top-ups are used up, which people are told once a month."""
    plan = TopUpPlan.objects.get_queryset().get(id=plan_id)
    month = month_of(now)
    used = used_in_month(plan.workspace_id, month)
    if used >= plan.monthly_max:
        plan.capped_month = month
        plan.save(update_fields=["capped_month"])
        tell(plan, "cap_reached", key=f"cap_reached:{plan.workspace_id}:{month}", now=now)
        publish(plan)
        return False
    TopUp.objects.get_queryset().create(
        workspace_id=plan.workspace_id,
        plan=plan,
        fall=plan.falls,
        month=month,
        number=used + 1,
        monthly_max=plan.monthly_max,
        next_at=now,
        created_at=now,
    )
    publish(plan)
    return True
