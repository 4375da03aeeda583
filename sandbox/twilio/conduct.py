"""The life of a call that was made through the REST API, or that comes in."""

import asyncio
import logging

from sandbox import clock
from sandbox.records import Defect
from sandbox.twilio.exchange import Exchange
from sandbox.twilio.flow import HangUp
from sandbox.twilio.interpreter import Interpreter
from sandbox.twilio.leg import Leg

logger = logging.getLogger("sandbox.twilio")


async def conduct(exchange: Exchange, leg: Leg) -> None:
    """Ring, obey, end. Whatever happens, the leg is finished afterwards."""
    result = await exchange.ring(leg)
    if result != "answered":
        exchange.finish(leg, leg.ends_as if result == "canceled" else result)
        return
    limit = asyncio.create_task(leg.until_limit())
    try:
        await _converse(exchange, leg, limit)
    finally:
        limit.cancel()
        exchange.finish(leg, "completed")


async def conduct_incoming(exchange: Exchange, leg: Leg) -> None:
    """A call that comes in obeys the document of whom it was made to."""
    limit = asyncio.create_task(leg.until_limit())
    try:
        await _converse(exchange, leg, limit)
    finally:
        limit.cancel()
        exchange.finish(leg, "completed" if leg.record.answered_at else leg.ends_as)


async def go_on_alone(exchange: Exchange, leg: Leg) -> None:
    """A dialled leg that was redirected obeys its new document, and whatever follows, outside the Dial."""
    limit = asyncio.create_task(leg.until_limit())
    try:
        await _converse(exchange, leg, limit)
    finally:
        limit.cancel()
        exchange.finish(leg, "completed")


async def _converse(exchange: Exchange, leg: Leg, limit: asyncio.Task[None]) -> None:
    gone = asyncio.create_task(leg.hung_up.wait())
    try:
        while True:
            leg.redirected.clear()
            talk = asyncio.create_task(Interpreter(exchange, leg).run(leg.instructions))
            elsewhere = asyncio.create_task(leg.redirected.wait())
            await asyncio.wait([talk, gone, elsewhere, limit], return_when=asyncio.FIRST_COMPLETED)
            over = talk.done() or gone.done() or limit.done()
            elsewhere.cancel()
            talk.cancel()
            # Awaited, so that a Dial in it has hung up its own leg before this one goes on.
            await asyncio.wait([talk])
            _note_crash(exchange, leg, talk)
            if over:
                return
    finally:
        gone.cancel()


def _note_crash(exchange: Exchange, leg: Leg, talk: asyncio.Task[None]) -> None:
    error = None if talk.cancelled() else talk.exception()
    if error is None or isinstance(error, HangUp):
        return
    logger.error("a call crashed", exc_info=error)
    exchange.store.defects.append(Defect("internal", leg.sid, [repr(error)], clock.now()))
