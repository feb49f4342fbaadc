"""`lead`: an article's first sentences. Needs no weights; the baseline that every summariser is compared with."""

from collections.abc import Sequence

from models.errors import ModelError, UnreadableText, UnsupportedTask
from models.selection import Candidate, Limits, extractive_parameters, limits_of, select
from models.sentences import sentences
from models.types import ModelInfo, Outcome, Summary, SummaryOptions, Task, TopicsOptions, Work, summary_text

INFO = ModelInfo(
    id="lead",
    revision="1",
    tasks=("summary",),
    engine="none",
    dtype="none",
    languages=("*",),
    licence="Apache-2.0",
    batch_articles=512,
)


class Lead:
    """Takes the first sentences of the prose, passing over credits, captions and repetitions."""

    @property
    def info(self) -> ModelInfo:
        return INFO

    def parameters(self, task: Task, options: SummaryOptions | TopicsOptions) -> dict[str, object]:
        if not isinstance(options, SummaryOptions):
            raise UnsupportedTask("Model 'lead' only summarises. For topics use 'news-minilm'.")
        return extractive_parameters(options, default=Limits())

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        return [self._outcome(item) for item in work]

    def _outcome(self, work: Work) -> Outcome:
        try:
            if work.summary is None or work.topics is not None:
                raise UnsupportedTask("Model 'lead' only summarises. For topics use 'news-minilm'.")
            return Outcome(summary=summarise(work.document.text, work.summary))
        except ModelError as error:
            return Outcome(error=error)


def summarise(text: str, options: SummaryOptions) -> Summary:
    """The lead of `text`. Tokens are counted as words.

    Raises:
        UnreadableText: the text holds no prose.
    """
    spans = sentences(text)
    if not spans:
        raise UnreadableText("The article holds no sentence to summarise, only links. Send its text.")
    candidates = [Candidate(span.start, span.end, -place) for place, span in enumerate(spans)]
    chosen = select(text, candidates, limits=limits_of(options, default=Limits()))
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
