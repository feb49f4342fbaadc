"""What DATELINE_ENGINES says, checked."""

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.generative.servers import Server


class Engine(BaseModel):
    """A model behind an OpenAI-compatible server."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9][\w.-]{0,95}$")
    base_url: str = Field(pattern=r"^https?://[^\s@?#]+$")  # it stands in every result; a key belongs in api_key
    model: str = Field(min_length=1)
    api_key: str = "none"
    context_tokens: int = Field(8_192, ge=1_024)
    timeout_seconds: float = Field(30, gt=0, le=600)
    retries: int = Field(2, ge=0, le=10)
    concurrency: int = Field(4, ge=1, le=256)


def read_engines(written: str) -> tuple[Server, ...]:
    """The servers that a JSON list names.

    Raises:
        ValueError: it is none, or one of them is of the wrong form; no value is told, for one may be a key.
    """
    try:
        engines = TypeAdapter(list[Engine]).validate_json(written)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from error
    return tuple(Server(**engine.model_dump()) for engine in engines)
