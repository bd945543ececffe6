"""Words near a word in WordNet 3.0, in the inflection that was given: its dictionary files only."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path

POS = {"noun": "1", "verb": "2", "adj": "3", "adv": "4"}
Synset = tuple[str, str]  # part of speech, offset


class WordNet:
    """The words of each sense that texts were found to use, and what stands beside the first."""

    def __init__(self, folder: Path) -> None:
        self.words: dict[Synset, list[str]] = {}
        self.pointers: dict[Synset, list[tuple[str, Synset, int, int]]] = {}
        self.first: dict[tuple[str, str], Synset] = {}
        self.met: dict[tuple[str, str], list[Synset]] = {}
        self.irregular: dict[str, dict[str, str]] = {}
        for pos in POS:
            self._read(folder, pos)
        self.count: Counter[tuple[str, str]] = Counter()
        for line in (folder / "cntlist.rev").read_text("latin-1").splitlines():
            key, _, times = line.split()
            lemma, _, rest = key.partition("%")
            pos = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}[rest[0]]
            self.count[lemma, pos] += int(times)

    def _read(self, folder: Path, pos: str) -> None:
        for line in (folder / f"data.{pos}").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            cells = line.partition("|")[0].split()
            size = int(cells[3], 16)
            here = (pos, cells[0])
            self.words[here] = [w.partition("(")[0] for w in cells[4 : 4 + 2 * size : 2]]
            at = 5 + 2 * size
            self.pointers[here] = [
                (
                    sign,
                    ({"n": "noun", "v": "verb", "r": "adv"}.get(kind, "adj"), offset),
                    int(ends[:2], 16),
                    int(ends[2:], 16),
                )
                for sign, offset, kind, ends in zip(
                    *(cells[at + i : at + 4 * int(cells[at - 1]) : 4] for i in range(4)),
                    strict=True,
                )
            ]
        for line in (folder / f"index.{pos}").read_text("latin-1").splitlines():
            if not line.startswith("  "):
                cells = line.split()
                offsets = cells[-int(cells[2]) :]
                self.first[cells[0], pos] = (pos, offsets[0])
                met = max(1, int(cells[-len(offsets) - 1]))
                self.met[cells[0], pos] = [(pos, offset) for offset in offsets[:met]]
        forms = (folder / f"{pos}.exc").read_text("latin-1").splitlines()
        self.irregular[pos] = dict(line.split()[:2] for line in forms)

    @lru_cache(maxsize=65536)  # noqa: B019  one object lives as long as the script
    def read(self, word: str) -> tuple[str, str, str] | None:
        """Return the lemma, part of speech and ending under which a word is most often met."""
        found = []
        for pos in POS:
            for lemma, ending in self._lemmas(word, pos):
                if (lemma, pos) in self.first:
                    found.append((self.count[lemma, pos], lemma, pos, ending))
        if not found:
            return None
        _, lemma, pos, ending = max(found)
        return lemma, pos, ending

    def _lemmas(self, word: str, pos: str) -> list[tuple[str, str]]:
        if word in self.irregular[pos]:
            return [(self.irregular[pos][word], "?")]
        found = [(word, "")]
        endings = {"noun": ("s",), "verb": ("s", "ed", "ing")}.get(pos, ())
        for ending in endings:
            if word.endswith(ending):
                stem = word.removesuffix(ending)
                stems = [stem, stem + "e"]
                if len(stem) > 3 and stem[-1] == stem[-2]:
                    stems.append(stem[:-1])
                if ending == "s" and stem.endswith("ie"):
                    stems.append(stem[:-2] + "y")
                if ending == "s" and stem.endswith("e"):
                    stems.append(stem[:-1])
                if ending == "ed" and stem.endswith("i"):
                    stems.append(stem[:-1] + "y")
                found += [(s, ending) for s in stems if self.inflect(s, ending, pos) == word]
        return found

    def inflect(self, lemma: str, ending: str, pos: str) -> str:
        """Return a word with an ending; "" where its form is irregular."""
        if not ending:
            return lemma
        if ending == "?" or (ending == "ed" and lemma in self._has_irregular(pos)):
            return ""
        if ending == "s":
            if lemma.endswith("y") and lemma[-2:-1] not in "aeiou":
                return lemma[:-1] + "ies"
            return lemma + ("es" if lemma.endswith(("s", "x", "z", "ch", "sh")) else "s")
        if ending == "ed" and lemma.endswith("y") and lemma[-2:-1] not in "aeiou":
            return lemma[:-1] + "ied"
        if lemma.endswith("e") and not lemma.endswith(("ee", "ye")):
            return lemma[:-1] + ending
        short = len(lemma) <= 4 and lemma[-1:] in "bdgmnprt" and lemma[-2:-1] in "aeiou"
        return lemma + (lemma[-1] if short and lemma[-3:-2] not in "aeiou" else "") + ending

    @lru_cache  # noqa: B019
    def _has_irregular(self, pos: str) -> frozenset[str]:
        return frozenset(self.irregular[pos].values())

    def _formed(self, words: list[str], lemma: str, ending: str, pos: str) -> list[str]:
        fit = (w for w in words if w.isalpha() and w.islower() and w != lemma)
        known = (w for w in fit if self.count[w, pos] > 0)
        return sorted({f for w in known if (f := self.inflect(w, ending, pos))})

    def _synset(self, word: str) -> tuple[Synset, str, str, str] | None:
        read = self.read(word)
        if not read:
            return None
        lemma, pos, ending = read
        return self.first[lemma, pos], lemma, ending, pos

    def _toward(self, synset: Synset, *signs: str) -> list[Synset]:
        return [to for sign, to, _, _ in self.pointers.get(synset, ()) if sign in signs]

    @lru_cache(maxsize=65536)  # noqa: B019
    def synonyms(self, word: str) -> list[str]:
        """Return words for the same."""
        if not (found := self._synset(word)):
            return []
        _, lemma, ending, pos = found
        words = [word for sense in self.met[lemma, pos] for word in self.words[sense]]
        return self._formed(words, lemma, ending, pos)

    @lru_cache(maxsize=65536)  # noqa: B019
    def broader(self, word: str) -> list[str]:
        """Return words for what the thing is a kind of."""
        if not (found := self._synset(word)):
            return []
        synset, lemma, ending, pos = found
        words = [w for up in self._toward(synset, "@") for w in self.words[up]]
        return self._formed(words, lemma, ending, pos)

    @lru_cache(maxsize=65536)  # noqa: B019
    def siblings(self, word: str) -> list[str]:
        """Return words for other things of the same kind."""
        if not (found := self._synset(word)):
            return []
        synset, lemma, ending, pos = found
        beside = {s for up in self._toward(synset, "@") for s in self._toward(up, "~")} - {synset}
        words = [w for s in beside for w in self.words[s] if self.first.get((w, pos)) == s]
        same = set(self.synonyms(word))
        return [w for w in self._formed(words, lemma, ending, pos) if w not in same]

    @lru_cache(maxsize=65536)  # noqa: B019
    def antonyms(self, word: str) -> list[str]:
        """Return words for the opposite, of a near adjective where it has none itself."""
        if not (found := self._synset(word)):
            return []
        synset, lemma, ending, pos = found
        words: list[str] = []
        for near in [synset, *self._toward(synset, "&")]:
            for sign, to, _, target in self.pointers.get(near, ()):
                if sign == "!":
                    words += self.words[to][target - 1 : target] if target else self.words[to]
            if words:
                break
        return self._formed(words, lemma, ending, pos)


def by_part(net: WordNet, words: Counter[str]) -> dict[tuple[str, str], list[str]]:
    """Return the words of some text by part of speech and ending."""
    parts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for word in sorted(words):
        if read := net.read(word):
            parts[read[1], read[2]].append(word)
    return parts
