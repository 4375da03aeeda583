"""Who reads along in a call."""

from django.db import models

from identity.models import TenantModel


class CallWatch(TenantModel):
    """A colleague who reads along while a call goes on. The row lives as long as that; the record of acts keeps begin and end.

    seen_at: when the watcher's page last said that it still shows the call.
    """

    call = models.ForeignKey("voice.Call", on_delete=models.CASCADE, related_name="watches")
    user = models.ForeignKey("identity.User", on_delete=models.CASCADE, related_name="+")
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("call", "user"), name="call_watch_once"),)
