"""The tables of a store: results, and the articles that are kept beside them. Migrations bring a store of an earlier
version here."""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    column,
    table,
    text,
)

metadata = MetaData()
schema = Table("dateline_schema", metadata, Column("version", Integer, nullable=False))
results = Table(
    "dateline_results",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("task", String(32), nullable=False),
    Column("content", String(64), nullable=False),
    Column("model", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("vocabulary", Text),
    Column("value", Text, nullable=False),
    Column("milliseconds", Float, nullable=False),
    Column("created_at", String(32), nullable=False),
)

library = MetaData()
articles = Table(
    "dateline_articles",
    library,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(512), nullable=False, unique=True),
    Column("title", Text),
    Column("date", String(10), nullable=False),  # empty where it is not known, so that pages have one order
    Column("url", Text),
    Column("language", String(35)),
    Column("text", Text, nullable=False),
    Column("folder", Text),  # of a seed file; null for an article that was sent
    Column("stamp", String(64)),  # size and time of a seed file
    Column("added_at", String(32), nullable=False),
    Index("ix_dateline_articles_date", "date", "number"),
    sqlite_autoincrement=True,  # a number is never given twice
)
article_topics = Table(
    "dateline_article_topics",
    library,
    Column("number", ForeignKey("dateline_articles.number"), primary_key=True, autoincrement=False),
    Column("name", String(512), primary_key=True),
    Column("qcode", String(32)),
    Column("score", Float),  # null where a reader chose the topic
    Column("date", String(10), nullable=False),
    Index("ix_dateline_article_topics_name", "name", "date", "number"),
)
topic_counts = Table(
    "dateline_topic_counts",
    library,
    Column("name", String(512), primary_key=True),  # empty for all articles
    Column("month", String(7), primary_key=True),
    Column("articles", Integer, nullable=False),
)
article_results = Table(
    "dateline_article_results",
    library,
    Column("number", ForeignKey("dateline_articles.number"), primary_key=True, autoincrement=False),
    Column("key", String(64), primary_key=True),
    Column("model", Text, nullable=False),
    Index("ix_dateline_article_results_model", "model", "number"),
)
corrections = Table(
    "dateline_feedback",
    library,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("article", String(512), nullable=False, index=True),
    Column("topics", Text, nullable=False),
    Column("who", Text),
    Column("note", Text),
    Column("created_at", String(32), nullable=False),
    sqlite_autoincrement=True,
)

words = table("dateline_words", column("rowid"))
"""The words of articles, in SQLite: a virtual table. In PostgreSQL they are a column of the articles."""
SEARCHED_CHARACTERS = 100_000
"""How much of a text is searched in PostgreSQL, whose index of one text is bounded."""
SQLITE_SEARCH = (
    "CREATE VIRTUAL TABLE dateline_words USING fts5(title, text, content='dateline_articles', content_rowid='number', "
    "tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER dateline_words_added AFTER INSERT ON dateline_articles BEGIN "
    "INSERT INTO dateline_words (rowid, title, text) VALUES (new.number, new.title, new.text); END",
    "CREATE TRIGGER dateline_words_removed AFTER DELETE ON dateline_articles BEGIN "
    "INSERT INTO dateline_words (dateline_words, rowid, title, text) "
    "VALUES ('delete', old.number, old.title, old.text); END",
)
POSTGRESQL_SEARCH = (
    "ALTER TABLE dateline_articles ADD COLUMN words tsvector GENERATED ALWAYS AS "
    f"(to_tsvector('simple', regexp_replace(left(coalesce(title, '') || ' ' || text, {SEARCHED_CHARACTERS}), "
    "'[^[:alnum:]]+', ' ', 'g'))) STORED",  # or its parser would keep addresses, days and paths whole
    "CREATE INDEX ix_dateline_articles_words ON dateline_articles USING gin (words)",
    # with fewer the planner takes a rare word for a frequent one, and reads the whole table backwards
    "ALTER TABLE dateline_articles ALTER COLUMN words SET STATISTICS 1000",
)


def _first_tables(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)


def _without_content_index(connection: Connection) -> None:
    """Nothing looks results up by content, and with millions of them keeping the index was most of a write."""
    connection.execute(text("DROP INDEX IF EXISTS ix_dateline_results_content"))


def _library(connection: Connection) -> None:
    library.create_all(connection, checkfirst=False)
    for statement in SQLITE_SEARCH if connection.dialect.name == "sqlite" else POSTGRESQL_SEARCH:
        connection.exec_driver_sql(statement)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first_tables, _without_content_index, _library)
"""Each brings a store from the version of its place in this tuple to the next. Append; never change one."""
