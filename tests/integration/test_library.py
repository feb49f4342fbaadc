"""Articles beside their results, in SQLite and in PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import seeds.folder_sync
import seeds.search
from seeds.article_rows import ArticleTopic
from seeds.errors import ArticleExists, InvalidQuery, NoRecords, UnknownRecord
from seeds.library import Library
from seeds.records import Article, SeedFolder
from seeds.search import Filters
from seeds.store import Result, Store, now
from seeds.tables import library as tables

FLOOD = Article("The river took the mill of Vik. Nobody was hurt.", "flood", "Flood in Vik", "2024-05-08")
VOTE = Article("The council of Vik voted for a new bridge.", "vote", None, "2024-06-01")
FAIR = Article("The fair opened, as every year. Café tables stood in the square.", "fair")
WEATHER, POLITICS = ArticleTopic("weather", "medtop:17000000", 0.9), ArticleTopic("politics", "medtop:11000000", 0.8)
RESULT = Result("k1", "topics", "c", "lead", "1", "{}", None, "[]", 1.0, "2024-01-01T00:00:00.000+00:00")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'results.db'}" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    store = Store(url)
    with store.writing() as connection:
        for table in reversed(tables.sorted_tables):
            connection.execute(table.delete())
    yield store
    store.close()


@pytest.fixture
def library(store: Store, tmp_path: Path) -> Library:
    folder = tmp_path / "seeds"
    folder.mkdir()
    return Library(store, SeedFolder(folder))


def ids(library: Library, **filters: str) -> list[str]:
    return [entry.id for entry in library.page(Filters(**filters)).entries]


def test_articles_are_listed_the_latest_first_and_searched(library: Library) -> None:
    assert library.add([FLOOD, VOTE, FAIR]) == ["flood", "vote", "fair"]
    assert ids(library) == ["vote", "flood", "fair"]
    assert ids(library, words="vik") == ["vote", "flood"]
    assert ids(library, words="river vik") == ["flood"]
    assert ids(library, words="Café") == ["fair"]
    assert ids(library, words='the "fair" OR NOT') == []
    assert ids(library, words="flood") == ["flood"]  # it stands in the title
    assert ids(library, since="2024-05-09") == ["vote"]
    assert ids(library, until="2024-05-31") == ["flood"]
    assert library.total() == 3
    with pytest.raises(InvalidQuery, match="no word"):
        library.page(Filters("?!"))


def test_every_article_is_on_one_page(library: Library) -> None:
    library.add([replace(FLOOD, id=f"a{n}", date=f"2024-05-{n % 3 + 1:02}" if n % 4 else None) for n in range(23)])
    for filters in (Filters(), Filters(words="river")):
        seen: list[str] = []
        after: str | None = None
        while True:
            page = library.page(filters, after=after, limit=5)
            seen += [entry.id for entry in page.entries]
            if (after := page.next) is None:
                break
        assert sorted(seen) == sorted(f"a{n}" for n in range(23))
    with pytest.raises(InvalidQuery, match="cursor"):
        library.page(Filters(), after="2024-05-01")


def test_an_id_stands_for_one_article(library: Library) -> None:
    library.add([FLOOD])
    assert library.add([FLOOD, VOTE]) == ["vote"]
    with pytest.raises(ArticleExists, match="flood"):
        library.add([FAIR, replace(FLOOD, text="Another text.")])
    assert ids(library) == ["vote", "flood"]  # all or none


def test_a_digest_is_kept_with_its_article(library: Library, store: Store) -> None:
    library.add([FLOOD, VOTE])
    made = [replace(RESULT, key="k1"), replace(RESULT, key="k2", created_at=now())]
    store.save(made)
    library.keep_digest(FLOOD, made, [WEATHER, POLITICS])
    library.keep_digest(FLOOD, made, [WEATHER, POLITICS])
    library.keep_digest(VOTE, [], [POLITICS])
    library.keep_digest(replace(FLOOD, id="nobody"), made, [WEATHER])
    assert [result.key for result in library.results("flood")] == ["k2", "k1"]
    assert ids(library, topic="politics") == ["vote", "flood"]
    assert ids(library, topic="politics", words="river") == ["flood"]
    assert ids(library, topic="politics", since="2024-06-01") == ["vote"]
    assert ids(library, model="lead") == ["flood"]
    assert library.page(Filters(topic="weather")).entries[0].topics == (WEATHER, POLITICS)
    page = library.page(Filters(topic="politics"), limit=1)
    assert [entry.id for entry in library.page(Filters(topic="politics"), after=page.next).entries] == ["flood"]
    assert library.counts() == {
        "": {"2024-05": 1, "2024-06": 1}, "politics": {"2024-05": 1, "2024-06": 1}, "weather": {"2024-05": 1},
    }  # fmt: skip
    library.keep_digest(FLOOD, [], [WEATHER])
    assert library.total("politics") == 1
    with pytest.raises(UnknownRecord):
        library.results("nobody")


def test_a_correction_outlives_what_models_say(library: Library) -> None:
    library.add([FLOOD])
    library.keep_digest(FLOOD, [], [POLITICS])
    kept = library.correct("flood", [ArticleTopic("weather", "medtop:17000000")], who="Ann", note=None)
    library.keep_digest(FLOOD, [], [POLITICS])
    assert library.page(Filters()).entries[0].topics == (ArticleTopic("weather", "medtop:17000000"),)
    assert library.corrections() == library.corrections("flood") == [kept]
    assert library.corrections(after_id=kept.id) == []
    with pytest.raises(UnknownRecord):
        library.correct("nobody", [], who=None, note=None)


def test_the_seed_folder_is_followed(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "seeds"
    (folder / "b.txt").write_text(" date 2024-05-08 \nRain fell on Vik.")
    (folder / "c.txt").write_bytes(b"\xff\xfe")
    assert ids(library) == ["b", "c"]
    library.keep_digest(library.get("b"), [], [WEATHER])
    (folder / "a.txt").write_text("Snow fell on Vik.")
    (folder / "c.txt").unlink()
    assert ids(library) == ["b", "a"]
    assert ids(library, topic="weather") == ["b"]
    (folder / "b.txt").unlink()
    assert (ids(library), library.counts()) == (["a"], {"": {"": 1}})
    assert library.get("a").text == "Snow fell on Vik."
    with pytest.raises(ArticleExists):
        library.add([replace(FLOOD, id="a")])


def test_an_edited_seed_is_read_again_and_one_that_says_the_same_keeps_all(
    library: Library, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds.folder_sync, "CHECK_SECONDS", 0)
    monkeypatch.setattr(seeds.folder_sync, "CHECK_SHARE", 0)
    rain, snow = tmp_path / "seeds" / "rain.txt", tmp_path / "seeds" / "snow.txt"
    rain.write_text("Rain fell on Vik.")
    snow.write_text("Snow fell on Vik.")
    store.save([RESULT])
    for id in ("rain", "snow"):
        library.keep_digest(library.get(id), [RESULT], [POLITICS])
        library.correct(id, [WEATHER], who=None, note=None)
    rain.touch()
    snow.write_text("Hail fell on Oslo.")
    assert ids(library, words="hail") == ["snow"]
    assert ids(library, words="snow") == []
    assert sorted(ids(library, topic="weather")) == ["rain", "snow"]  # what a reader said of both
    assert ([*map(len, (library.results("rain"), library.results("snow")))]) == [1, 0]
    rain.unlink()
    assert library.total() == 1
    rain.write_text("Rain fell on Vik.")
    assert library.counts() == {"": {"": 2}, "weather": {"": 2}}


def test_an_article_that_was_sent_goes_before_a_seed_of_its_id(library: Library, tmp_path: Path) -> None:
    library.add([FLOOD])
    (tmp_path / "seeds" / "flood.txt").write_text("Another text.")
    assert library.get("flood") == FLOOD
    assert [entry.opening for entry in library.page(Filters()).entries] == [FLOOD.text]


def test_another_folder_takes_nothing_away(library: Library, store: Store, tmp_path: Path) -> None:
    (tmp_path / "seeds" / "rain.txt").write_text("Rain fell on Vik.")
    assert library.total() == 1
    (tmp_path / "other").mkdir()
    other = Library(store, SeedFolder(tmp_path / "other"))
    assert other.total() == 1
    (tmp_path / "other" / "snow.txt").write_text("Snow fell on Vik.")
    assert ids(other) == ["rain", "snow"] or ids(other) == ["snow", "rain"]
    assert other.get("rain").text == "Rain fell on Vik."
    (tmp_path / "seeds" / "rain.txt").unlink()
    onlooker = Library(store, SeedFolder(tmp_path / "seeds"), follow=False)
    assert onlooker.total() == 2
    assert library.total() == 1


def test_a_folder_that_is_not_there_takes_nothing_away(library: Library, tmp_path: Path) -> None:
    (tmp_path / "seeds" / "rain.txt").write_text("Rain fell on Vik.")
    library.keep_digest(library.get("rain"), [RESULT], [WEATHER])
    (tmp_path / "seeds").rename(tmp_path / "elsewhere")
    assert library.total("weather") == 1
    with pytest.raises(NoRecords):
        library.page(Filters())
    (tmp_path / "elsewhere").rename(tmp_path / "seeds")
    assert ids(library, topic="weather") == ["rain"]


def test_a_digest_of_a_text_that_was_edited_meanwhile_is_not_kept(library: Library) -> None:
    library.add([FLOOD])
    library.keep_digest(replace(FLOOD, text="What it said before."), [RESULT], [WEATHER])
    assert (library.results("flood"), ids(library, topic="weather")) == ([], [])


def test_an_article_that_was_sent_twice_is_kept_beside_a_seed_of_its_id(library: Library, tmp_path: Path) -> None:
    library.add([FLOOD])
    (tmp_path / "seeds" / "flood.txt").write_text("Another text.")
    assert library.add([FLOOD]) == []
    (tmp_path / "seeds" / "rain.txt").write_text("Rain fell on Vik.")
    assert library.add([Article("Rain fell on Vik.", "rain")]) == []  # what the seed file says


def test_what_many_change_at_once_adds_up(store: Store, tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    libraries = [Library(store, SeedFolder(tmp_path / "seeds")) for _ in range(4)]
    sent = [replace(FLOOD, id=f"a{number}") for number in range(6)]

    def work(number: int) -> None:
        mine = libraries[number % 4]
        mine.add(sent if number % 2 else sent[::-1])
        for article in sent:
            mine.keep_digest(article, [replace(RESULT, key=f"k{number}")], [POLITICS, ArticleTopic(f"t{number}")])
        mine.correct("a0", [WEATHER, ArticleTopic(f"said {number}")], who=None, note=None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    library = libraries[0]
    listed = Counter(tag.name for entry in library.page(Filters()).entries for tag in entry.topics)
    counted = {name: sum(months.values()) for name, months in library.counts().items() if name}
    assert (counted, library.total()) == (dict(listed), 6)
    last = library.corrections("a0")[-1]
    [entry] = [entry for entry in library.page(Filters()).entries if entry.id == "a0"]
    assert set(entry.topics) == set(last.topics)


def test_words_are_found_wherever_they_stand(library: Library) -> None:
    library.add([replace(FAIR, text="On 2024-05-08 example.com said: the U.S. team of river/sea won by 3.5 points.")])
    for words in ("2024-05-08", "example.com", "U.S. team", "river", "sea won", "3.5"):
        assert ids(library, words=words) == ["fair"], words
    with pytest.raises(InvalidQuery, match="at most 20"):
        library.page(Filters("word " * 21))


@pytest.mark.parametrize("few", [1, 1_000])
def test_articles_by_a_model_are_found_whether_it_made_few_or_many(
    library: Library, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(seeds.search, "FEW_RESULTS", few)
    library.add([FLOOD, VOTE, FAIR])
    for id in ("flood", "fair"):
        library.keep_digest(library.get(id), [RESULT, replace(RESULT, key="k2")], [WEATHER])
    assert ids(library, model="lead") == ["flood", "fair"]
    assert ids(library, model="lead", topic="weather", words="river") == ["flood"]
    assert ids(library, model="nobody") == []


def test_days_in_the_wrong_order_are_told(library: Library) -> None:
    with pytest.raises(InvalidQuery, match="Exchange"):
        library.page(Filters(since="2024-02-01", until="2024-01-01"))
