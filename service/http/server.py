"""Runs the HTTP service under uvicorn until it is told to stop, and stops it without losing a request."""

import ctypes
import logging
import re
import signal
import socket
import struct
import sys
import time
from types import FrameType

import uvicorn

from models.options import SummaryOptions, Task, TopicsOptions
from models.parameters import check
from seeds.records import SeedFolder
from seeds.store import Store
from service.errors import CannotListen
from service.http.app import create_app
from service.http.state import Drain
from service.settings import Settings, model_cache, unknown_variables

FINISH_SECONDS = 30
"""How long requests under way have to finish once no more are taken."""
LAST_CONNECTION_SECONDS = 1.0
"""How long a connection that was accepted last has to send its request."""
SO_ATTACH_FILTER = 26
"""Of Linux; the socket module has no name for it."""
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

log = logging.getLogger("dateline")


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Everything that can fail at the start fails here, before the first request, with
    one clear error.

    Raises:
        CannotListen: the address is taken or not this machine's.
        NoRecords: the seeds folder does not exist, and the store is to be in it.
        StoreError, ModelError: as `Store` and `ModelCache.get` say.
    """
    configure_log(settings.log_level)
    for name in unknown_variables():
        log.warning("%s is no setting of Dateline and changes nothing", name)
    listener = listen(settings.host, settings.port)
    if settings.store is None:
        SeedFolder(settings.seeds).ids()  # the store is to be in that folder
    store = Store(settings.store_url)
    models = model_cache(settings)
    defaults: tuple[tuple[str, Task, SummaryOptions | TopicsOptions], ...] = (
        (settings.summary_model, "summary", SummaryOptions()),
        (settings.topics_model, "topics", TopicsOptions()),
    )
    for id, task, options in defaults:
        info = models.info(id)
        check(task, options, info)
        models.get(info)
        log.info("%s by %s at revision %s, %s in %s", task, id, info.revision, info.engine, info.dtype)
    drain = Drain()
    app = create_app(settings, models=models, open_store=lambda _: store, drain=drain)
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=FINISH_SECONDS, server_header=False)
    try:
        DrainingServer(config, drain=drain, drain_seconds=settings.drain_seconds).run(sockets=[listener])
    except OSError as error:  # another service bound the same address while the models were loading
        raise CannotListen(f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}.") from error


class OneLineFormatter(logging.Formatter):
    """Escapes control characters in messages, which may quote what a client sent: one record is one line, and what a
    client sends cannot look like another record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name for it
        record.message = CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), record.message)
        return super().formatMessage(record)


def configure_log(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not yet listening.

    Raises:
        CannotListen: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. Choose another with --host and --port, "
            "or stop what is using it."
        ) from error
    return listener


class DrainingServer(uvicorn.Server):
    """Stops in three steps at SIGTERM: `/readyz` fails, and every connection is closed after its reply; after
    `drain_seconds` no new connection is let in, and those that were accepted have a second to send their request; then
    the listener is closed, and requests under way are finished. SIGINT, or a second SIGTERM, skips the first two."""

    def __init__(self, config: uvicorn.Config, *, drain: Drain, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_seconds = drain_seconds
        self._drains_until = 0.0
        self._closes_at: float | None = None
        self._listeners: list[socket.socket] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listeners = sockets or []
        for listener in self._listeners:
            host, port = listener.getsockname()[:2]
            log.info("ready on http://%s:%d", f"[{host}]" if ":" in host else host, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGTERM or self._drain.started:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)  # uvicorn ends the process by it once everything is closed
        self._drains_until = time.monotonic() + self._drain_seconds
        self._drain.started = True

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; whether to stop."""
        if await super().on_tick(counter):
            return True
        if not self._drain.started:
            return False
        now = time.monotonic()
        if self._closes_at is None and now >= self._drains_until:
            for listener in self._listeners:
                refuse_new_connections(listener)
            self._closes_at = now + LAST_CONNECTION_SECONDS
        return self._closes_at is not None and now >= self._closes_at


def refuse_new_connections(listener: socket.socket) -> None:
    """Have the kernel ignore new connections, while those whose handshake has begun are still accepted: closing the
    listener at once would reset them. A BPF filter drops packets with SYN and without ACK; where there are none (other
    kernels, a sandbox), the listener stays open for its last second as it is."""
    if sys.platform != "linux":
        return
    load_flags, mask, compare, drop, accept = (
        struct.pack("HBBI", 0x30, 0, 0, 13),  # the byte of the TCP header that holds its flags
        struct.pack("HBBI", 0x54, 0, 0, 0x12),
        struct.pack("HBBI", 0x15, 0, 1, 0x02),
        struct.pack("HBBI", 0x06, 0, 0, 0),
        struct.pack("HBBI", 0x06, 0, 0, 0xFFFFFFFF),
    )
    program = bytearray(load_flags + mask + compare + drop + accept)
    address = (ctypes.c_char * len(program)).from_buffer(program)
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 5, ctypes.addressof(address)))
    except OSError as error:
        log.debug("no filter for new connections: %s", error)
