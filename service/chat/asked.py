"""What a chat request asks for, by its tools, its response format and its instruction: tags, a summary or both, and the
form of the answer. What is neither is refused: an answer is never invented."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seeds.records import Article
from service.chat.prompt import take_apart
from service.chat.schema import SUMMARY_KEY, Field, fields_of, narrowed
from service.errors import InvalidRequest

Form = Literal["object", "array", "commas", "text"]
"""How the answer is written: a JSON object, a JSON array of tags, tags with commas between them, or the summary."""

TAGS = re.compile(
    r"\b(?:tags?|tagging|labels?|topics?|categor(?:y|ies|ise|ize)|classif(?:y|ication)|keywords?)\b", re.I
)
SUMMARY = re.compile(r"\bsummar(?:y|ies|i[sz]e\w*|i[sz]ing)\b|\btl;?dr\b|\babstract\b|\bcondense\b", re.I)
JSON = re.compile(r"\bJSON\b")
TAGS_KEY = re.compile(r"tag|label|topic|categor|keyword|^elements$|^suggestions$", re.I)
EXAMPLE_KEY = re.compile(r"[{,]\s*\\?\"(\w+)\\?\"\s*:\s*(\[)?")
COMMAS = re.compile(r"comma[- ]separated", re.I)
ARRAY = re.compile(r"\barray of (?:tags|strings|labels|keywords)", re.I)
BOOKMARKS = re.compile(r"You are a Bookmark Manager")
"""Linkwarden's prompt: what it reads, `elements` or `tags`, depends on its version; its request does not say."""
ALLOWED = re.compile(
    r"(?:only use tags from this (?:predefined )?list|predefined tags|from most used to least used"
    r"|(?:choose|pick|select|only use)\b[^.\n:]{0,60}|allowed (?:tags|labels|topics|categories))"
    r"\s*:\s*(?P<list>[^\n]+)",
    re.I,
)
"""A list of tags in words."""
COUNTS = {
    "one": 1, "a single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10,
}  # fmt: skip
NUMBER = rf"(?:\d{{1,6}}|{'|'.join(COUNTS)})"
SENTENCES = re.compile(rf"\b(?:{NUMBER}\s?(?:-|–|to|or)\s?)?(?P<count>{NUMBER})[- ]sentences?\b", re.I)
WORDS = re.compile(r"\b(?P<count>\d[\d,]{0,7})[- ]words?\b", re.I)
CHARACTERS = re.compile(r"\b(?P<count>\d[\d,]{0,7})[- ]characters?\b", re.I)
MOST_TAGS = re.compile(
    rf"(?:maximum number of tags is|(?:up to|at most|max(?:imum)?(?: of)?)|(?:{NUMBER}\s?(?:-|–|to)))"
    r"\s*(?P<count>\d{1,6})(?=\s*(?:tags|labels|topics|keywords|short|essential|broad|[,.\n]|$))",
    re.I,
)
LANGUAGE = re.compile(r"\b(?:must be|write|answer|respond|reply)\b[^.\n]{0,30}\bin (?P<name>[A-Za-z]{4,12})\b", re.I)
LANGUAGES = {
    "arabic": "ar", "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "finnish": "fi",
    "french": "fr", "german": "de", "greek": "el", "hungarian": "hu", "italian": "it", "japanese": "ja", "korean": "ko",
    "norwegian": "no", "polish": "pl", "portuguese": "pt", "russian": "ru", "spanish": "es", "swedish": "sv",
    "turkish": "tr",
}  # fmt: skip
CHARACTERS_PER_WORD = 6
"""Of English, with the space."""
REFUSAL = (
    "Dateline summarises news articles and tags their topics; this asks for neither. Ask for tags (a response_format "
    "whose schema has a list of strings, or the word in the prompt) or for a summary of an article in a user message."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an article.

    Args:
        fields: what is wanted, by its key in the answer; of the other forms there is one field.
        tool: the function whose arguments the answer is, where one is forced.
        sentences, words: how long the summary may be.
        language: in which language the answer is asked for, where the instruction says one (BCP 47).
    """

    article: Article
    form: Form
    fields: Mapping[str, Field]
    tool: str | None = None
    sentences: int | None = None
    words: int | None = None
    language: str | None = None

    @property
    def wants_tags(self) -> bool:
        return any(field.part in ("tags", "tag") for field in self.fields.values())

    @property
    def wants_one_tag(self) -> bool:
        """Whether a key takes exactly one tag, however sure it is."""
        return any(field.part == "tag" for field in self.fields.values())

    @property
    def wants_summary(self) -> bool:
        return any(field.part in ("summary", "summaries") for field in self.fields.values())

    @property
    def allowed(self) -> tuple[str, ...]:
        """Every tag that may be given; empty where none are named."""
        return tuple(dict.fromkeys(tag for field in self.fields.values() for tag in field.allowed))


def read(
    messages: Sequence[tuple[str, str]], *, response_format: Mapping[str, Any], tools: Sequence[Any], tool_choice: Any
) -> Asked:
    """What the request asks for.

    Raises:
        InvalidRequest: there is no article in it, or it asks for neither tags nor a summary.
    """
    prompt = take_apart(messages)
    if prompt is None:
        raise InvalidRequest(
            "There is no article in the messages. Send it in a user message, between <article> and </article> or "
            "behind a line `Content:`."
        )
    said = prompt.instruction
    wants_summary = bool(SUMMARY.search(said)) and not _mostly_tags(said)
    tool, schema = _schema(response_format, tools, tool_choice)
    form: Form = "object"
    if schema is not None:
        fields = fields_of(schema, wants_summary=wants_summary)
    elif wants_summary:
        form, fields = _summary_by_words(said)
    else:
        form, fields = _tags_by_words(said, json=response_format.get("type") in ("json_object", "json"))
    named, language, characters = ALLOWED.search(said), LANGUAGE.search(said), _count(CHARACTERS, said)
    return Asked(
        prompt.article,
        form,
        narrowed(fields, _names(named["list"]) if named else (), _count(MOST_TAGS, said)),
        tool,
        sentences=_count(SENTENCES, said),
        words=_count(WORDS, said) or (max(characters // CHARACTERS_PER_WORD, 1) if characters else None),
        language=LANGUAGES.get(language["name"].lower()) if language else None,
    )


def _summary_by_words(said: str) -> tuple[Form, dict[str, Field]]:
    """The form of a summary by the instruction, where no schema says it."""
    keys = _example_keys(said) if JSON.search(said) else {}
    _refuse_others(keys, SUMMARY_KEY)
    if not keys:
        return "text", {"summary": Field("summary")}
    return "object", {key: Field("summaries" if is_list else "summary") for key, is_list in keys.items()}


def _tags_by_words(said: str, *, json: bool) -> tuple[Form, dict[str, Field]]:
    """The form of tags by the instruction, where no schema says it."""
    if not TAGS.search(said):
        raise InvalidRequest(REFUSAL)
    if BOOKMARKS.search(said) and json:
        return "object", {"elements": Field("tags"), "tags": Field("tags")}
    keys = [key for key, is_list in _example_keys(said).items() if is_list]
    _refuse_others(keys, TAGS_KEY)
    if json or keys or (JSON.search(said) and not ARRAY.search(said)):
        return "object", {key: Field("tags") for key in keys or ["tags"]}
    return "array" if ARRAY.search(said) and not COMMAS.search(said) else "commas", {"tags": Field("tags")}


def _example_keys(said: str) -> dict[str, bool]:
    """The keys of an example of JSON in the instruction, and whether each holds a list."""
    return {key: bool(is_list) for key, is_list in EXAMPLE_KEY.findall(said)}


def _refuse_others(keys: Iterable[str], known: re.Pattern[str]) -> None:
    unknown = next((key for key in keys if not known.search(key)), None)
    if unknown is not None:
        raise InvalidRequest(f"The prompt asks for {unknown!r}. {REFUSAL}")


def _mostly_tags(said: str) -> bool:
    """Whether the instruction, though it speaks of a summary too, asks for tags."""
    return len(TAGS.findall(said)) > 2 * len(SUMMARY.findall(said))


def _schema(
    response_format: Mapping[str, Any], tools: Sequence[Any], tool_choice: Any
) -> tuple[str | None, Mapping[str, Any] | None]:
    """The forced tool's name and the schema of the answer, where the request has them."""
    named = _mapping(_mapping(tool_choice).get("function")).get("name")
    functions = [_mapping(_mapping(tool).get("function")) for tool in tools]
    for function in functions:
        name = function.get("name")
        if isinstance(name, str) and (name == named or (tool_choice == "required" and len(functions) == 1)):
            return name, _mapping(function.get("parameters"))
    if response_format.get("type") == "json_schema":
        return None, _mapping(_mapping(response_format.get("json_schema")).get("schema"))
    value = response_format.get("value")
    return None, value if isinstance(value, Mapping) else None


def _mapping(value: object) -> Mapping[str, Any]:
    """The object that a client may have sent there; an empty one where it sent something else."""
    return value if isinstance(value, Mapping) else {}


def _names(written: str) -> tuple[str, ...]:
    """The tags of a list in words."""
    inside = written.strip()
    if inside.startswith("["):
        inside = inside[1:].partition("]")[0]
    names = (name.strip().strip("\"'") for name in inside.rstrip(" .").split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def _count(pattern: re.Pattern[str], said: str) -> int | None:
    found = pattern.search(said)
    if not found:
        return None
    written = found["count"].lower().replace(",", "")
    return COUNTS.get(written) or int(written) or None
