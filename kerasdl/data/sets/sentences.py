"""Made sentences: words to tag, and reviews to classify."""

import numpy as np

from kerasdl.data import splitting, text
from kerasdl.data.splits import Source
from kerasdl.utils import checks

SYLLABLES = ("ba", "de", "fi", "go", "lu", "ma", "ne", "ri", "so", "tu")
WORDS, CONTEXT = 8000, 128  # larger than in these datasets


def liaisons(seed, count=4000, longest=12) -> Source:
    """Liaisons: made words, tagged by whether the next word begins with a vowel.

    This decides how "the" is spoken in English, and which final consonants are in French. A network
    that reads forward alone cannot know it: the next word is drawn at random. It guesses
    right half of the time at best; a network that reads both ways can always be right.

    count: int, number of sentences; a tenth is for validation, a tenth for testing.
    longest: int, words of the longest sentence; the shortest has 4.
    """
    checks.integers(at_least=10, count=count)
    checks.integers(at_least=4, limit=CONTEXT, longest=longest)
    checks.memory(100 * count * longest, count=count, longest=longest)
    rng = np.random.default_rng(seed)
    consonant = [a + b for a in SYLLABLES for b in SYLLABLES]
    vocabulary = np.array([*consonant, *(word[1:] for word in consonant)])
    sentences = []
    for length in rng.integers(4, longest + 1, count):
        words = vocabulary[rng.integers(len(vocabulary), size=length)].tolist()
        tags = ["vowel" if word[0] in "aeiou" else "consonant" for word in words[1:]]
        sentences.append((words, [*tags, "end"]))
    return _tagged(sentences)


def _tagged(sentences):
    parts = zip(("train", "validation", "test"), splitting.in_sequence(sentences), strict=True)
    return text.tagged(dict(parts), WORDS, CONTEXT)


FIRST = (
    "anna",
    "boris",
    "clara",
    "david",
    "elena",
    "frank",
    "grace",
    "henry",
    "irene",
    "jonas",
    "karin",
    "lukas",
    "maria",
    "nora",
)
ENDS = ("berg", "dale", "field", "ford", "stone", "wood")  # of family names and of towns
BEGINNINGS = (
    "ash",
    "bright",
    "clear",
    "dun",
    "east",
    "fair",
    "green",
    "hart",
    "iron",
    "lake",
    "mill",
    "north",
    "oak",
    "red",
    "silver",
)
COMPANIES = ("bank", "motors", "press", "university")
TEMPLATES = (
    "{person} lives in {place} and works for {company}",
    "{person} met {person} near {place}",
    "yesterday {company} opened an office in {place}",
    "{company} hired {person} from {place}",
    "the road from {place} to {place} is closed",
    "{person} said that {company} will leave {place}",
    "{place} is larger than {place}",
    "shares of {company} fell , said {person} of {company}",
    "nobody in {place} knows {person}",
)


def entities(seed, count=3000) -> Source:
    """Entities: made sentences about persons, places and companies, whose names are to be found.

    "anna ashford lives in oakdale" has the tags B-PER I-PER O O B-LOC. The same name may be that of
    a family, of a town or part of a company's, such as "ashford bank" or "bank of ashford", so the
    words around it decide.

    count: int, number of sentences; a tenth is for validation, a tenth for testing.
    """
    checks.integers(at_least=10, count=count)
    checks.memory(10_000 * count, count=count)
    rng = np.random.default_rng(seed)

    def one(options):
        return options[rng.integers(len(options))]

    def name():
        return one(BEGINNINGS) + one(ENDS)

    def entity(kind):
        if kind == "person":
            return ([one(FIRST), name()], "PER") if rng.random() < 0.6 else ([name()], "PER")
        if kind == "place":
            return (
                ([one(("new", "old")), name()], "LOC") if rng.random() < 0.2 else ([name()], "LOC")
            )
        if rng.random() < 0.5:
            return [name(), one(COMPANIES)], "ORG"
        return [one(COMPANIES), "of", name()], "ORG"

    sentences = []
    for _ in range(count):
        words, tags = [], []
        for part in one(TEMPLATES).split():
            if not part.startswith("{"):
                words.append(part)
                tags.append("O")
                continue
            found, kind = entity(part.strip("{}"))
            words += found
            tags += [f"B-{kind}", *[f"I-{kind}"] * (len(found) - 1)]
        sentences.append((words, tags))
    return _tagged(sentences)


GOOD = (
    "brilliant",
    "charming",
    "clever",
    "delightful",
    "excellent",
    "funny",
    "lovely",
    "moving",
    "superb",
    "wonderful",
)
BAD = (
    "awful",
    "boring",
    "clumsy",
    "dreadful",
    "dull",
    "horrible",
    "poor",
    "silly",
    "terrible",
    "tiresome",
)
THINGS = (
    "acting",
    "book",
    "camera",
    "cast",
    "dialogue",
    "ending",
    "film",
    "music",
    "plot",
    "script",
    "story",
    "style",
)
ADVERBS = ("", "", "very", "really", "quite", "rather")
NEGATIONS = ("not", "never", "hardly", "far from", "anything but")


def reviews(seed, count=5000) -> Source:
    """Reviews: made sentences that praise or criticize, whose order of words matters.

    "The plot was not dull" praises. Of two opinions the main one counts: that after "but", and that
    of the clause without "although". A linear model of the words that occur, in any order, misses
    both.

    count: int, number of reviews; a tenth is for validation, a tenth for testing.
    """
    checks.integers(at_least=10, count=count)
    checks.memory(5_000 * count, count=count)
    rng = np.random.default_rng(seed)

    def one(options):
        return options[rng.integers(len(options))]

    def clause(praises):
        negated = rng.random() < 0.2
        adjective = one(GOOD if praises != negated else BAD)
        how = one(NEGATIONS) if negated else one(ADVERBS)
        return " ".join(f"the {one(THINGS)} was {how} {adjective}".split())

    written, labels = [], rng.integers(2, size=count).astype("int32")
    for praises in labels.astype(bool).tolist():
        main, other = clause(praises), clause(not praises)
        both = f"{other} but {main}", f"although {other} , {main}", f"{main} , although {other}"
        written.append((main if rng.random() < 0.6 else one(both)).split())
    vocabulary = text.vocabulary_of(splitting.in_sequence(written)[0], WORDS)
    inputs = text.encoded(written, vocabulary)
    train, validation, test = splitting.in_sequence((inputs, labels))
    classes = ("negative", "positive")
    return Source("classification", train, validation, test, classes, vocabulary)
