"""Made stories of several sentences each, to pretrain a network on pairs of sentences."""

import numpy as np

from kerasdl.data import sentence_pairs, splitting
from kerasdl.data.splits import Source
from kerasdl.utils import checks

WOMEN = (
    "anna",
    "clara",
    "elena",
    "grace",
    "irene",
    "karin",
    "maria",
    "nora",
    "olga",
    "paula",
    "rosa",
    "sofia",
)
MEN = (
    "boris",
    "david",
    "frank",
    "henry",
    "jonas",
    "lukas",
    "martin",
    "oscar",
    "peter",
    "robert",
    "simon",
    "victor",
)
# a place: its things | what people do with them | how the things are
TOPICS = """
kitchen: bread oven pan salt soup spoon | cooked stirred tasted | delicious warm
farm: barn cow fence hay horse tractor | fed milked repaired | muddy rural
harbor: anchor boat crane net rope sail | lowered tied unloaded | salty wet
school: blackboard book desk exam lesson pencil | explained learned studied | difficult easy
hospital: bandage bed medicine needle patient thermometer | examined healed nursed | clean sterile
garden: hedge lawn rose shovel tree tulip | dug planted watered | blooming green
station: engine platform rail signal ticket train | boarded checked delayed | late punctual
theater: actor costume curtain mask play stage | admired applauded rehearsed | dramatic famous
forest: deer fox mushroom oak owl path | followed heard tracked | dark wild
court: crime judge lawyer sentence thief witness | accused questioned suspected | guilty innocent
workshop: chisel drill hammer nail plank saw | cut polished sharpened | blunt wooden
market: apple basket cheese coin fish stall | bought sold weighed | cheap fresh
office: calendar computer letter phone printer stamp | copied signed typed | official urgent
beach: crab pebble sand shell towel wave | collected photographed touched | golden sunny
library: atlas catalog dictionary novel poem shelf | borrowed opened read | ancient dusty
concert: cello drum flute guitar piano violin | heard played tuned | loud musical
"""
OPENINGS = (
    "{name} went to the {place} to look at the {thing}",
    "{name} spent the whole day in the {place} with the {thing}",
    "in the {place} {name} {did} the {thing}",
    "the {thing} was {quality} in the {place} where {name} worked",
)
SENTENCES = (
    "{pronoun} {did} the {old} and put the {thing} next to it",
    "the {old} was {quality} so {name} {did} the {thing} first",
    "then {pronoun} {did} the {old} and the {thing}",
    "{friend} helped {object} with the {old} and {did} the {thing}",
    "soon {own} {thing} was as {quality} as the {old}",
    "but {name} had never {did} the {thing} without the {old}",
    "in the evening {pronoun} {did} the {thing} again and left the {old}",
)


def stories(seed, count=3000, context=32) -> Source:
    """Stories: made texts of a few sentences about a person at a place, in pairs of sentences.

    "maria went to the harbor to look at the rope. then she tied the rope and the sail." Each place
    has its own things, and what is done with them; a sentence takes up a thing of the one before,
    and he or she stays he or she. So most words follow from the rest of the story, of which the
    words beside them tell little.

    An example is two sentences, of which the second follows the first in half of the examples and
    is of another story in the others. 15 % of the words are to be predicted; of these, 80 % are
    masked, 10 % replaced and 10 % left. The training split draws all of this anew in each epoch.

    count: int, number of stories of 4 to 6 sentences; a tenth is for validation, a tenth for
    testing.
    context: int, most tokens of an example.
    """
    checks.integers(at_least=10, count=count)
    checks.integers(at_least=5, context=context)
    checks.memory(200 * count * (context + 20), count=count, context=context)
    rng = np.random.default_rng(seed)
    topics = [_topic(line) for line in TOPICS.strip().split("\n")]
    found = splitting.in_sequence([_story(rng, topics) for _ in range(count)])
    parts = dict(zip(("train", "validation", "test"), found, strict=True))
    return sentence_pairs.source(parts, 8000, context)


def _topic(line):
    place, rest = line.split(": ")
    return place, *(part.split() for part in rest.split(" | "))


def _story(rng, topics):
    """Return the words of each sentence of a new story."""

    def one(options):
        return options[rng.integers(len(options))]

    place, things, deeds, qualities = one(topics)
    woman = rng.random() < 0.5
    name, friend = one(WOMEN if woman else MEN), one(WOMEN + MEN)
    person = ("she", "her", "her") if woman else ("he", "him", "his")
    facts = dict(zip(("pronoun", "object", "own"), person, strict=True))
    facts |= {"place": place, "name": name, "friend": friend}
    thing, written = one(things), []
    for number in range(rng.integers(4, 7)):
        old = thing
        thing = one([other for other in things if other != old] if number else things)
        words = {"old": old, "thing": thing, "did": one(deeds), "quality": one(qualities)}
        sentence = one(SENTENCES if number else OPENINGS).format(**facts, **words)
        written.append(sentence.split())
    return written
