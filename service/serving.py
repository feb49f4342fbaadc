"""Runs the HTTP service under uvicorn until it is told to stop."""

import ctypes
import logging
import socket
from contextlib import suppress

import uvicorn

from models.types import SummaryOptions, Task, TopicsOptions
from seeds.records import SeedFolder
from seeds.store import Store
from service.app import create_app, shelf_of
from service.errors import CannotListen
from service.settings import Settings, unknown_variables

DRAIN_SECONDS = 30
M_ARENA_MAX = -8

log = logging.getLogger("dateline")


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; requests under way then have `DRAIN_SECONDS` to finish. Everything that can fail
    at the start fails here, before the first request, with one clear error.

    Raises:
        CannotListen: the address is taken or not this machine's.
        NoRecords: the seeds folder does not exist, and the store is to stand there.
        StoreError, ModelError: as `Store` and `Shelf.get` say.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    _few_arenas()
    for name in unknown_variables():
        log.warning("%s is no setting of Dateline and changes nothing", name)
    listener = listen(settings.host, settings.port)
    if settings.store is None:
        SeedFolder(settings.seeds).ids()  # the store is to stand in that folder
    store = Store(settings.store_url)
    shelf = shelf_of(settings)
    defaults: tuple[tuple[str, Task, SummaryOptions | TopicsOptions], ...] = (
        (settings.summary_model, "summary", SummaryOptions()),
        (settings.topics_model, "topics", TopicsOptions()),
    )
    for id, task, options in defaults:
        model = shelf.get(id)
        model.parameters(task, options)
        info = model.info
        log.info("%s by %s at revision %s, %s in %s", task, id, info.revision, info.engine, info.dtype)
    app = create_app(settings, models=shelf, open_store=lambda _: store)
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=DRAIN_SECONDS, server_header=False)
    try:
        _Server(config).run(sockets=[listener])
    except OSError as error:  # another service bound the same address while the models were loading
        raise CannotListen(f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}.") from error


def _few_arenas() -> None:
    """Keep glibc from giving every waiting thread a heap of its own: with two hundred of them memory only grows."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


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


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            log.info("ready on http://%s:%d", f"[{host}]" if ":" in host else host, port)
