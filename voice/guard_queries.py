"""Reading whether calling is paused."""

from identity.auth import Actor
from voice import guard
from voice.guard_schemas import PausedCall, PauseOut, PauseState
from voice.queries import visible_calls


def state(*, actor: Actor) -> PauseState:
    """Whether calling is paused, and by which calls."""
    pause = guard.pause_of(actor.workspace_id)
    if pause is None:
        return PauseState(pause=None)
    calls = visible_calls(actor).filter(id__in=pause.calls.values("id")).select_related("lead").order_by("-created_at")
    return PauseState(
        pause=PauseOut(
            cause="failures" if pause.cause == "failures" else "complaints",
            paused_at=pause.paused_at,
            message=guard.MESSAGES[pause.cause],
            calls=[
                PausedCall(id=call.id, lead=call.lead.name, ended_at=call.ended_at, end_reason=call.end_reason)
                for call in calls
            ],
            may_resume=actor.may("manage_members"),
        )
    )
