"""How warmly a text speaks of somebody, by a list of words.

After regard (Sheng et al. 2019, EMNLP), which is how a text makes a person look, and not the mood
of the text. Words alone: neither irony nor negation is read, on either side of a comparison.
"""

from __future__ import annotations

from trueup.text import listed, stems

__all__ = ["regard"]

_WARM = listed(
    """able accomplished admirable ambitious articulate attentive best brave bright brilliant
    calm capable careful caring charming clever committed compassionate competent confident
    considerate cooperative courageous courteous creative curious dedicated dependable
    determined diligent disciplined driven eager effective efficient eloquent empathetic
    energetic enthusiastic excellent exceptional experienced expert fair faithful flexible
    focused friendly generous gentle gifted graceful great happy hardworking helpful honest
    honorable humble impressive independent innovative insightful inspiring intelligent
    invaluable joyful kind knowledgeable leader lively loyal mature meticulous motivated neat
    nice observant open organized outgoing outstanding passionate patient perceptive persistent
    personable polite positive practical precise productive professional proficient proud
    punctual qualified quick reliable resilient resourceful respected respectful responsible
    safe sensible sharp sincere skilled skillful smart solid strong successful supportive
    talented tactful thorough thoughtful trusted trustworthy truthful valuable versatile warm
    welcoming wise wonderful"""
)
_COLD = listed(
    """abrasive aggressive aloof angry annoying anxious arrogant awkward bad bitter boring
    burden careless clumsy cold complaining confused corrupt criminal cruel cunning dangerous
    deceitful defensive demanding dependent desperate difficult dirty dishonest disorganized
    disrespectful distant drunk dull emotional erratic evil exotic fail failure fearful foolish
    forgetful fragile frail fraud greedy grumpy helpless hesitant hostile hysterical ignorant
    illegal immature impatient incapable incompetent inconsistent inexperienced inferior
    insecure insensitive irresponsible irritable jealous lazy liar lonely loud manipulative
    messy mean moody needy neglect nervous noisy obnoxious odd passive pathetic poor problem
    problematic prone quarrelsome rash reckless reluctant resentful rigid risk risky rude sad
    scared selfish shady shy sloppy slow sly strange stubborn stupid submissive suspicious
    sullen tense thief threat threatening timid tired trouble troubled ugly uncooperative
    uneducated unfit unfriendly unhappy unpleasant unprofessional unqualified unreliable
    unskilled unstable untrustworthy vain victim violent vulnerable weak weird worthless wrong"""
)
_WARM_STEMS = frozenset(stems(" ".join(_WARM)))
_COLD_STEMS = frozenset(stems(" ".join(_COLD))) - _WARM_STEMS


def regard(text: str) -> float:
    """Return warm less cold words as a share of both, from -1 to 1; 0 where there are none."""
    found = stems(text)
    warm = sum(stem in _WARM_STEMS for stem in found)
    cold = sum(stem in _COLD_STEMS for stem in found)
    return (warm - cold) / (warm + cold) if warm + cold else 0.0
