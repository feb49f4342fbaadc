"""Vocabularies of one's own: read from files, served at once by their names, listed, removed."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from models.errors import InvalidOption, UnknownModel
from models.open import Inference
from models.vocabulary.own import MOST_TERMS, Term, read_vocabulary
from service.http.app import create_app
from service.settings import Settings
from service.teaching.folders import vocabulary_named
from service.teaching.vocabularies import load_vocabulary, loaded_vocabularies, remove_vocabulary

DESKS = """code,name_en,name_nb,description,broader
D1,Harbour,Havn,"Ships, fish and the port",
D2,"Courts, crime",Domstoler,"Trials, burglaries and the police",
D3,Ferries,,Passenger ships,D1
"""
SKOS = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix ex: <http://example.org/desks#> .
ex:harbour a skos:Concept ; skos:prefLabel "Harbour"@en, "Havn"@nb ; skos:definition "Ships and the port"@en .
ex:ferries a skos:Concept ; skos:prefLabel "Ferries" ; skos:broader ex:harbour ; skos:notation "D3" .
"""


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def load(path: Path, root: Path, name: str = "desks") -> None:
    load_vocabulary(path, name=name, root=root, inference=Inference("float32"))


def test_csv(tmp_path: Path) -> None:
    found = read_vocabulary(write(tmp_path, "a.csv", DESKS), name="desks")
    assert list(found.terms) == ["D1", "D2", "D3"]
    assert found.terms["D1"] == Term("D1", {"en": "Harbour", "nb": "Havn"}, "Ships, fish and the port")
    assert found.terms["D3"].broader == "D1"
    assert [term and term.code for term in map(found.find, ("havn", "d2", " courts,  CRIME ", "Weather"))] == [
        "D1",
        "D2",
        "D2",
        None,
    ]


def test_a_code_goes_before_a_name_and_a_name_of_two_terms_means_neither(tmp_path: Path) -> None:
    content = "code,name,name_en-GB\nA,B,Sea\nB,Coast,\nC,Harbour,\nD,harbour,\n"
    found = read_vocabulary(write(tmp_path, "a.csv", content), name="desks")
    assert found.find("b") == found.terms["B"]
    assert found.find("Harbour") is None
    assert found.terms["A"].name == "Sea"


def test_names_alone(tmp_path: Path) -> None:
    found = read_vocabulary(write(tmp_path, "a.csv", "﻿name\nHarbour\nCourts\n"), name="desks")
    assert [(term.code, term.name) for term in found.terms.values()] == [("Harbour", "Harbour"), ("Courts", "Courts")]


def test_json_lines(tmp_path: Path) -> None:
    lines = '{"code": 7, "names": {"nb": "Havn"}}\n\n{"code": "D2", "name": "Courts", "broader": 7, "uri": "http://example.org/2"}\n'
    found = read_vocabulary(write(tmp_path, "a.jsonl", lines), name="desks")
    assert found.terms["7"].name == "Havn"
    assert found.terms["D2"] == Term("D2", {"und": "Courts"}, None, "7", "http://example.org/2")
    assert found.find("http://example.org/2") == found.terms["D2"]


def test_skos(tmp_path: Path) -> None:
    found = read_vocabulary(write(tmp_path, "a.ttl", SKOS), name="desks")
    assert found.terms["harbour"].names == {"en": "Harbour", "nb": "Havn"}
    assert found.terms["harbour"].description == "Ships and the port"
    ferries = found.terms["D3"]
    assert (ferries.name, ferries.broader, ferries.uri) == ("Ferries", "harbour", "http://example.org/desks#ferries")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "", "holds no term"),
        ("a.csv", "code,label\nD1,Harbour\n", "line 2 has no name"),
        ("a.csv", "code,name\nD1,Harbour\nD1,Courts\n", "line 3: the code 'D1' is there twice"),
        ("a.csv", "code,name,broader\nD1,Harbour,D9\n", "broader is 'D9'"),
        ("a.csv", "code,name,broader\nD1,Harbour,D2\nD2,Courts,D1\n", "broader than itself"),
        ("a.csv", b"code,name\nD1,Stra\xdfe\n", "Save it as UTF-8"),
        ("a.csv", 'code,name\nD1,"Har\n', "cannot be read"),
        ("a.csv", "name\n" + "x" * 201 + "\n", "1 to 200"),
        ("a.jsonl", "{\n", "line 1 is not JSON"),
        ("a.jsonl", "[]\n", "line 1 is no JSON object"),
        ("a.jsonl", '{"name": 5}\n', "has no name"),
        ("a.ttl", "ex:harbour a skos:Concept .", "is not the turtle"),
        ("a.ttl", SKOS.replace('skos:prefLabel "Ferries" ;', ""), "has no skos:prefLabel"),
        ("a.ttl", "", "holds no term"),
        ("a.csv", "code,name\nD2,Courts, crime\n", "between quotation marks"),
        ("a.docx", "Harbour", "no suffix of a vocabulary"),
        ("a.csv", "name\n" + "".join(f"t{n}\n" for n in range(MOST_TERMS + 1)), "20,001 terms"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    with pytest.raises(InvalidOption, match=says):
        load(write(tmp_path, name, content), tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match=r"No such file or directory\. Name another file"):
        load(tmp_path / "none.csv", tmp_path / "models")


def test_a_vocabulary_tags_at_once_and_says_how(tmp_path: Path, seeds_folder: Path) -> None:
    root = tmp_path / "models"
    load(write(tmp_path, "desks.csv", DESKS), root)
    settings = Settings(seeds=seeds_folder, models=root, summary_model="lead")
    text = "The man who broke into nine houses was sentenced to four years, and police found the stolen goods."
    with TestClient(create_app(settings)) as client:
        topics = client.post("/v1/tag", json={"text": text, "model": "desks", "threshold": 0}).json()["topics"]
        assert [topic["qcode"] for topic in topics][:1] == ["D2"]
        assert topics[0]["name"] == "Courts, crime"
        listed = client.get("/v1/topics", params={"vocabulary": "desks"}).json()
        assert (listed["method"], len(listed["topics"])) == ("names", 3)
        assert listed["topics"][2] | {"threshold": None} == {
            "qcode": "D3", "uri": None, "name": "Ferries", "names": {"en": "Ferries"}, "description": "Passenger ships",
            "broader": "D1", "retired": None, "threshold": None, "quality": None,
        }  # fmt: skip
        assert [topic["qcode"] for topic in client.get("/v1/topics?vocabulary=desks&levels=1").json()["topics"]] == [
            "D1",
            "D2",
        ]
        assert client.get("/v1/topics?vocabulary=sections").status_code == 404
        assert client.get("/v1/topics?vocabulary=lead").status_code == 404


def test_it_is_listed_and_removed(tmp_path: Path) -> None:
    root = tmp_path / "models"
    load(write(tmp_path, "desks.csv", DESKS), root)
    [entry] = loaded_vocabularies(root)
    assert (entry.name, entry.method, entry.topics) == ("desks", "names", 3)
    assert vocabulary_named("desks", root=root).terms["D1"].name == "Harbour"
    with pytest.raises(InvalidOption, match="already"):
        load(tmp_path / "desks.csv", root)
    with pytest.raises(InvalidOption, match="cannot be the name"):
        load(tmp_path / "desks.csv", root, "news-minilm")
    with pytest.raises(UnknownModel, match="There are: desks"):
        remove_vocabulary("../desks", root=root)
    remove_vocabulary("desks", root=root)
    assert loaded_vocabularies(root) == []
    with pytest.raises(UnknownModel, match="none yet"):
        vocabulary_named("desks", root=root)


def test_many_terms(tmp_path: Path) -> None:
    terms = "".join(json.dumps({"code": f"t{n}", "name": f"topic number {n}"}) + "\n" for n in range(3_000))
    load(write(tmp_path, "many.jsonl", terms), tmp_path / "models")
    assert loaded_vocabularies(tmp_path / "models")[0].topics == 3_000
