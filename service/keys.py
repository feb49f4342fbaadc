"""What makes a result, and the key it is stored under."""

import hashlib
import json
from dataclasses import dataclass

from models.options import Options, Task
from models.parameters import key_parameters
from models.text.language import primary
from models.types import ModelInfo
from seeds.records import Article

RESULT_VERSION = 6
"""Raise it when the code's answers change for the same model and parameters; a test compares them with golden ones."""


@dataclass(frozen=True, slots=True)
class ResultSpec:
    """Everything but the content that makes one task's result.

    Args:
        parameters: as JSON, with the engine and its number format; stored with the result.
        signature: all of it as JSON, for the key.
    """

    task: Task
    info: ModelInfo
    options: Options
    parameters: str
    signature: str

    @classmethod
    def of(cls, task: Task, info: ModelInfo, options: Options) -> "ResultSpec":
        """The specification of a task for a model.

        Raises:
            UnsupportedTask, InvalidOption: as `key_parameters` says.
        """
        parameters = key_parameters(task, options, info)
        signature = {
            "task": task,
            "model": info.id,
            "revision": info.revision,
            "engine": info.engine,
            "dtype": info.dtype,
            "parameters": parameters,
            "vocabulary": info.vocabulary if task == "topics" else None,
            "version": RESULT_VERSION,
        }
        stored = {**parameters, "engine": info.engine, "dtype": info.dtype}
        return cls(task, info, options, _json(stored), _json(signature))

    @property
    def vocabulary(self) -> str | None:
        return self.info.vocabulary if self.task == "topics" else None

    def content(self, *, text: str, title: str | None) -> str:
        """The SHA-256 of what the task reads: the text, and for topics the title too."""
        return _sha256(_json([text] if self.task == "summary" or not title else [title, text]))

    def key(self, article: Article) -> str:
        content = self.content(text=article.text, title=article.title)
        stated = f" {primary(article.language)}" if article.language else ""
        return _sha256(f"{self.signature} {content}{stated}")


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
