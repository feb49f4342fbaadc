"""`lead`: an article's first sentences. Needs no weights; the baseline that every summariser is compared with."""

from collections.abc import Sequence

from models.errors import ModelError, UnreadableText
from models.extractive.selection import LEAD_DEFAULTS, candidates_of, limits_of, select
from models.options import SummaryOptions
from models.parameters import check
from models.text.boundaries import SPLITTER
from models.text.language import UNKNOWN
from models.text.sentences import prose
from models.types import ModelInfo, Outcome, Summary, Work, summary_text

INFO = ModelInfo(
    id="lead",
    revision="1",
    kind="extractive",
    tasks=("summary",),
    engine="none",
    dtype="none",
    languages=("*",),
    licence="Apache-2.0",
    batch_articles=512,
    defaults=LEAD_DEFAULTS,
    parameters={"text": SPLITTER},
)


class Lead:
    """Takes the first sentences of the prose, passing over credits, captions and repetitions."""

    @property
    def info(self) -> ModelInfo:
        return INFO

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        return [self._outcome(item) for item in work]

    def _outcome(self, work: Work) -> Outcome:
        try:
            if work.topics is not None:
                check("topics", work.topics, INFO)
            options = work.summary or SummaryOptions()
            check("summary", options, INFO)
            return Outcome(summary=summarise(work.document.text, options, language=work.document.language))
        except ModelError as error:
            return Outcome(error=error)


def summarise(text: str, options: SummaryOptions, *, language: str = UNKNOWN) -> Summary:
    """The lead of `text`. Tokens are counted as words.

    Raises:
        UnreadableText: the text holds no prose.
    """
    spans = prose(text, language=language)
    if not spans:
        raise UnreadableText("The article holds no sentence to summarise, only links. Send its text.")
    candidates = candidates_of(spans, (-number for number in range(len(spans))))
    chosen = select(text, candidates, limits=limits_of(options, LEAD_DEFAULTS))
    words = sum(len(text[span.start : span.end].split()) for span in spans)
    return Summary(
        text=summary_text(chosen),
        sentences=chosen,
        model=INFO.id,
        revision=INFO.revision,
        input_tokens=words,
        used_tokens=words,
        truncated=False,
    )
