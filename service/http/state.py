"""What the routes share while the service runs."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Request

from models.card import Card
from models.types import ModelInfo
from seeds.article_rows import ArticleTopic
from seeds.library import Library
from seeds.records import Article, SeedFolder
from seeds.store import Store
from service.digest import Digest, Digester, DigestOptions, PendingDigests
from service.errors import ClientLeft, NotReady
from service.miniflux import Miniflux
from service.queue.admission import Limits
from service.queue.job import Urgency
from service.queue.lanes import Lanes
from service.queue.worker import Models, Worker
from service.settings import Settings
from service.teaching.jobs import Trainings

LOOKUP_THREADS = 4
"""Threads that look results up. Requests that wait for a model hold none."""


class Drain:
    """Whether the service is draining: it answers what comes, and asks not to be sent more."""

    def __init__(self) -> None:
        self.started = False


class Service:
    """The running service.

    Args:
        models: gives models by id.
        store: where results are kept.
    """

    def __init__(self, settings: Settings, models: Models, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.library = Library(store, SeedFolder(settings.seeds))
        self.trainings = Trainings(settings)
        self.started = time.monotonic()
        self.answered: Counter[tuple[str, bool]] = Counter()
        """Results given, by task and whether they came from the store. Remembered replies are not among them."""
        limits = Limits(
            max_queue_seconds=settings.max_queue_seconds,
            max_waiting=settings.max_waiting,
            deadline_seconds=settings.deadline_seconds,
            stuck_seconds=settings.stuck_seconds,
        )
        self.worker: Worker | Lanes = Worker(models, store, limits=limits)
        if settings.engines:
            remote = {engine.id: Worker(models, store, limits=limits) for engine in settings.engines}
            self.worker = Lanes(self.worker, remote)
        self.miniflux = self._miniflux()
        self._models = models
        self._digester = Digester(
            models,
            store,
            runner=self.worker,
            max_article_characters=settings.max_article_characters,
            language_policy=settings.language_policy,
        )

    def _miniflux(self) -> Miniflux | None:
        settings = self.settings
        if settings.miniflux_url is None:
            return None
        options = DigestOptions(summary_model=settings.summary_model, topics_model=settings.topics_model)

        def digest(article: Article) -> Digest:
            [found] = self._digester.ask([article], options, urgency=Urgency.ARCHIVE).result()
            return found

        token, secret = settings.miniflux_token.get_secret_value().strip(), settings.miniflux_secret.get_secret_value()
        return Miniflux(settings.miniflux_url, token, secret, digest)

    async def model_info(self, id: str) -> ModelInfo:
        """What the model of that id is.

        Raises:
            As `ModelCache.info`.
        """
        return await anyio.to_thread.run_sync(self._models.info, id)

    async def model_card(self, id: str) -> Card:
        """What the folder of the model of that id says of its topics.

        Raises:
            As `ModelCache.card`.
        """
        return await anyio.to_thread.run_sync(self.card, id)

    def card(self, id: str) -> Card:
        """The same, where a thread may wait for it."""
        return self._models.card(id)

    async def digest(self, articles: Sequence[Article], options: DigestOptions, *, client: Request) -> list[Digest]:
        """One digest per article, in order.

        Raises:
            As `Digester.ask` and `PendingDigests.result`.
        """
        pending = await anyio.to_thread.run_sync(self._digester.ask, articles, options)
        if not pending.future.done():
            await _wait(pending, client)
        digests = pending.result()
        self.answered.update(found for digest in digests for found in digest.cached.items())
        client.state.repeatable = all(digest.error is None and all(digest.cached.values()) for digest in digests)
        return digests

    async def digest_one(self, article: Article, options: DigestOptions, *, client: Request) -> Digest:
        """The digest of one article.

        Raises:
            As `digest`; and what is wrong with the article.
        """
        [digest] = await self.digest([article], options, client=client)
        if digest.error:
            raise digest.error
        return digest

    async def digest_kept(self, id: str, options: DigestOptions, *, client: Request) -> Digest:
        """The digest of an article that is kept; its results, and topics by the default model, are kept with it.

        Raises:
            As `digest_one`; UnknownRecord, UnreadableRecord: there is no such article.
        """
        article = await anyio.to_thread.run_sync(self.library.get, id)
        digest = await self.digest_one(article, options, client=client)
        topics = None
        if "topics" in digest.results and options.topics_model == self.settings.topics_model:
            topics = [ArticleTopic(topic.name, topic.qcode, topic.score) for topic in digest.topics or ()]
        await anyio.to_thread.run_sync(self.library.keep_digest, article, list(digest.results.values()), topics)
        return digest

    def loaded_models(self) -> list[str]:
        """The ids of the models in memory."""
        return self._models.loaded_ids()


async def _wait(pending: PendingDigests, client: Request) -> None:
    """Wait until the digests are done, or the client leaves.

    Raises:
        ClientLeft: it left.
    """
    done = asyncio.wrap_future(pending.future)
    leaving = asyncio.create_task(_leaves(client))
    try:
        await asyncio.wait((done, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not pending.future.done():
            pending.leave()
    if not pending.future.done():
        raise ClientLeft("The client left before its work was done.")


async def _leaves(client: Request) -> None:
    """Return when the client disconnects. The body has been read: nothing else can come."""
    while (await client.receive())["type"] != "http.disconnect":
        pass


async def running_service(request: Request) -> Service:
    """The running service.

    Raises:
        NotReady: it is starting or stopping.
    """
    service = getattr(request.app.state, "service", None)
    if not isinstance(service, Service):
        raise NotReady("The service is starting or stopping. Try again in a few seconds; GET /readyz says when.")
    return service


Running = Annotated[Service, Depends(running_service)]
