"""Recognises sentences that stand in an article but do not tell its story: credits, promotions, captions,
copyright lines, refusals to comment. Patterns were tested by eye on English news from a dozen outlets; they are case-sensitive on purpose."""

import re

MAX_WORDS = 20
"""A longer sentence may hold prose beside the furniture, so it is kept."""

OPENING = re.compile(
    r"|".join(
        (
            # credits
            r"^\W*(?:Additional |With )?(?:[Rr]eporting|[Ww]riting|[Ee]diting|Compiled) by [A-Z]",
            r"^(?:Contributing|Reporters?|Editors?): [A-Z]",
            r"^By [A-Z][\w.'’-]+ [A-Z][\w.'’ -]+(?:, [A-Z][\w ]+)?\.?$",
            # follow us, write to us
            r"^(?:You can )?(?:also )?(?:[Ff]ollow|Like|[Ff]ind|Join) (?:us|me|him|her|them|@ ?@?\w+|BBC[\w :]*"
            r"|[A-Z]\w+(?: [A-Z]\w+)?)\b[^.]{0,60}\bon (?:Twitter|Facebook|Instagram|LinkedIn|YouTube|X\b)",
            r"^Send your (?:story )?(?:ideas|tips|comments|pictures)|^(?:If you have|Got) a story\b|^Follow @ ?@?\w+",
            r"^(?:E-?mail|Contact) (?:us|the)\b.{0,60}@",
            # links and page controls
            r"^(?:ALSO |Also |MUST )?(?:READ|Read|SEE|See|WATCH|Watch|LISTEN)"
            r"(?: (?:MORE|more|ALSO|also|NEXT|next|THIS|this|LIVE))?\s*[:|] ?\S",
            r"^(?:Read|READ) (?:more|MORE)\b|^(?:SEE|See) (?:ALSO|also)\b|^(?:Related|RELATED)(?: \w+)?\s*[:»]",
            r"^More (?:from|on this)\b|^(?:CLICK|Click|Tap) (?:HERE|here)\b|^E-?mail to a friend",
            r"^(?:Watch|See|Read|Learn|View|Hear|Listen|Map|Photos?|Gallery)\b[^.?!]{0,120}»",
            r"^S(?:croll|CROLL) (?:[Dd]own|DOWN)\b",
            r"^(?:ADVERTISEMENT|Advertisement|Story [Cc]ontinues [Bb]elow|Continue reading|JUST WATCHED)\b",
            r"^Share this\b|^Sorry we are (?:not|unable|no longer)",
            # pictures and players
            r"^FILE\s?[-–—]",
            r"^\W{0,2}(?:Photo|Image|Picture|Photograph)s? (?:by|courtesy|credit)|^(?:Image|Photo) (?:copyright|caption)",
            r"^(?i:media playback is|this video can ?not be played|please (?:turn on|enable) javascript|media caption)",
            # newsletters
            r"^(?i:(?:please )?(?:sign up|subscribe)\b.{0,100}(?:newsletter|emails?|inbox|alerts?|podcast))",
        )
    )
)


INSIDE = re.compile(
    r"|".join(
        (
            # credits
            r"\b[Cc]ontribut(?:ed|ing)\b.{0,30}\bto (?:this|the) (?:report|story|article|piece|post)\b",
            # pictures
            r"\((?:AP|AFP|Reuters|Getty|EPA|PA|Rex|Shutterstock|Bloomberg|iStock)\b"
            r"(?: (?:[Pp]hoto|[Ii]mages?|[Ff]ile)|\s?/)[^)]{0,80}\)",
            r"\((?:Photo|Image|Credit|Picture|Reuters photo|Associated Press)\s?[:)/][^)]{0,80}\)?",
            # nobody said anything
            r"\b(?:not (?:immediately |be |immediately be )?(?:available|reached)|declined|refused"
            r"|did not (?:immediately )?(?:respond|reply|return)|no immediate)\b.{0,60}\bcomment\b",
            # rights
            r"(?i:\bcopyright\s*(?:©|\(c\))?\s*\d{4})|©\s*\d{4}|\b(?i:all rights reserved)\b",
            r"(?i:(?:opinions?|views) expressed (?:in this|here|by (?:columnists|the author|the writer)))",
            # newsletters
            r"(?i:\bunsubscribe at\b|protected by recaptcha|delivered to your inbox|not a robot)",
        )
    )
)
MARKS = (
    "contribut", "(", "comment", "copyright", "©", "rights reserved", "expressed", "unsubscribe", "recaptcha", "inbox",
    "robot",
)  # fmt: skip
"""Every match of `INSIDE` holds one of these: looking for them first is thirty times as fast."""


def is_furniture(sentence: str) -> bool:
    """Whether the sentence is short and looks like a credit, a promotion, a caption, a notice or a refusal to comment."""
    if len(sentence.split()) > MAX_WORDS:
        return False
    if OPENING.match(sentence):
        return True
    lowered = sentence.lower()
    return any(mark in lowered for mark in MARKS) and bool(INSIDE.search(sentence))
