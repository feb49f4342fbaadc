"""Topics of one's own: learnt from labelled rows, served like any model."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import models.classifiers.own_files
from models.classifiers.aim import Aim
from models.errors import InvalidOption, UnknownModel
from models.folder import revision_of
from models.open import Inference
from models.options import TopicsOptions
from models.types import Document, Outcome, Work
from models.vocabulary.own import Term, Vocabulary
from seeds.archives import ReadOptions
from seeds.article_rows import ArticleTopic
from seeds.errors import NoRecords
from seeds.library import Library
from seeds.records import Article, SeedFolder
from seeds.store import Store
from service.errors import OutputUnwritable
from service.http.app import create_app
from service.settings import Settings
from service.teaching.folders import rollback
from service.teaching.rows import LabelledArticle, Row, Skip, archive_rows, corrected_articles
from service.teaching.train import Trainer, Training, unlearnt
from tests.doubles import load_model

DESKS = {
    "harbour": ("The ferry", "A tanker", "The port of Vik", "The fishing fleet", "A container ship"),
    "schools": ("The headmaster", "A class of pupils", "The teachers' union", "The exam board", "The school of Vik"),
    "courts": ("The judge", "A burglar", "The jury", "The prosecutor", "The appeal court"),
}
ENDS = {
    "harbour": ("left the quay after the storm.", "unloads fish at the pier.", "needs a deeper channel for ships."),
    "schools": ("wants smaller classes.", "begins the new term with fewer books.", "asks for longer breaks."),
    "courts": ("heard the case of the stolen car.", "was sentenced to two years.", "found the driver guilty."),
}


def examples(count: int, *, seed: int = 1) -> list[LabelledArticle]:
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        desk = list(DESKS)[number % 3]
        text = (
            " ".join(f"{chance.choice(DESKS[desk])} {chance.choice(ENDS[desk])}" for _ in range(3)) + f" No. {number}."
        )
        rows.append(LabelledArticle(f"r{number}", Article(text, f"r{number}"), frozenset({desk})))
    return rows


def trainer(root: Path, store: Store) -> Trainer:
    return Trainer(root, store, Inference("float32"), lambda *_: None)


def learn(rows: Iterable[Row], root: Path, store: Store, *, name: str = "desks", aim: str = "f1") -> Training:
    return trainer(root, store).train(rows, name=name, aim=Aim.parse(aim))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Training:
    return learn(iter(examples(45)), tmp_path_factory.mktemp("models"), Store("sqlite://"))


def test_what_was_learnt_is_found_in_new_articles(trained: Training) -> None:
    model = load_model("desks", trained.folder.parent, dtype="float32")
    assert (model.info.kind, model.info.tasks) == ("own", ("topics",))
    new = examples(30, seed=2)
    outcomes = model.run([Work(Document(row.article.text), None, TopicsOptions()) for row in new])
    right = sum(found(outcome)[:1] == list(row.labels) for outcome, row in zip(outcomes, new, strict=True))
    assert right >= 27
    assert trained.report.macro_f1 > 0.9
    assert {label.examples for label in trained.report.labels} == {15}


def found(outcome: Outcome) -> list[str]:
    assert outcome.topics is not None
    return [topic.name for topic in outcome.topics]


def test_it_serves_like_any_model(trained: Training, seeds_folder: Path) -> None:
    settings = Settings(seeds=seeds_folder, models=trained.folder.parent, summary_model="lead", topics_model="desks")
    with TestClient(create_app(settings)) as client:
        text = "The judge heard the case of the stolen car. The jury found the driver guilty."
        topics = client.post("/v1/tag", json={"text": text}).json()["topics"]
        assert (topics[0]["name"], topics[0]["qcode"]) == ("courts", None)
        assert len(client.post("/v1/tag", json={"text": text, "threshold": 0}).json()["topics"]) == 3
        refused = client.post("/v1/tag", json={"text": text, "labels": ["a", "b"]}).json()
        assert refused["error_type"] == "invalid_option"
        [entry] = [model for model in client.get("/v1/models").json()["models"] if model["id"] == "desks"]
        assert entry["tasks"] == ["topics"]


def test_two_trainings_give_the_same_bytes_and_the_second_reads_no_article(tmp_path: Path) -> None:
    store = Store("sqlite://")
    first = learn(iter(examples(20)), tmp_path / "a", store)
    count = store.count()
    second = learn(iter(examples(20)), tmp_path / "b", store)
    assert store.count() == count == 20
    for path in first.folder.iterdir():
        assert (second.folder / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_threshold_is_chosen_for_its_aim(tmp_path: Path) -> None:
    rows = examples(90)
    rows[0] = LabelledArticle("wrong", rows[0].article, frozenset({"courts"}))
    report = learn(iter(rows), tmp_path, Store("sqlite://"), aim="precision=0.99").report
    by_name = {label.name: label for label in report.labels}
    assert min(by_name["courts"].precision, by_name["schools"].precision) >= 0.99
    assert {doubt.row for doubt in report.doubts} == {0}


def test_rows_that_say_nearly_the_same_stay_together_and_their_contradictions_are_told(tmp_path: Path) -> None:
    rows = examples(60)
    copies = [
        LabelledArticle(f"copy{n}", Article(f"{rows[n].article.text} Follow us for more news."), rows[n].labels)
        for n in range(30)
    ]
    copies[7] = LabelledArticle("copy7", copies[7].article, frozenset({"courts"}))
    training = learn([*rows, *copies], tmp_path, Store("sqlite://"))
    assert training.report.repeated >= 30
    told = {(training.places[pair.row], training.places[pair.earlier]) for pair in training.report.contradictions}
    assert told == {("copy7", "r7")}
    again = trainer(tmp_path, Store("sqlite://")).learn([copies[7]], name="desks")
    assert [again.places[pair.row] for pair in again.report.contradictions] == ["copy7"]


def test_labels_are_read_from_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"text": "Rain fell.", "labels": ["weather, local", "a"]}) + "\n"
        + json.dumps({"text": "Snow fell.", "topics": [{"name": "weather"}]}) + "\n"
        + json.dumps({"text": "Hail fell.", "labels": 5}) + "\n"
        + json.dumps({"text": "", "labels": []}) + "\n"
        + json.dumps({"text": "Nothing fell.", "labels": []}) + "\n"
    )  # fmt: skip
    (tmp_path / "b.csv").write_text("text,desk\nRain fell.,a; b\nSnow fell.,c\n")
    read = list(archive_rows(str(tmp_path / "a.jsonl"), ReadOptions(), labels_field=None))
    assert [row.labels if isinstance(row, LabelledArticle) else row for row in read] == [
        {"weather, local", "a"}, {"weather"}, Skip("no_labels"), Skip("unreadable_text"), set(),
    ]  # fmt: skip
    read = list(archive_rows(str(tmp_path / "b.csv"), ReadOptions(), labels_field="desk"))
    assert [row.labels for row in read if isinstance(row, LabelledArticle)] == [{"a", "b"}, {"c"}]


def test_corrections_are_learnt_from(tmp_path: Path) -> None:
    store = Store("sqlite://")
    (tmp_path / "seeds").mkdir()
    library = Library(store, SeedFolder(tmp_path / "seeds"))
    rows = examples(12)
    library.add([row.article for row in rows])
    for row in rows:
        [desk] = row.labels
        tag = ArticleTopic("crime, law and justice", "medtop:02000000") if desk == "courts" else ArticleTopic(desk)
        library.correct(str(row.article.id), [ArticleTopic("first thought")], who=None, note=None)
        library.correct(str(row.article.id), [tag], who="Ann", note=None)
    learn(corrected_articles(library), tmp_path / "models", store)
    model = load_model("desks", tmp_path / "models", dtype="float32")
    [outcome] = model.run([Work(Document(rows[2].article.text), None, TopicsOptions(threshold=0.0))])
    assert outcome.topics is not None
    assert {(topic.name, topic.qcode) for topic in outcome.topics} == {
        ("harbour", None), ("schools", None), ("crime, law and justice", "medtop:02000000"),
    }  # fmt: skip


def test_a_corrected_article_that_is_gone_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    library = Library(Store("sqlite://"), SeedFolder(tmp_path / "seeds"))
    (tmp_path / "seeds" / "rain.txt").write_text("Rain fell on Vik.")
    library.correct("rain", [ArticleTopic("weather")])
    (tmp_path / "seeds" / "rain.txt").unlink()
    assert list(corrected_articles(library)) == [Skip("unknown_article")]


def test_a_model_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(models.classifiers.own_files, "write_checksums", full)
    with pytest.raises(OutputUnwritable, match="Free some space"):
        learn(examples(9), tmp_path, Store("sqlite://"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "name", "aim", "error", "says"),
    [
        ([], "desks", "f1", NoRecords, "--labels-field"),
        ([Skip("no_labels")] * 3, "desks", "f1", NoRecords, "no_labels 3"),
        (examples(3), "desks", "f1", InvalidOption, "No label has 2 rows"),
        ([LabelledArticle("r", row.article, frozenset({"all"})) for row in examples(4)], "desks", "f1", InvalidOption, "Every row"),
        ([LabelledArticle("r", row.article, frozenset(map(str, range(3000)))) for row in examples(4)], "desks", "f1", InvalidOption, "at most 2,000"),
        (examples(9), "../desks", "f1", InvalidOption, "cannot be the name"),
        (examples(9), "desks.1", "f1", InvalidOption, "earlier revision"),
        (examples(9), "desks", "accuracy", InvalidOption, "precision=0.9"),
        (examples(9), "desks", "precision=7", InvalidOption, "precision=0.9"),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_is_told(
    tmp_path: Path, rows: list[Row], name: str, aim: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        learn(iter(rows), tmp_path, Store("sqlite://"), name=name, aim=aim)
    assert not list(tmp_path.iterdir())


def test_a_model_is_never_changed(trained: Training) -> None:
    with pytest.raises(InvalidOption, match="already"):
        learn(iter(examples(9)), trained.folder.parent, Store("sqlite://"))


def test_a_model_that_is_taught_more_is_another_revision_and_can_be_put_back(tmp_path: Path) -> None:
    store = Store("sqlite://")
    first = learn(examples(30), tmp_path, store)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    told = examples(30)[0]
    more = [LabelledArticle("corrected", told.article, frozenset({"courts"})), *examples(6, seed=5)]
    second = trainer(tmp_path, store).learn(iter(more), name="desks")
    assert second.kept == tmp_path / "desks.1"
    assert {path.name: path.read_bytes() for path in second.kept.iterdir()} == before
    assert second.report.rows == 36  # 30 and 6: the corrected row replaced one
    assert second.places.count("r0") == 1  # of the six, not the first one's
    assert revision_of(second.folder) != revision_of(second.kept)

    put_back, replaced = rollback(tmp_path, "desks")
    assert {path.name: path.read_bytes() for path in put_back.iterdir()} == before
    assert replaced == tmp_path / "desks.2"
    again, _ = rollback(tmp_path, "desks")  # the one kept last is now that of the second training
    assert (revision_of(again), again.name) == (revision_of(tmp_path / "desks"), "desks")
    first_again, _ = rollback(tmp_path, "desks", to=3)
    assert {path.name: path.read_bytes() for path in first_again.iterdir()} == before
    with pytest.raises(UnknownModel, match=r"There is no desks\.9\. Earlier revisions: "):
        rollback(tmp_path, "desks", to=9)


def test_a_swap_that_was_interrupted_is_put_right_by_a_rollback(tmp_path: Path) -> None:
    learn(examples(9), tmp_path, Store("sqlite://"))
    (tmp_path / "desks").rename(tmp_path / "desks.1")
    folder, replaced = rollback(tmp_path, "desks")
    assert (folder.is_dir(), replaced) == (True, None)
    for name in ("desks", "../desks", "*"):
        with pytest.raises(UnknownModel, match="no earlier revision"):
            rollback(tmp_path, name)


def test_what_cannot_be_taught_leaves_the_model_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("sqlite://")
    folder = learn(examples(9), tmp_path, store).folder
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UnknownModel, match="There are: desks"):
        trainer(tmp_path, store).learn(examples(3), name="sections")
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OutputUnwritable):
        trainer(tmp_path, store).learn(examples(3, seed=4), name="desks")
    assert [path.name for path in tmp_path.iterdir()] == ["desks"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_rows_are_learnt_under_the_codes_of_a_vocabulary(tmp_path: Path) -> None:
    store = Store("sqlite://")
    terms = {
        "D1": Term("D1", {"en": "Harbour", "nb": "Havn"}, "Ships, fish and the port"),
        "D2": Term("D2", {"en": "Schools"}),
        "D3": Term("D3", {"en": "Weather"}),
    }
    vocabulary = Vocabulary("newsroom", terms)
    rows = [
        LabelledArticle(
            row.place, row.article, frozenset({{"harbour": "havn"}.get(label, label) for label in row.labels})
        )
        for row in examples(30)
    ]
    training = trainer(tmp_path, store).train(rows, name="desks", aim=Aim(), vocabulary=vocabulary)
    assert training.unknown == {"courts": 10}
    assert training.report.rows == 20
    assert unlearnt(training.report, vocabulary) == ["Weather"]
    model = load_model("desks", tmp_path, dtype="float32")
    [outcome] = model.run([Work(Document("The ferry left the quay after the storm."), None, TopicsOptions())])
    assert outcome.topics
    assert (outcome.topics[0].qcode, outcome.topics[0].name) == ("D1", "Harbour")
    more = trainer(tmp_path, store).learn(
        [
            LabelledArticle(f"s{i}", Article(f"Snow fell on Vik, day {i}. Rain is to come."), frozenset({"D3"}))
            for i in range(4)
        ],
        name="desks",
    )
    assert unlearnt(more.report, vocabulary) == []
    with pytest.raises(InvalidOption, match="dateline vocabulary show newsroom"):
        trainer(tmp_path, store).train(examples(9)[2::3], name="none", aim=Aim(), vocabulary=vocabulary)
