"""What the law of a callee's country counts of calls that are not here any more."""

from typing import Final

from django.db import models
from django.db.models import Q

from identity.models import TenantModel

CALLED: Final = "called"
REFUSED: Final = "refused"


class LimitMark(TenantModel):
    """That the workspace called a number, or that somebody there said no, of a call that was deleted before such things stop to count; the
    number as a keyed hash. Neither the call nor who made it is named.

    kind: called or refused; a call that was both leaves two. at: from when the law counts.
    """

    number_key = models.CharField(max_length=64)
    kind = models.CharField(max_length=7)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(kind__in=(CALLED, REFUSED)), name="limit_mark_kind_known"),)
        indexes = (
            models.Index(fields=("workspace", "number_key", "kind", "-at"), name="limit_mark_of_number"),
            # Who was called asks over all workspaces.
            models.Index(fields=("number_key",), name="limit_mark_everywhere"),
            models.Index(fields=("at",), name="limit_mark_ends"),
        )
