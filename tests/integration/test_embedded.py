"""The embedded model: a tiny one for its contracts, the shipped one for what users see."""

import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from models import vocabulary
from models.card import read_card
from models.errors import InvalidOption, ModelCorrupt, UnknownModel, UnreadableText
from models.extractive import encoder
from models.options import SummaryOptions, TopicsOptions
from models.parameters import key_parameters
from models.types import Document, Model, Outcome, Work
from tests import articles
from tests.conftest import ROOT, SEED_ID
from tests.doubles import load_folder, load_model

ALL = TopicsOptions(threshold=0.0)
CONFLICT = "medtop:16000000"


def work(text: str, *, title: str | None = None, topics: TopicsOptions = ALL) -> Work:
    return Work(Document(text, title), SummaryOptions(), topics)


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Model:
    return load_folder(tiny_folder, "news-tiny", dtype="float32")


@pytest.fixture(scope="session")
def shipped() -> Model:
    return load_model("news-minilm", Path("none"), dtype="float32")


def texts() -> list[str]:
    short = "Rain fell in Vik."
    odd = "First.\n\n\n \n\nसमाचार यहाँ है। 中文新闻在这里。\n\n🌊🌊🌊\n\nLast sentence of all."
    return [articles.HARBOUR, short, articles.long_article(1500), odd, articles.FOOTBALL, articles.BUDGET]


def same(one: Outcome, other: Outcome) -> None:
    assert one.summary == other.summary
    assert one.topics is not None
    assert other.topics is not None
    scores = {topic.name: topic.score for topic in one.topics}
    assert {topic.name: topic.score for topic in other.topics} == pytest.approx(scores, abs=1e-3)


@pytest.mark.parametrize("name", ["tiny", "shipped"])
def test_batch_equals_single(name: str, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(name)
    together = model.run([work(text) for text in texts()])
    for text, outcome in zip(texts(), together, strict=True):
        same(outcome, model.run([work(text)])[0])


def test_topics_alone_are_the_topics_of_both(tiny: Model) -> None:
    text = articles.long_article(2000)
    both = tiny.run([work(text, title="News of the coast")])[0]
    alone = tiny.run([Work(Document(text, "News of the coast"), topics=ALL)])[0]
    assert both.topics is not None
    assert alone.topics is not None
    assert [t.score for t in alone.topics] == pytest.approx([t.score for t in both.topics], abs=1e-5)
    assert alone.summary is None


def test_packed_attention_equals_the_ordinary_one(tiny_folder: Path, tiny: Model) -> None:
    """Our packed pass against transformers' own implementation, sequence by sequence."""
    from transformers import AutoModel

    sequences = [[2, 10, 11, 3], [2, 12, 3], [2, *range(20, 60), 3]]
    reference = AutoModel.from_pretrained(tiny_folder, add_pooling_layer=False, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = torch.cat([reference(torch.tensor([ids])).last_hidden_state[0] for ids in sequences])
        assert torch.allclose(encoded(tiny, sequences), expected, atol=1e-5)


def encoded(model: Any, sequences: list[list[int]]) -> torch.Tensor:
    """The encoder's own output, which no public call gives."""
    hidden: torch.Tensor = model._network.encode(sequences)
    return hidden.cpu()


def test_attention_in_a_padded_table_equals_that_sequence_by_sequence() -> None:
    """The first is a GPU's way; it computes the same anywhere."""
    lengths, spare = [3, 9, 1], 2
    query, key, value = (torch.randn(sum(lengths) + spare, 2, 4) for _ in range(3))
    layout = encoder.Layout(lengths, rows=len(query), device=query.device, padded=True)
    found = encoder._padded(query, key, value, layout)
    expected = torch.cat([part.flatten(1) for part in encoder._fused(query, key, value, lengths)])
    assert found.shape == (len(query), 8)
    assert torch.allclose(found[: sum(lengths)], expected, atol=1e-6)


def test_bfloat16_comes_near_float32_and_sees_no_neighbour() -> None:
    """The shipped encoder over sequences whose lengths fill no kernel's steps."""
    lean, exact = (load_model("news-minilm", Path("none"), dtype=dtype)._network for dtype in ("bfloat16", "float32"))  # type: ignore[attr-defined]
    sequences = [[101, *range(2000 + size, 2000 + 2 * size), 102] for size in (1, 254, 30, 31, 97, 5, 200)]
    with torch.inference_mode():
        found = lean.encode(sequences)
        assert (found - exact.encode(sequences)).abs().mean() < 0.01  # of values around 0.2
        alone = torch.cat([lean.encode([sequence]) for sequence in sequences])
        assert torch.allclose(found, alone, atol=0.02)


def test_every_sentence_is_where_it_says(tiny: Model) -> None:
    for text, outcome in zip(texts(), tiny.run([work(text) for text in texts()]), strict=True):
        assert outcome.summary is not None
        assert outcome.summary.sentences
        assert all(text[s.start : s.end] == s.text for s in outcome.summary.sentences)


def test_a_long_article_is_read_whole(tiny: Model) -> None:
    text = articles.long_article(20_000)
    [outcome] = tiny.run([work(text)])
    assert outcome.summary is not None
    assert outcome.summary.used_tokens == outcome.summary.input_tokens > 20_000
    assert not outcome.summary.truncated


def test_titles_change_topics_alone(tiny: Model) -> None:
    plain, titled = tiny.run([work(articles.HARBOUR), work(articles.HARBOUR, title="Brenna Rovers win cup")])
    assert plain.summary == titled.summary
    assert plain.topics != titled.topics


def test_links_alone_are_no_article(tiny: Model) -> None:
    good, bad = tiny.run([work(articles.HARBOUR), work("READ MORE: Why the coast is sinking")])
    assert good.error is None
    assert isinstance(bad.error, UnreadableText)


@pytest.mark.parametrize("text", ["READ MORE: Why the coast is sinking", "\u200b\u200b\u200b"])
def test_an_unreadable_article_alone_is_told(tiny: Model, text: str) -> None:
    [outcome] = tiny.run([work(text)])
    assert isinstance(outcome.error, UnreadableText)


def test_very_many_sentences_are_read_in_bounded_memory(tiny: Model) -> None:
    """57,000 sentences: attention over all of them at once would take 78 GB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [outcome] = tiny.run([work("It is. " * 57_000)])
    assert outcome.summary is not None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000  # KiB


def test_own_labels_are_scored_in_place_of_the_vocabulary(tiny: Model) -> None:
    [outcome] = tiny.run([work(articles.HARBOUR, topics=TopicsOptions(labels=("sea", "cheese"), threshold=0.0))])
    assert outcome.topics is not None
    assert {topic.name for topic in outcome.topics} == {"sea", "cheese"}
    assert {topic.qcode for topic in outcome.topics} == {None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (TopicsOptions(labels=tuple(map(str, range(10_000)))), "10,000 labels.*at most 200"),
        (TopicsOptions(labels=("a", " ")), "empty"),
        (TopicsOptions(labels=("a", "a")), "twice"),
        (TopicsOptions(labels=("\ud800",)), "surrogate"),
        (TopicsOptions(threshold=1.5), "between 0 and 1"),
        (TopicsOptions(threshold=float("nan")), "between 0 and 1"),
        (TopicsOptions(limit=0), "at least 1"),
    ],
)
def test_impossible_options_are_refused(tiny: Model, options: TopicsOptions, message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        key_parameters("topics", options, tiny.info)


def damaged(folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    return copy


def test_a_changed_file_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    folder = damaged(tiny_folder, tmp_path)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelCorrupt, match="not the file that was recorded"):
        load_folder(folder, "x")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "heads.json", "heads.safetensors"])
def test_a_missing_file_is_named(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    folder = damaged(tiny_folder, tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelCorrupt, match=name):
        load_folder(folder, "x")


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "heads.json", "heads.safetensors", "model.safetensors"]
)
def test_an_unreadable_file_is_told_even_without_checksums(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    folder = damaged(tiny_folder, tmp_path)
    (folder / "SHA256SUMS").unlink()
    (folder / name).write_bytes(b"{")
    with pytest.raises(ModelCorrupt, match="copy"):
        load_folder(folder, "x")


def test_a_folder_without_weights_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="safetensors"):
        load_folder(tmp_path, "x")


def test_the_seed_article(shipped: Model, seeds_folder: Path) -> None:
    from seeds.records import SeedFolder

    text = SeedFolder(seeds_folder).get(SEED_ID).text
    [outcome] = shipped.run([Work(Document(text), SummaryOptions(), TopicsOptions())])
    assert outcome.summary is not None
    assert outcome.topics
    assert outcome.topics[0].qcode == CONFLICT
    assert all(text[s.start : s.end] == s.text for s in outcome.summary.sentences)
    assert not any(
        furniture in outcome.summary.text for furniture in ("READ MORE", "speedy advance", "crossing closed")
    )


@pytest.mark.parametrize(
    ("text", "qcode"),
    [
        (articles.FOOTBALL, "medtop:15000000"),
        (articles.BUDGET, "medtop:11000000"),
        (articles.HARBOUR, "medtop:03000000"),
    ],
)
def test_plain_stories_get_their_topic(shipped: Model, text: str, qcode: str) -> None:
    [outcome] = shipped.run([Work(Document(text), topics=TopicsOptions())])
    assert outcome.topics
    assert qcode in [topic.qcode for topic in outcome.topics]


def test_the_card_says_how_well_each_topic_is_known() -> None:
    card = read_card(ROOT / "models" / "news-minilm")
    names = {vocabulary.concept(qcode).name for qcode in vocabulary.TOP_LEVEL}
    assert set(card.quality) == names
    assert set(card.thresholds) == set(vocabulary.TOP_LEVEL)
    sport = card.quality["sport"]
    assert 2 * sport.precision * sport.recall / (sport.precision + sport.recall) == pytest.approx(sport.f1, abs=0.01)


def test_a_single_sentence_must_be_surer(shipped: Model) -> None:
    text = "The council of Vik approved the harbour bridge on Monday by nine votes to six."
    both = [Work(Document(text), None, TopicsOptions()), Work(Document(text), None, TopicsOptions(threshold=0.5))]
    alone, asked = ([topic.name for topic in outcome.topics or ()] for outcome in shipped.run(both))
    assert alone == ["politics and government"]
    assert set(asked) > set(alone)  # a caller's own threshold is taken as it is
