"""Pretrained models of every architecture: the same words as plain transformers, alone and in a batch, long and short."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, AutoTokenizer

from models import folder as folders_
from models import vocabulary
from models.cache import ModelCache
from models.catalog import ModelSource, Preset
from models.errors import (
    InputTooLong,
    InvalidOption,
    ModelCorrupt,
    ModelFailed,
    NoSpace,
    UnsupportedTask,
)
from models.generative import ctranslate2
from models.generative.summariser import Summariser
from models.generative.writing import EngineWriter, Generated, Generation
from models.memory import available_memory
from models.open import DType, EngineName, Inference, describe, load, load_reader
from models.options import SummaryOptions, Task, TopicsOptions
from models.parameters import key_parameters
from models.text.passages import opening, passages
from models.text.visible import INVISIBLE
from models.types import Document, Model, Summary, Topic, Work
from tests.articles import BUDGET, FOOTBALL, HARBOUR, long_article
from tests.pretrained import CLASSIFIERS, SEQ2SEQ, change_config, make, make_classifier, make_seq2seq

ENGINES: tuple[EngineName, ...] = ("torch", "ctranslate2")
SHORT = "Brenna Rovers beat Holt City on Sunday to win the cup."
TEXTS = [SHORT, BUDGET, HARBOUR, "It rained.", FOOTBALL]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pretrained")
    return {kind: make(kind, root / kind) for kind in (*SEQ2SEQ, *CLASSIFIERS)}


@pytest.fixture(scope="module")
def model_of(folders: dict[str, Path]) -> Any:
    @cache
    def get(kind: str, engine: Any = "torch", preset: Preset | None = None) -> Model:
        return opened(kind, folders[kind], preset, engine=engine)

    return get


def opened(
    id: str, folder: Path, preset: Preset | None = None, *, engine: EngineName = "torch", dtype: DType = "float32"
) -> Model:
    source = ModelSource(id, folder, preset)
    return load(source, describe(source, Inference(dtype, engine)))


def summary(model: Model, text: str, **options: Any) -> Summary:
    [outcome] = model.run([Work(Document(text), SummaryOptions(**options))])
    assert outcome.summary is not None, outcome.error
    return outcome.summary


def topics(model: Model, text: str, **options: Any) -> tuple[Topic, ...]:
    [outcome] = model.run([Work(Document(text), topics=TopicsOptions(**options))])
    assert outcome.topics is not None, outcome.error
    return outcome.topics


def plainly_generated(folder: Path, text: str) -> str:
    """What transformers alone writes."""
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer([text], return_tensors="pt")
    if model.config.model_type == "led":
        inputs["global_attention_mask"] = torch.zeros_like(inputs["input_ids"])
        inputs["global_attention_mask"][:, 0] = 1
    written: str = tokenizer.decode(model.generate(**inputs)[0], skip_special_tokens=True)
    return written


@pytest.mark.parametrize("kind", SEQ2SEQ)
def test_the_words_are_those_of_plain_generate(kind: str, folders: dict[str, Path], model_of: Any) -> None:
    expected = plainly_generated(folders[kind], SHORT)
    found = summary(model_of(kind), SHORT).text
    # Only an unfinished last sentence may be missing, and white space is tidied.
    assert found
    assert " ".join(INVISIBLE.sub(" ", expected).split()).startswith(" ".join(INVISIBLE.sub(" ", found).split()))


@pytest.mark.parametrize("kind", SEQ2SEQ)
def test_a_summary_in_a_batch_is_the_summary_alone(kind: str, model_of: Any) -> None:
    model = model_of(kind)
    together = model.run([Work(Document(text), SummaryOptions()) for text in TEXTS])
    assert [outcome.summary for outcome in together] == [summary(model, text) for text in TEXTS]


@pytest.mark.parametrize("kind", SEQ2SEQ)
def test_long_articles_are_read_whole_cut_or_refused_as_asked(kind: str, model_of: Any) -> None:
    model = model_of(kind)
    text = long_article(400)
    whole = summary(model, text)
    assert (whole.truncated, whole.used_tokens) == (False, whole.input_tokens)
    assert whole.input_tokens > 4 * model.info.max_input_tokens
    cut = summary(model, text, truncation="truncate")
    assert cut.truncated
    assert 0 < cut.used_tokens <= model.info.max_input_tokens < cut.input_tokens == whole.input_tokens
    [refused] = model.run([Work(Document(text), SummaryOptions(truncation="error"))])
    assert isinstance(refused.error, InputTooLong)
    assert f"{whole.input_tokens:,} tokens" in str(refused.error)
    assert not summary(model, SHORT, truncation="error").truncated


def test_what_the_model_is_given_of_a_long_article_is_all_of_it(folders: dict[str, Path]) -> None:
    """Counted where it happens: the engine's own inputs."""
    from models.generative.torch import TorchEngine

    class Counting(TorchEngine):
        def generate(self, inputs: Any, generation: Generation) -> list[Generated]:
            seen.extend(inputs)
            return super().generate(inputs, generation)

    seen: list[list[int]] = []
    info = describe(ModelSource("bart", folders["bart"], None), Inference("float32", "torch"))
    engine = Counting(folders["bart"], info)
    words = [f"word{number}" for number in range(300)]
    text = " ".join(word + ("." if number % 9 == 8 else "") for number, word in enumerate(words))
    Summariser(EngineWriter(engine, info), info, reader=load_reader).run([Work(Document(text), SummaryOptions())])
    read = " ".join(engine.tokenizer.decode(ids, skip_special_tokens=True) for ids in seen)
    assert [word for word in words if word not in read] == []
    assert info.max_input_tokens
    assert max(map(len, seen)) <= info.max_input_tokens


@pytest.mark.parametrize(
    "text", ["新闻报道说港口城市举行了演习" * 40, "🌊🚢" * 150, "words without any end " * 80, "a" * 900, "é ß " * 200],
    ids=["chinese", "emoji", "unpunctuated", "one word", "accents"],
)  # fmt: skip
def test_passages_hold_every_character_and_fit(model_of: Any, text: str) -> None:
    tokenizer = model_of("bart")._writer.tokenizer
    for prefix in ("", "summarize: "):
        parts = passages(text, tokenizer, room=40, prefix=prefix)
        assert "".join(part.text for part in parts).replace(" ", "") == text.replace(" ", "")
        beside = len(tokenizer(prefix, add_special_tokens=False)["input_ids"])
        for part in parts:
            assert len(tokenizer(prefix + part.text, add_special_tokens=False)["input_ids"]) <= 40 + beside
        first, total = opening(text, tokenizer, room=40, prefix=prefix)
        assert text.replace(" ", "").startswith(first.text.replace(" ", ""))
        assert 0 < first.tokens <= 40 < total


def test_what_may_be_written_is_bounded_by_what_the_model_can_write(model_of: Any) -> None:
    for kind, most in (("bart", 95), ("led", 95), ("t5", 1_023)):
        model = model_of(kind)
        assert model.info.max_output_tokens == most
        assert summary(model, SHORT, max_words=100_000, beams=1).text
        with pytest.raises(InvalidOption, match="writes at most"):
            key_parameters("summary", SummaryOptions(min_words=1_000), model.info)


def test_the_line_breaks_that_pegasus_writes_are_white_space(model_of: Any) -> None:
    class Scripted:
        tokenizer = model_of("pegasus")._writer.tokenizer

        def generate(self, inputs: Any, generation: Any) -> list[Generated]:
            ids = self.tokenizer("The wall fell.<n>The council met.", add_special_tokens=False)["input_ids"]
            return [Generated(tuple(ids), ended=True)] * len(inputs)

    found = summary(
        Summariser(EngineWriter(Scripted(), model_of("pegasus").info), model_of("pegasus").info, reader=load_reader),
        SHORT,
    )
    assert [sentence.text for sentence in found.sentences] == ["The wall fell.", "The council met."]


def test_models_of_the_t5_kind_read_what_they_were_trained_on(tmp_path: Path) -> None:
    for model_type, limit in (("t5", 512), ("mt5", 512), ("longt5", folders_.LONGEST_INPUT)):
        (tmp_path / "config.json").write_text(f'{{"model_type": "{model_type}"}}')
        assert folders_.input_limit(tmp_path) == limit


def test_what_a_folder_says_is_what_is_loaded(folders: dict[str, Path]) -> None:
    """Limits and labels are read from files; the loaded model and its tokenizer must agree."""
    for kind, folder in folders.items():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        if tokenizer.model_max_length < 1_000_000:
            assert folders_.input_limit(folder) <= tokenizer.model_max_length
        if kind in CLASSIFIERS:
            named = AutoModelForSequenceClassification.from_pretrained(folder).config.id2label
            assert folders_.labels_of(folders_.read_config(folder)) == tuple(named[n] for n in range(len(named)))


def test_positions_that_are_computed_may_be_missing_and_other_weights_not(tmp_path: Path) -> None:
    for kind, complete in (("pegasus", True), ("bart", False)):
        folder = make_seq2seq(kind, tmp_path / kind)
        whole = opened(kind, folder)
        weights = load_file(folder / "model.safetensors")
        kept = {name: tensor for name, tensor in weights.items() if "embed_positions" not in name}
        save_file(kept, folder / "model.safetensors", {"format": "pt"})
        if complete:
            lacking = opened(kind, folder)
            assert summary(lacking, SHORT).text == summary(whole, SHORT).text
        else:
            with pytest.raises(ModelCorrupt, match="embed_positions"):
                opened(kind, folder)


@pytest.mark.parametrize("kind", SEQ2SEQ)
def test_limits_on_words_are_kept(kind: str, model_of: Any) -> None:
    for text in (SHORT, long_article(200)):
        assert len(summary(model_of(kind), text, max_words=3).text.split()) <= 3
        assert len(summary(model_of(kind), text, sentences=1).sentences) == 1
    assert summary(model_of(kind), SHORT, beams=1).text
    longest = max(len(summary(model_of(kind), text, min_words=20).text) for text in TEXTS)
    assert longest > max(len(summary(model_of(kind), text, max_words=10).text) for text in TEXTS)


@pytest.mark.parametrize(
    "options", [{"max_words": 0}, {"min_words": 9, "max_words": 4}, {"beams": 99}, {"sentences": -1}]
)
def test_options_out_of_range_are_refused(model_of: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        key_parameters("summary", SummaryOptions(**options), model_of("bart").info)


@pytest.mark.parametrize("kind", ["bart", "pegasus"])
def test_ctranslate2_writes_what_torch_writes(kind: str, folders: dict[str, Path], model_of: Any) -> None:
    """In float32 and with greedy search; beams are scored alike but cut alike only by chance."""
    ctranslate2.convert(folders[kind])
    of_torch, of_ct2 = model_of(kind), model_of(kind, engine="ctranslate2")
    assert of_ct2.info.engine == "ctranslate2"
    for text in TEXTS:
        assert summary(of_ct2, text, beams=1).text == summary(of_torch, text, beams=1).text
        assert summary(of_ct2, text, max_words=12, beams=1) == summary(of_torch, text, max_words=12, beams=1)
    together = of_ct2.run([Work(Document(text), SummaryOptions()) for text in TEXTS])
    assert [outcome.summary for outcome in together] == [summary(of_ct2, text) for text in TEXTS]
    ours, theirs = (key_parameters("summary", SummaryOptions(), model.info) for model in (of_ct2, of_torch))
    assert ours | {"versions": None} == theirs | {"versions": None}
    assert ours["versions"] != theirs["versions"]


def test_ctranslate2_needs_no_generation_config(tmp_path: Path) -> None:
    folder = make_seq2seq("bart", tmp_path / "bart")
    (folder / "generation_config.json").unlink()
    ctranslate2.convert(folder)
    found = [summary(opened("b", folder, engine=engine), SHORT).text for engine in ENGINES]
    assert found[0] == found[1]


def test_old_configs_for_summarization_are_honoured(tmp_path: Path) -> None:
    folder = make_seq2seq("t5", tmp_path / "t5")
    plain = opened("t5", folder)
    change_config(folder, task_specific_params={"summarization": {"prefix": "summarize: ", "max_length": 6}})
    told = opened("t5", folder)
    assert len(summary(told, SHORT).text) < len(summary(plain, SHORT).text)
    assert summary(told, SHORT).text in " ".join(plainly_generated(folder, "summarize: " + SHORT).split())


def test_weights_that_are_not_numbers_fail_instead_of_writing_nonsense(tmp_path: Path) -> None:
    folder = make_seq2seq("bart", tmp_path / "bart")
    model = opened("bart", folder)
    model._writer._engine.model.lm_head.weight.data[7] = torch.nan  # type: ignore[attr-defined]
    with pytest.raises(ModelFailed, match="NaN"):
        model.run([Work(Document(SHORT), SummaryOptions())])


@pytest.mark.parametrize(("kind", "activation"), [("single-label", "softmax"), ("multi-label", "sigmoid")])
def test_classifiers_score_as_their_config_says(
    kind: str, activation: str, folders: dict[str, Path], model_of: Any
) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(folders[kind]).eval()
    tokenizer = AutoTokenizer.from_pretrained(folders[kind])
    with torch.inference_mode():
        logits = model(**tokenizer([SHORT], return_tensors="pt")).logits[0]
    for scoring in (None, "sigmoid", "softmax", "none"):
        expected = {"softmax": logits.softmax(-1), "sigmoid": logits.sigmoid(), "none": logits}[scoring or activation]
        found = topics(model_of(kind), SHORT, scoring=scoring, limit=4, threshold=None if scoring == "none" else 0)
        labels = model_of(kind).info.labels
        scores = {labels[topic.name]: topic.score for topic in found}
        assert scores == pytest.approx(
            dict(zip(["sport", "politics", "weather", "gossip"], expected.tolist(), strict=True)), abs=1e-5
        )
        assert [topic.score for topic in found] == sorted(scores.values(), reverse=True)


def test_a_single_label_is_one_topic_and_several_are_those_above_a_half(model_of: Any) -> None:
    assert [len(topics(model_of("single-label"), text)) for text in TEXTS] == [1] * len(TEXTS)
    assert all(topic.score >= 0.5 for text in TEXTS for topic in topics(model_of("multi-label"), text))


def test_labels_are_joined_with_the_media_topics_on_their_code(model_of: Any) -> None:
    model = model_of("multi-label")
    found = {model.info.labels[topic.name]: (topic.name, topic.qcode) for topic in topics(model, SHORT, threshold=0)}
    assert found == {
        "sport": ("sport", "medtop:15000000"),
        "politics": ("politics and government", "medtop:11000000"),
        "weather": ("weather", "medtop:17000000"),
        "gossip": ("gossip", None),
    }


def test_the_catalog_may_know_better_than_the_config(model_of: Any, folders: dict[str, Path]) -> None:
    preset = Preset(
        "x", "", ("topics",), ("en",), "", repo="a/x", codes={"gossip": "medtop:08000000"}, scoring="softmax"
    )
    model = opened("a/x", folders["multi-label"], preset)
    found = topics(model, SHORT, limit=4)
    assert sum(topic.score for topic in found) == pytest.approx(1)
    assert next(topic.name for topic in found if model.info.labels[topic.name] == "gossip") == "human interest"


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_topics_in_a_batch_are_the_topics_alone(kind: str, model_of: Any) -> None:
    model = model_of(kind)
    options = TopicsOptions(threshold=0)
    texts = [*TEXTS, long_article(150)]
    together = model.run([Work(Document(text), topics=options) for text in texts])
    for outcome, text in zip(together, texts, strict=True):
        alone = topics(model, text, threshold=0)
        assert [topic.name for topic in outcome.topics] == [topic.name for topic in alone]
        assert [topic.score for topic in outcome.topics] == pytest.approx([topic.score for topic in alone], abs=1e-5)


def test_the_end_of_a_long_article_counts(model_of: Any) -> None:
    start = long_article(150)
    for kind in CLASSIFIERS:
        assert topics(model_of(kind), start, threshold=0) != topics(
            model_of(kind), f"{start}\n\n{FOOTBALL}", threshold=0
        )


@pytest.mark.parametrize("multi_label", [True, False])
def test_zero_shot_scores_as_the_pipeline_of_transformers(
    folders: dict[str, Path], model_of: Any, multi_label: bool
) -> None:
    from transformers import pipeline

    labels = ["rain", "the cup", "money"]
    judge = pipeline("zero-shot-classification", model=str(folders["nli"]))
    expected = judge(SHORT, labels, multi_label=multi_label, hypothesis_template="This is on {}.")
    found = topics(model_of("nli"), SHORT, labels=tuple(labels), multi_label=multi_label, template="This is on {}.")
    assert [topic.name for topic in found] == expected["labels"]
    assert [topic.score for topic in found] == pytest.approx(expected["scores"], abs=1e-4)


def test_zero_shot_without_labels_judges_the_media_topics(model_of: Any) -> None:
    found = topics(model_of("nli"), SHORT, threshold=0)
    assert {topic.qcode for topic in found} == set(vocabulary.TOP_LEVEL)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("multi-label", {"labels": ("x",)}), ("multi-label", {"template": "{}"}), ("nli", {"scoring": "softmax"}),
        ("nli", {"labels": ("x",), "template": "no place"}), ("nli", {"template": "\ud800 {}"}), ("nli", {"labels": ("long " * 39,)}), ("single-label", {"limit": 0}),
    ],
)  # fmt: skip
def test_options_that_a_tagger_does_not_take_are_refused(model_of: Any, kind: str, options: dict[str, Any]) -> None:
    [outcome] = model_of(kind).run([Work(Document(SHORT), topics=TopicsOptions(**options))])
    assert isinstance(outcome.error, InvalidOption)


@pytest.mark.parametrize(("kind", "task"), [("bart", "topics"), ("nli", "summary"), ("single-label", "summary")])
def test_a_task_that_the_model_does_not_do_is_refused(model_of: Any, kind: str, task: Task) -> None:
    options: SummaryOptions | TopicsOptions = SummaryOptions() if task == "summary" else TopicsOptions()
    with pytest.raises(UnsupportedTask):
        key_parameters(task, options, model_of(kind).info)


@pytest.mark.parametrize("kind", ["bart", "nli", "multi-label"])
def test_text_without_prose_fails_alone(kind: str, model_of: Any) -> None:
    options: dict[str, Any] = {"summary": SummaryOptions()} if kind == "bart" else {"topics": TopicsOptions()}
    work = [Work(Document(text), **options) for text in ("READ MORE: nothing", SHORT)]
    first, second = model_of(kind).run(work)
    assert first.error is not None
    assert second.error is None


def test_an_empty_list_is_answered_with_an_empty_list(model_of: Any) -> None:
    assert [model_of(kind).run([]) for kind in ("bart", *CLASSIFIERS)] == [[]] * 4


def test_a_damaged_model_drops_no_sound_one(tmp_path: Path) -> None:
    for name in ("one", "two", "damaged"):
        make_classifier("single-label", tmp_path / name)
    names = [path.name for path in (tmp_path / "damaged").iterdir()]
    folders_.write_checksums(tmp_path / "damaged", names)
    change_config(tmp_path / "damaged", changed=True)
    models = ModelCache(tmp_path, max_loaded=2)
    for name in ("one", "two"):
        models.get(models.info(name))
    with pytest.raises(ModelCorrupt):
        models.get(models.info("damaged"))
    assert models.loaded_ids() == ["one", "two"]


def test_a_model_that_memory_cannot_hold_drops_none_that_it_can(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_classifier("single-label", tmp_path / name)
    (tmp_path / "huge").mkdir()
    (tmp_path / "huge" / "config.json").write_text((tmp_path / "one" / "config.json").read_text())
    (tmp_path / "huge" / "model.safetensors").write_bytes(b"")
    folders_.write_checksums(tmp_path / "huge", ["config.json"])
    with (tmp_path / "huge" / "model.safetensors").open("wb") as weights:
        weights.truncate(4 * 10**12)  # a sparse file: it takes no space
    models = ModelCache(tmp_path, max_loaded=2)
    for name in ("one", "two"):
        models.get(models.info(name))
    with pytest.raises(NoSpace, match="needs about"):
        models.get(models.info("huge"))
    assert models.loaded_ids() == ["one", "two"]


def test_a_failed_load_is_remembered_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_classifier("single-label", tmp_path / "one")
    folders_.write_checksums(folder, ["config.json", "model.safetensors"])
    models, info = ModelCache(tmp_path), ModelCache(tmp_path).info("one")
    sound = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelCorrupt) as first:
        models.get(info)
    (folder / "model.safetensors").write_bytes(sound)
    with pytest.raises(ModelCorrupt) as second:
        models.get(info)
    assert second.value is first.value
    monkeypatch.setattr("models.cache.FAILURE_SECONDS", 0.0)
    assert models.get(info).info == info


def test_what_a_model_is_is_known_without_loading_it(tmp_path: Path) -> None:
    make_classifier("single-label", tmp_path / "one")
    models = ModelCache(tmp_path)
    assert models.info("one").labels
    assert models.loaded_ids() == []


def test_partial_summaries_that_do_not_shrink_still_cover_the_whole_article(model_of: Any) -> None:
    class Repeating:
        tokenizer = model_of("bart")._writer.tokenizer

        def generate(self, inputs: Any, generation: Any) -> list[Generated]:
            return [Generated(tuple(ids), ended=True) for ids in inputs]

    text = " ".join(f"Sentence {number} is told here at some length indeed." for number in range(60))
    found = summary(
        Summariser(EngineWriter(Repeating(), model_of("bart").info), model_of("bart").info, reader=load_reader), text
    )
    numbers = [int(sentence.text.split()[1]) for sentence in found.sentences]
    assert numbers[0] == 0
    assert numbers[-1] > 45
    assert len(numbers) < 40
    assert not found.truncated


def test_few_models_stay_in_memory_and_the_one_longest_unused_goes(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        make_classifier("single-label", tmp_path / name)
    models = ModelCache(tmp_path, max_loaded=2)
    models.get(models.info("lead"))
    for name in ("one", "two", "one", "three"):
        models.get(models.info(name))
    assert models.loaded_ids() == ["lead", "one", "three"]
    assert available_memory() > 0
