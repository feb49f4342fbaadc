"""Writes with a model behind an OpenAI-compatible server. Nobody waits for one that hangs, refuses or answers nonsense
longer than its time-out, and after some failures in a row it is left alone for a while. An answer that trickles in
keeps its thread, of which there are few, until it ends."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import replace
from importlib.resources import files
from typing import Any

from models.errors import ModelError, ModelFailed, ModelUnavailable, ServerFailed
from models.extractive.news_minilm import Embedded
from models.generative.prompt import answer, prompt
from models.generative.servers import Server
from models.generative.summariser import Summariser
from models.generative.writing import Ask, whole_sentences
from models.types import ModelInfo, Outcome, Work

FAILURES = 3
"""In a row, after which the server is left alone for a while."""
PAUSE_SECONDS = 30.0
RETRY_SECONDS = 0.5
REPEATABLE = frozenset({408, 409, 429, 500, 502, 503, 504})
OF_THE_TEXT = frozenset({400, 413, 422})
"""Answers that say that the text is not taken; others are of the server."""
REPLACED = (ServerFailed, ModelFailed)
"""What an extract stands in for."""
TOKENS_SHARE = 0.7
"""The server's tokenizer may make so many more tokens of a text than ours."""
PROMPT_TOKENS = 200

log = logging.getLogger("dateline")


class RemoteWriter:
    """Writes by a server. Safe to use from several threads.

    Raises:
        ModelUnavailable: the client is not installed.
    """

    prefix = ""

    def __init__(self, server: Server, info: ModelInfo) -> None:
        try:
            from openai import DefaultHttpxClient, OpenAI
        except ModuleNotFoundError as error:
            raise ModelUnavailable(
                f"The model {server.id!r} is behind a server, which needs a client. Run: pip install 'dateline[remote]'"
            ) from error
        from transformers import PreTrainedTokenizerFast

        assert info.max_output_tokens is not None
        path = files("models") / "news-minilm" / "tokenizer.json"
        self.tokenizer: Any = PreTrainedTokenizerFast(tokenizer_file=str(path))
        self.room = int(TOKENS_SHARE * (server.context_tokens - info.max_output_tokens - PROMPT_TOKENS))
        self._server = server
        self._most = info.max_output_tokens
        self._client = OpenAI(
            base_url=server.base_url, api_key=server.api_key, max_retries=0,
            http_client=DefaultHttpxClient(follow_redirects=False),
        )  # fmt: skip
        self._threads = DaemonThreads(server.concurrency)
        self._breaker = Breaker()

    def write(self, asked: Sequence[Ask]) -> list[str | ModelError]:
        started = time.monotonic()
        futures = [self._threads.submit(self._one, ask) for ask in asked] if self._breaker.allows() else []
        written: list[str | ModelError] = []
        for number, future in enumerate(futures):
            if written and self._breaker.is_open:
                break
            turns = number // self._server.concurrency + 1  # those before it are asked first
            written.append(self._written(future, started + turns * self._server.timeout_seconds))
        for future in futures[len(written) :]:
            future.cancel()
        left_alone = ServerFailed(
            f"The server of {self._server.id!r} failed {FAILURES} times, and is left alone for some seconds."
        )
        return [*written, *[left_alone] * (len(asked) - len(written))]

    def _written(self, future: "Future[str]", end: float) -> str | ModelError:
        try:
            text = future.result(timeout=max(end - time.monotonic(), 0))
        except TooLate:
            future.cancel()
            error = ServerFailed(
                f"The server of {self._server.id!r} at {self._server.base_url} did not answer within "
                f"{self._server.timeout_seconds:g} s."
            )
        except ModelFailed as found:  # of this article; the server is well
            self._breaker.succeeded()
            return found
        except Exception as found:  # noqa: BLE001 - the client raises its own, the HTTP library's and the parsers' errors
            error = ServerFailed(
                f"The server of {self._server.id!r} at {self._server.base_url} failed ({_words(found)})."
            )
        else:
            self._breaker.succeeded()
            return text
        self._breaker.failed()
        log.warning("%s", error)
        return error

    def _one(self, ask: Ask) -> str:
        """The summary; tried again within the time that there is.

        Raises:
            ModelFailed: the server takes no such text, or wrote nothing about it.
            Exception: whatever the client raises.
        """
        from openai import APIConnectionError, APIStatusError

        end = time.monotonic() + self._server.timeout_seconds
        for left in reversed(range(self._server.retries + 1)):
            try:
                return self._answered(ask, seconds=end - time.monotonic())
            except APIStatusError as error:
                if error.status_code in OF_THE_TEXT:
                    raise ModelFailed(f"{self._server.id!r} does not take this article ({_words(error)}).") from error
                if not left or error.status_code not in REPEATABLE:
                    raise
            except APIConnectionError:
                if not left:
                    raise
            if time.monotonic() + RETRY_SECONDS >= end:
                raise TimeoutError(f"no time is left of {self._server.timeout_seconds:g} s")
            time.sleep(RETRY_SECONDS)
        raise AssertionError("unreachable")

    def _answered(self, ask: Ask, *, seconds: float) -> str:
        reply = self._client.with_options(timeout=max(seconds, 0.001)).chat.completions.create(
            model=self._server.model, messages=[{"role": "user", "content": prompt(ask)}], temperature=0, seed=0,
            max_tokens=self._most,
        )  # fmt: skip
        choice = reply.choices[0]
        text = answer(choice.message.content or "")
        if choice.finish_reason == "length":
            text = whole_sentences(text)
        if not any(letter.isalpha() for letter in text):
            raise ModelFailed(f"{self._server.id!r} wrote nothing about this article.")
        return text


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"


class DaemonThreads:
    """So many threads that do what is submitted, and hold up no exit."""

    def __init__(self, count: int) -> None:
        self._waiting: queue.SimpleQueue[tuple[Future[str], Callable[[Ask], str], Ask]] = queue.SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._work, name="dateline-remote", daemon=True).start()

    def submit(self, call: Callable[[Ask], str], ask: Ask) -> "Future[str]":
        future: Future[str] = Future()
        self._waiting.put((future, call, ask))
        return future

    def _work(self) -> None:
        while True:
            future, call, ask = self._waiting.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call(ask))
                except Exception as error:  # noqa: BLE001 - whoever waits is told
                    future.set_exception(error)


class Breaker:
    """Lets nothing through for a while after some failures in a row, then one try, as a fuse that resets itself. Safe
    to use from several threads."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0
        self._lock = threading.Lock()

    def allows(self) -> bool:
        with self._lock:
            if self._failures < FAILURES:
                return True
            if time.monotonic() < self._open_until:
                return False
            self._open_until = time.monotonic() + PAUSE_SECONDS  # one tries; the others wait for what it finds
            return True

    @property
    def is_open(self) -> bool:
        """Whether it lets nothing through now."""
        with self._lock:
            return self._failures >= FAILURES and time.monotonic() < self._open_until

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._open_until = time.monotonic() + PAUSE_SECONDS


class WithExtract:
    """A remote summariser, and the embedded model's extract, with a warning, where its server fails."""

    def __init__(self, summariser: Summariser, reader: Callable[[], Embedded]) -> None:
        self.info = summariser.info
        self._summariser = summariser
        self._reader = reader

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes = self._summariser.run(work)
        failed = [number for number, outcome in enumerate(outcomes) if isinstance(outcome.error, REPLACED)]
        if failed:
            reader = self._reader()
            extracts = reader.run([_plain(work[number]) for number in failed])
            for number, extract in zip(failed, extracts, strict=True):
                warning = f"{outcomes[number].error} This is an extract by {reader.info.id!r}; ask again later."
                outcomes[number] = replace(extract, warning=warning)
        return outcomes


def _plain(work: Work) -> Work:
    """The work, without the options that are for models that write."""
    assert work.summary is not None
    return replace(work, summary=replace(work.summary, drop_unsupported=False))
