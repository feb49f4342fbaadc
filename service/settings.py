"""Settings, read once from the environment. `python -m service.settings` prints their table in the documentation."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, InstanceOf, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.cache import ModelCache
from models.catalog import presets
from models.generative.servers import Server
from models.open import Inference

PREFIX = "DATELINE_"
API_KEY = re.compile(r"[\x21-\x7e]+")


class InvalidSettings(Exception):
    """A setting has a value that cannot be used."""


class Settings(BaseSettings):
    """Everything that can be set. Each field's description is its documentation."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    seeds: Path = Field(Path("seeds/articles"), description="Folder of seed records, `<id>.txt` each")
    store: str | None = Field(
        None, description="Where results are kept: a path, `sqlite:///path` or `postgresql://…`; by default "
        "`results.db` in the seeds folder",
    )  # fmt: skip
    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for all")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    summary_model: str = Field("news-minilm", description="Model that summarises when a request names none")
    topics_model: str = Field("news-minilm", description="Model that tags when a request names none")
    models: Path = Field(
        Path("~/.local/share/dateline/models"), description="Folder that `dateline models pull` fills; a folder of "
        "your own dropped there is a model too",
    )  # fmt: skip
    max_loaded_models: int = Field(
        2, ge=1, description="Pretrained models in memory at once; the one unused for longest makes room"
    )
    engine: Literal["auto", "torch", "ctranslate2"] = Field(
        "auto",
        description="What runs an encoder–decoder: `auto` takes CTranslate2 where the model was converted for it",
    )
    dtype: Literal["auto", "float32", "bfloat16", "int8"] = Field(
        "auto", description="Number format of inference: `auto` takes bfloat16 where the processor computes in it, and "
        "int8 with CTranslate2; torch has no int8",
    )  # fmt: skip
    max_queue_seconds: float = Field(
        10, gt=0, description="Most seconds of work, by estimate, that may wait; beyond that a request is answered 429"
    )
    max_waiting: int = Field(200, ge=1, description="Requests that may wait at once")
    deadline_seconds: float = Field(60, gt=0, description="Work that has not begun so long after it was admitted fails")
    stuck_seconds: float = Field(
        120, gt=0, description="A batch that runs longer, and four times longer than estimated, is given up"
    )
    drain_seconds: float = Field(
        3, ge=0, description="After SIGTERM: how long `/readyz` fails while requests are still taken, so that a load "
        "balancer can turn away first",
    )  # fmt: skip
    max_article_characters: int = Field(400_000, ge=1, description="Longest article accepted, in characters")
    language_policy: Literal["warn", "refuse"] = Field(
        "warn", description="What becomes of a text in a language that the model does not know: an answer with a "
        "warning, or 422"
    )  # fmt: skip
    max_articles: int = Field(256, ge=1, description="Most articles in one request")
    max_body_bytes: int = Field(32 * 1024**2, ge=1024, description="Largest request body accepted")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Comma-separated keys; when set, every request but to the page, `/healthz`, `/readyz`, "
        "`/metrics`, `/docs` and Miniflux's signed webhook must carry one as a bearer token, or as a password",
    )  # fmt: skip
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Comma-separated origins whose pages may call the API from a browser; `*` for all"
    )
    engines: Annotated[tuple[InstanceOf[Server], ...], NoDecode] = Field(
        (), description="Models behind OpenAI-compatible servers: a JSON list of `{\"id\", \"base_url\", \"model\"}`, "
        "with `api_key`, `context_tokens`, `timeout_seconds`, `retries` and `concurrency` where needed"
    )  # fmt: skip
    miniflux_url: str | None = Field(
        None, pattern=r"^https?://[^\s@?#]+$", description="Address of a Miniflux reader: new entries that it sends "
        "to `/webhooks/miniflux` get summary and topics. Nothing else is ever sent anywhere but to `engines`"
    )  # fmt: skip
    miniflux_token: SecretStr = Field(SecretStr(""), description="API key of Miniflux")
    miniflux_secret: SecretStr = Field(SecretStr(""), description="Secret of Miniflux's webhook")
    runs: Path | None = Field(
        None, description="Folder that `dateline archive` writes its outputs to: the page and `/v1/runs` show its runs"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged to stderr")

    @field_validator("api_keys", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @field_validator("api_keys")
    @classmethod
    def _visible(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if all(API_KEY.fullmatch(key.get_secret_value()) for key in keys):
            return keys
        raise ValueError("a key may hold visible ASCII characters alone: an HTTP header carries no others safely")

    @field_validator("engines", mode="before")
    @classmethod
    def _read_engines(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        from service.engines import read_engines  # its model takes a while to build

        return read_engines(value)

    @field_validator("engines")
    @classmethod
    def _distinct(cls, engines: tuple[Server, ...]) -> tuple[Server, ...]:
        ids = [engine.id for engine in engines]
        if taken := [id for id in ids if ids.count(id) > 1 or id in presets()]:
            raise ValueError(f"the id {taken[0]!r} is taken; choose another")
        return engines

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.miniflux_url and not (
            self.miniflux_token.get_secret_value() and self.miniflux_secret.get_secret_value()
        ):
            raise ValueError("a Miniflux needs DATELINE_MINIFLUX_TOKEN and DATELINE_MINIFLUX_SECRET too")
        return self

    @property
    def models_folder(self) -> Path:
        """`models`, with a leading ~ expanded."""
        return self.models.expanduser()

    @property
    def store_url(self) -> str:
        """The store as a database URL."""
        place = self.store or str(self.seeds / "results.db")
        return place if "://" in place else f"sqlite:///{place}"


def read_settings(**overrides: object) -> Settings:
    """The settings of the environment; overrides that are not None win.

    Raises:
        InvalidSettings: a value cannot be used; the message names the variable.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # of several settings together; what they are is not said, for some are secret
            raise InvalidSettings(f"{first['msg']}. Set them, or unset them all.") from error
        name = str(first["loc"][0]).upper()
        name = name if name.startswith(PREFIX) else PREFIX + name
        secret = "KEY" in name or name.endswith(("ENGINES", "TOKEN", "SECRET"))  # is never printed
        value = "set" if secret else repr(first["input"])
        raise InvalidSettings(f"{name} is {value}: {first['msg']}. Correct it or unset it.") from error


def model_cache(settings: Settings, *, paths: bool = False) -> ModelCache:
    """The models that the settings allow.

    Args:
        paths: whether a path to a folder is an id too, as on the command line.
    """
    return ModelCache(
        settings.models_folder,
        inference=Inference(dtype=settings.dtype, engine=settings.engine),
        max_loaded=settings.max_loaded_models,
        paths=paths,
        servers=settings.engines,
    )


def unknown_variables() -> list[str]:
    """Variables of the environment that look like settings and are none, sorted: a misspelt one changes nothing."""
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in names)


def table() -> str:
    """The settings as a Markdown table."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, (), SecretStr("")) else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
