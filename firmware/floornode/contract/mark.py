"""The end-to-end mark: what the storage holds of a machine's readings, retained on ``SITE/FLOOR/MACHINE/mark``.

A broker's acknowledgement is not storage. The ingestion publishes the mark after the commit, and a board may let go what
it covers and send again what it shows to be missing::

    {"temperature":[{"boot":12,"seq":299,"gaps":[[300,310]],"top":345},{"boot":11,"seq":99}]}

For each quantity its latest lives, the newest first. Up to ``seq`` nothing of ``boot`` is missing (-1: even seq 0 is). Where
something is, ``gaps`` are the first and last of each stretch that is not stored, ascending, and ``top`` is the highest seq
that is. The size is bounded: gaps that are too many are told as fewer, and those in the middle as one. So a mark may take a
stored reading for a missing one, which costs a redelivery, and never a missing one for stored. A board sends again from the
oldest on, so it is shown those as they are, and one after another comes out of the middle; and the newest, for what is live.

A mark that is too long for a board comes in pages (``mark_pages``), each with quantities of its own: ``"page":[1,2]`` is the
first of two. They say something together only, for a quantity that is left out of a mark has nothing stored.
"""

from .decoding import MAX_COUNT
from .quantities import quantity
from .text import shown

MAX_LIVES = 3
PAGE = "page"


class Life:
    """One boot of one series, as stored: ``boot``, ``seq``, ``gaps`` as a list of (first, last), ``top``."""

    def __init__(self, boot, seq, gaps=(), top=None):
        self.boot = boot
        self.seq = seq
        self.gaps = gaps
        self.top = seq if top is None else top

    def holds(self, seq):
        """Whether ``seq`` of this boot is stored, as far as the mark can tell."""
        if seq <= self.seq:
            return True
        return seq <= self.top and not any(first <= seq <= last for first, last in self.gaps)


def page(fields):
    """Which page a mark's decoded JSON is, from 1, and of how many. Raises ValueError with what is wrong."""
    found = fields.get(PAGE, (1, 1)) if isinstance(fields, dict) else (1, 1)
    if (
        not isinstance(found, (list, tuple))
        or len(found) != 2
        or not _is_count(found[0], 1)
        or not _is_count(found[1], found[0])
    ):
        raise ValueError("mark: page %s" % shown(found))
    return found[0], found[1]


def decode(fields):
    """{quantity name: [Life, ...]} of a mark's decoded JSON. Raises ValueError with what is wrong.

    A quantity that is not known here is let pass and left out: the storage may be newer.
    """
    if not isinstance(fields, dict):
        raise ValueError("mark is not a JSON object")
    marks = {}
    for name in fields:
        try:
            quantity(name)
        except ValueError:
            continue
        lives = fields[name]
        if not isinstance(lives, list):
            raise ValueError("mark of %s is not a list" % name)
        marks[name] = [_decode_life(name, life) for life in lives]
    return marks


def _decode_life(name, life):
    if not isinstance(life, dict):
        raise ValueError("mark of %s: a life is not an object" % name)
    boot = life.get("boot")
    seq = life.get("seq")
    top = life.get("top", seq)
    if not _is_count(boot, 0):
        raise ValueError("mark of %s: boot %s" % (name, shown(boot)))
    if not _is_count(seq, -1) or not _is_count(top, seq):
        raise ValueError("mark of %s: seq %s, top %s" % (name, shown(seq), shown(top)))
    gaps = life.get("gaps", [])
    if not isinstance(gaps, list):
        raise ValueError("mark of %s: gaps are not a list" % name)
    after = seq
    found = []
    for gap in gaps:
        if not isinstance(gap, list) or len(gap) != 2 or not _is_count(gap[0], after + 1) or not _is_count(gap[1], gap[0]):
            raise ValueError("mark of %s: gap %s" % (name, shown(gap)))
        after = gap[1] + 1
        found.append((gap[0], gap[1]))
    if found and after > top:
        raise ValueError("mark of %s: a gap above top" % name)
    return Life(boot, seq, found, top)


def _is_count(value, least):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MAX_COUNT
