"""What a person's keys in all their workspaces have in common: a lost password or number ends them all."""

from uuid import UUID

from identity import tenancy
from identity.models import ApiKey


def end_all_of(user_id: UUID) -> int:
    """Returns how many keys that were."""
    with tenancy.unconfined():
        ended, _ = ApiKey.objects.get_queryset().filter(membership__user_id=user_id).delete()
    return ended
