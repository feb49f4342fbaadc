"""The vectors of articles, kept in the store: training again reads none of them a second time."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelError
from models.extractive.news_minilm import Embedded
from models.text.language import language_of
from models.types import Document, ModelInfo
from seeds.records import Article
from seeds.store import Result, Store, now
from service.keys import RESULT_VERSION

BASE = Path(str(files("models"))) / "news-minilm"
"""The model whose vectors topics are learnt on."""
DOCUMENTS_AT_ONCE = 64
Advance = Callable[[int, int], None]
"""Is told how many of how many articles are done."""


def vectors_of(
    articles: Sequence[Article], reader: Embedded, store: Store, advance: Advance
) -> tuple[np.ndarray, list[int]]:
    """The vectors of the articles that can be read, `[rows, hidden]`, and the indices of those articles."""
    info = reader.info
    documents = [_document(article) for article in articles]
    keys = [_key(document, info) for document in documents]
    values = {key: result.value for key, result in store.find(keys).items()}
    missing = list({key: document for key, document in zip(keys, documents, strict=True) if key not in values}.items())
    for start in range(0, len(missing), DOCUMENTS_AT_ONCE):
        advance(len(articles) - len(missing) + start, len(articles))
        batch = missing[start : start + DOCUMENTS_AT_ONCE]
        vectors = reader.vectors([document for _, document in batch])
        results = [
            Result(key, "vector", key, info.id, info.revision, "{}", None, _encoded(vector), 0.0, now())
            for (key, _), vector in zip(batch, vectors, strict=True)
            if not isinstance(vector, ModelError)
        ]
        store.save(results)
        values |= {result.key: result.value for result in results}
    advance(len(articles), len(articles))
    indices = [index for index, key in enumerate(keys) if key in values]
    return np.array([_decoded(values[keys[index]]) for index in indices]), indices


def text_key(article: Article) -> str:
    """The same for all articles that say the same."""
    return hashlib.sha256(" ".join(article.text.split()).encode()).hexdigest()


def _document(article: Article) -> Document:
    return Document(article.text, article.title, language_of(article.text, article.language))


def _encoded(vector: Any) -> str:
    """A vector as a JSON string: the base64 of float16 numbers."""
    return json.dumps(base64.b64encode(vector.numpy().astype("<f2").tobytes()).decode())


def _decoded(value: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(json.loads(value)), dtype="<f2").astype("float32")


def _key(document: Document, info: ModelInfo) -> str:
    signature = [
        "vector", RESULT_VERSION, info.revision, info.dtype, dict(info.parameters), document.text, document.title,
        document.language,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(signature, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
