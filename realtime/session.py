"""What a browser and we say to each other, whatever server holds the socket: topics of the caller's own workspace, nothing else."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from realtime.frames import Frame, refused
from realtime.hub import hub
from realtime.publish import CLOSE_RESTARTING, CLOSE_SIGNED_OUT, Topic
from realtime.watch import Caller, Over, watch
from realtime.ways import Listener

logger = logging.getLogger(__name__)

INBOUND_BYTES_MAX = 2_000
FOLLOWED_CALLS_MAX = 20
# Beside those calls: the workspace, the person, and the team.
TOPICS_MAX = FOLLOWED_CALLS_MAX + 3
CLOSE_TOO_SLOW = 4408
CLOSE_BAD_MESSAGE = 4400
# A session that ends at this moment is asked for again a little later, when it has ended for certain.
END_PASSED_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds the socket, and in how many seconds that ends by itself if nothing prolongs it meanwhile."""

    caller: Caller
    ends_in_s: float


Who = Callable[[], Awaitable[Held | None]]
# None stands for all live calls of the caller's workspace.
MayFollow = Callable[[Caller, UUID | None], Awaitable[bool]]


class BrowserSession:
    """One browser's conversation. socket: where frames and the closing code go to. who: who holds it at this moment. over: which of
    many who held theirs do so no longer."""

    def __init__(self, socket: Listener, *, who: Who, may_follow: MayFollow, over: Over) -> None:
        self._socket = socket
        self._who = who
        self._over = over
        self._caller: Caller | None = None
        self._may_follow = may_follow
        self._topics: set[str] = set()
        self._end: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None

    async def begin(self) -> bool:
        """Joins the caller's own topics and says that it is ready; False when the socket was closed instead."""
        try:
            held = await self._who()
            if held is None:
                self._socket.close(CLOSE_SIGNED_OUT)
                return False
            self._caller = held.caller
            # Before all others: whoever has news of many topics of a workspace asks first whether anybody listens to this one.
            await self._subscribe(Topic.workspace(self._caller.workspace_id))
            await self._subscribe(Topic.user(self._caller.user_id))
            # Who was signed out, or given another role, before we listened was told nothing of it.
            if not await self._still_held():
                await self.end()
                self._socket.close(CLOSE_SIGNED_OUT)
                return False
            watch().join(self._socket, self._caller, self._over)
        except Exception as error:
            logger.warning("socket refused", extra={"error_type": type(error).__name__})
            await self.end()
            self._socket.close(CLOSE_RESTARTING)
            return False
        return True

    async def hear(self, text: str) -> bool:
        """Does what the browser asks for; False when the socket was closed because of it."""
        try:
            understood = len(text) <= INBOUND_BYTES_MAX and await self._obey(text)
        except Exception as error:
            # The database or the channel layer failed under a message; the browser comes back and tries again.
            logger.warning("socket closed", extra={"error_type": type(error).__name__})
            self._socket.close(CLOSE_RESTARTING)
            return False
        if not understood:
            self._socket.close(CLOSE_BAD_MESSAGE)
        return understood

    async def end(self) -> None:
        watch().leave(self._socket)
        if self._end is not None:
            self._end.cancel()
        if self._asking is not None and self._asking is not asyncio.current_task():
            self._asking.cancel()
        await hub().unsubscribe(self._socket, self._topics)

    async def _still_held(self) -> bool:
        """Whether the same person holds it still; asked again when that comes to its end by itself, of which nobody tells."""
        held = await self._who()
        if held is None or held.caller != self._caller:
            return False
        self._end = asyncio.get_running_loop().call_later(held.ends_in_s + END_PASSED_S, self._ask_again)
        return True

    def _ask_again(self) -> None:
        self._asking = asyncio.get_running_loop().create_task(self._close_if_over())

    async def _close_if_over(self) -> None:
        try:
            if not await self._still_held():
                self._socket.close(CLOSE_SIGNED_OUT)
        except Exception as error:
            logger.warning("socket closed", extra={"error_type": type(error).__name__})
            self._socket.close(CLOSE_RESTARTING)

    async def _subscribe(self, topic: Topic) -> None:
        await hub().subscribe(self._socket, topic.name)
        self._topics.add(topic.name)

    async def _obey(self, text: str) -> bool:
        """False when the message cannot be understood."""
        assert self._caller is not None
        try:
            command = json.loads(text)
            action = command["action"]
            if action == "ping":
                self._socket.deliver(PONG)
                return True
            call_id = None if action in ("follow_team", "unfollow_team") else UUID(command["call_id"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False
        workspace_id = self._caller.workspace_id
        topic = Topic.team(workspace_id) if call_id is None else Topic.call(workspace_id, call_id)
        if action in ("follow", "follow_team"):
            await self._follow(topic, call_id)
        elif action in ("unfollow", "unfollow_team"):
            await hub().unsubscribe(self._socket, {topic.name})
            self._topics.discard(topic.name)
        else:
            return False
        return True

    async def _follow(self, topic: Topic, call_id: UUID | None) -> None:
        """call_id: None for all live calls of the team."""
        assert self._caller is not None
        if topic.name not in self._topics and len(self._topics) >= TOPICS_MAX:
            return
        may = await self._may_follow(self._caller, call_id)
        if may:
            await self._subscribe(topic)
            # What ended before the socket listened was told to nobody.
            may = await self._may_follow(self._caller, call_id)
        if may:
            which = "null" if call_id is None else f'"{call_id}"'
            self._socket.deliver(Frame(f'{{"topic":"{topic.name}","event":{{"type":"following","call_id":{which}}}}}'))
            return
        await hub().unsubscribe(self._socket, {topic.name})
        self._topics.discard(topic.name)
        self._socket.deliver(refused(call_id))


# A browser cannot see the pings of the WebSocket protocol, and a network that swallows everything closes nothing.
PONG = Frame('{"topic":"","event":{"type":"pong"}}')
READY = Frame('{"topic":"","event":{"type":"ready"}}')
