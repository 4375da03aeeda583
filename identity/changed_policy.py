"""A changed policy, as somebody who is signed in meets it."""

from datetime import datetime

from compliance import in_force, policy_change
from identity.access import Client
from identity.models import Session


def go_on(*, session: Session, client: Client, now: datetime) -> None:
    """Using the product under a later version accepts it, once. Under the version that the session has accepted, it asks nothing.

    Raises PolicyUnanswered.
    """
    if session.user_id is None or not is_unsettled(session):
        return
    version = policy_change.accept_by_use(user_id=session.user_id, ip=client.address, now=now)
    Session.objects.filter(id=session.id).update(policy_version=version)


def must_answer(session: Session) -> bool:
    """Whether a page has to be answered before the product goes on."""
    return session.user_id is not None and is_unsettled(session) and policy_change.asks(user_id=session.user_id)


def is_unsettled(session: Session) -> bool:
    """Whether a later version is in force than the one that this session is known to have accepted. No query: the session brought
    along what is in force when it was read."""
    name: str | None = getattr(session, "policy_in_force", None)
    return name is not None and session.policy_version != in_force.version(name)
