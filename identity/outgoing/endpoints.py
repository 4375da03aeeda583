"""Naming the servers that a workspace's events go to, changing and removing them."""

from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from compliance import audit
from compliance.audit import WorkspaceAction
from identity.auth import Actor
from identity.outgoing import signing
from identity.outgoing.models import Endpoint
from identity.outgoing.queries import endpoint_out
from identity.outgoing.schemas import EndpointChange, EndpointIn, EndpointOut, EndpointSecretOut
from identity.team_lock import locked_team
from processors.customers import AddressRefused, checked_url
from processors.errors import DomainError

ENDPOINTS_MAX: Final = 10
# Whoever verifies has so long to take up the new secret.
TWO_SECRETS_FOR: Final = timedelta(hours=24)


class WebhookNotFound(DomainError):
    """No endpoint of the workspace has this id; permanent."""

    code: ClassVar[str] = "webhook_not_found"


class WebhookUrlRefused(DomainError):
    """Nothing may be sent to this address; permanent for this address."""

    code: ClassVar[str] = "webhook_url_refused"


class WebhooksTooMany(DomainError):
    """The workspace has as many endpoints as it may; passes when one is removed."""

    code: ClassVar[str] = "webhooks_too_many"


class WebhookKnown(DomainError):
    """The workspace has an endpoint with this address already; permanent."""

    code: ClassVar[str] = "webhook_known"


def make(*, actor: Actor, form: EndpointIn, now: datetime) -> EndpointSecretOut:
    """A new endpoint; the answer alone shows its secret. Raises NotPermitted, WebhookUrlRefused, WebhookKnown, WebhooksTooMany."""
    actor.demand("manage_webhooks")
    url = _checked(form.url)
    with transaction.atomic():
        locked_team(actor)
        mine = Endpoint.objects.for_workspace(actor.workspace_id)
        if mine.count() >= ENDPOINTS_MAX:
            raise WebhooksTooMany(f"A workspace may have {ENDPOINTS_MAX} webhooks. Remove one that is not used.")
        if mine.filter(url=url).exists():
            raise WebhookKnown("There is a webhook with this address already. Change that one.")
        row = Endpoint.objects.create(
            workspace_id=actor.workspace_id,
            url=url,
            events=sorted(set(form.events)),
            made_by_id=actor.user_id,
            created_at=now,
            nonce=signing.new_nonce(),
        )
        _note(actor, "webhook.made", row, now)
    return _with_secret(row, now)


def change(*, actor: Actor, endpoint_id: UUID, form: EndpointChange, now: datetime) -> EndpointOut:
    """Raises NotPermitted, WebhookNotFound, WebhookUrlRefused, WebhookKnown."""
    actor.demand("manage_webhooks")
    with transaction.atomic():
        row = _get(actor, endpoint_id)
        if form.url is not None:
            row.url = _checked(form.url)
        if form.events is not None:
            row.events = sorted(set(form.events))
        if form.on is False and row.off_at is None:
            row.off_at, row.off_reason = now, "by_hand"
        if form.on or form.url is not None:
            # Another address, or whoever switches it on, has mended it as far as anybody knows.
            row.failures, row.failing_since, row.resting_until, row.mail_at = 0, None, None, None
        if form.on:
            row.off_at, row.off_reason = None, None
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            raise WebhookKnown("There is a webhook with this address already. Change that one.") from None
        _note(actor, "webhook.changed", row, now)
    return endpoint_out(row, now=now)


def rotate(*, actor: Actor, endpoint_id: UUID, now: datetime) -> EndpointSecretOut:
    """A new secret, which the answer alone shows. For a day the one before signs too. Raises NotPermitted, WebhookNotFound."""
    actor.demand("manage_webhooks")
    with transaction.atomic():
        row = _get(actor, endpoint_id)
        row.previous_nonce, row.previous_until = row.nonce, now + TWO_SECRETS_FOR
        row.nonce = signing.new_nonce()
        row.save(update_fields=["nonce", "previous_nonce", "previous_until"])
        _note(actor, "webhook.secret_changed", row, now)
    return _with_secret(row, now)


def remove(*, actor: Actor, endpoint_id: UUID, now: datetime) -> None:
    """Nothing is sent to it any more, and what was sent is forgotten. Raises NotPermitted, WebhookNotFound."""
    actor.demand("manage_webhooks")
    with transaction.atomic():
        row = _get(actor, endpoint_id)
        _note(actor, "webhook.removed", row, now)
        row.delete()


def _checked(url: str) -> str:
    try:
        return checked_url(url, networks=settings.WEBHOOK_NETWORKS)
    except AddressRefused as error:
        raise WebhookUrlRefused(str(error)) from None


def _get(actor: Actor, endpoint_id: UUID) -> Endpoint:
    """Locked, for whoever has still the role that the request began with. Raises NotPermitted, WebhookNotFound."""
    locked_team(actor)
    row = Endpoint.objects.for_workspace(actor.workspace_id).select_for_update().filter(id=endpoint_id).first()
    if row is None:
        raise WebhookNotFound("There is no such webhook; it may have been removed already. Reload the page.")
    return row


def _with_secret(row: Endpoint, now: datetime) -> EndpointSecretOut:
    return EndpointSecretOut(**endpoint_out(row, now=now).model_dump(), secret=signing.secret(row.id, row.nonce))


def _note(actor: Actor, action: WorkspaceAction, row: Endpoint, now: datetime) -> None:
    audit.record(
        workspace_id=actor.workspace_id,
        actor_ref=str(actor.user_id),
        action=action,
        target=str(row.id),
        detail={"events": " ".join(row.events)},
        now=now,
    )
