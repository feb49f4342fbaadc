"""Articles written for the tests."""

from seeds.records import Article

HARBOUR = """The harbour town of Easter Quay held its first tsunami drill on Saturday, with sirens sounding along the front.

About 4,000 residents walked to higher ground within 20 minutes, said Maria Olsen, who runs the county's emergency office.

"We wanted people to know the way without thinking," Ms. Olsen said. "Nobody got lost, and nobody was hurt."

A long way home

Schools, two care homes and the fish market took part. The exercise cost 85,000 crowns, paid by the county and the national flood fund.

READ MORE: Why the coast is sinking

Scientists at the University of Norrland say that a large wave is unlikely in any single year. But the last one, in 1934, killed 40 people in the next valley.

The drill will be repeated every spring."""

FOOTBALL = """Brenna Rovers beat Holt City 3-1 on Sunday to win the regional cup for the second year in a row.

Striker Ida Lund scored twice in the first half, and captain Tove Dahl added a third from the penalty spot.

Holt pulled one back in the 88th minute, but the goal came too late to trouble the champions.

"The girls ran until they dropped," coach Per Aas said after the match. The final was watched by 6,200 supporters."""

BUDGET = """Parliament passed the budget by two votes late on Thursday after a night of talks between the governing parties.

The law raises the income tax threshold and puts 1.2 billion crowns into railways and hospitals.

Opposition leader Karl Brandt called it "a gamble with borrowed money". Economists at Nordbank expect growth of 1.4 percent next year."""


def article(text: str = HARBOUR, *, id: str | None = None, title: str | None = None) -> Article:
    return Article(text, id=id, title=title)


def long_article(words: int) -> str:
    """About so many words of varied prose, in paragraphs."""
    towns = ("Easter Quay", "Holt", "Brenna", "Norrland", "Vik", "Sund", "Aker", "Moss")
    topics = ("the harbour", "a new school", "the railway", "the flood wall", "the hospital", "a bridge", "the market")
    lines = []
    count = number = 0
    while count < words:
        town, topic = towns[number % len(towns)], topics[number % len(topics)]
        line = (
            f"Officials in {town} discussed {topic} for {number + 2} hours on day {number}, and {number * 7 % 90} "
            f"residents spoke. Councillor {chr(65 + number % 26)}. Berg asked for a report on {topic} by month {number % 12}."
        )
        lines.append(line)
        count += len(line.split())
        number += 1
    return "\n\n".join(lines)
