"""The way into a service's streams: `/api/v1/stream`, for those with a token.

Rule 1: who may not come in is told so by HTTP, before the connection becomes a WebSocket.
"""

import time

from fastapi import FastAPI
from starlette.websockets import WebSocket

from trading_ecosystem.live.rest.access import Caller, Scope, admit
from trading_ecosystem.live.rest.application import PREFIX
from trading_ecosystem.live.rest.connection import Connection
from trading_ecosystem.live.rest.guard import refuse_excess
from trading_ecosystem.live.rest.problems import Trouble, response_of
from trading_ecosystem.live.rest.streams import Feed, Streams
from trading_ecosystem.live.rest.surface import Surface

PATH = f"{PREFIX}/stream"
MOST_CONNECTIONS = 256
LOST = 1006  # The connection ended without a close frame.


def add_streams(made: FastAPI, surface: Surface, feed: Feed) -> None:
    """Serve the streams of this feed, from all that the service publishes from now on."""
    streams = Streams(feed)
    surface.door.listen(streams.hear)
    places = [MOST_CONNECTIONS]

    async def enter(websocket: WebSocket) -> None:
        began_ns = time.monotonic_ns()
        try:
            caller = welcome(websocket, surface, places[0])
        except Trouble as trouble:
            await websocket.send_denial_response(response_of(trouble))
            surface.observe("WEBSOCKET", PATH, trouble.status, 0.0)
            return
        places[0] -= 1
        code = LOST
        try:
            await websocket.accept()
            code = await Connection(websocket, streams, caller).run()
        finally:
            places[0] += 1
            surface.observe("WEBSOCKET", PATH, code, (time.monotonic_ns() - began_ns) / 1e9)

    made.add_api_websocket_route(PATH, enter)


def welcome(websocket: WebSocket, surface: Surface, places: int) -> Caller:
    """Raises `Trouble`. A page of another origin has no business here: a browser would send its user's rights along."""
    if "origin" in websocket.headers:
        raise Trouble(403, "foreign_origin", "browsers are not served here")
    if places == 0:
        raise Trouble(503, "too_many_connections", "all places are taken")
    caller = admit(websocket, Scope.READ, surface.authorise, surface.door)
    refuse_excess(surface, f"caller {caller.identity}")
    return caller
