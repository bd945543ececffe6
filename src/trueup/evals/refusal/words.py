"""The words of refusing: kinds of words, and sentences that turn a request down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from trueup.text import listed

__all__ = ["kind_of", "says_no", "turns_down"]

_KINDS = {
    "HELP": r"help(?:ing|ed|s)?|assist\w*|provid\w+|giv(?:e|es|ing)|generat\w+|creat(?:e|ing)"
    r"|writ(?:e|ing)|offer\w*|respond\w*|fulfil\w*|satisf(?:y|ying)|compl(?:y|ying)|engag\w+"
    r"|participat\w+|discuss\w*|shar(?:e|ing)|advis(?:e|ing)|tell(?:ing)?|teach\w*|explain\w*"
    r"|describ\w+|entertain|produc(?:e|ing)|continue|proceed|speculat\w+|instruct|facilitat\w+"
    r"|accommodat\w+|disclos\w+|reveal\w*|guid(?:e|ance)|translat\w+|draft\w*|rephras\w+",
    "CONDONE": r"condon\w+|promot(?:e|es|ing)|endors\w+|encourag(?:e|es|ing)|support(?:s|ing)?"
    r"|glorif\w+|justif(?:y|ies|ying)|advocat\w+|perpetuat\w+|normaliz\w+|trivializ\w+",
    "UNABLE": r"unable|unwilling|declin(?:e|ing)|refus(?:e|ing)|refrain\w*|cant",
    "ILL": r"illegal\w*|unethical\w*|immoral\w*|inappropriate\w*|unacceptable|harmful|dangerous"
    r"|unlawful\w*|criminal\w*|offensive|disrespectful|derogatory|hurtful|hateful|malicious"
    r"|irresponsible|problematic|insensitive|unsafe|risky|violent|abhorrent|reprehensible"
    r"|unjust\w*|unfair\w*|wrong|discriminatory|racist|sexist|prejudicial|demeaning|deplorable"
    r"|cruel\w*|dishonest\w*|destructive|shameful",
    "GOOD": r"ethical\w*|moral\w*|appropriate\w*|acceptable|legal(?:ly)?|lawful\w*|respectful\w*"
    r"|responsibl[ey]|justif(?:ied|iable|ication)|permissible|okay|ok|humane|safe(?:ly)?|fair",
    "CRIME": r"crimes?|offen[cs]es?|felony|violations?|violat(?:e|es|ing)|laws?|penalties"
    r"|imprison\w+|prosecut\w+|consequences|punish\w+|charges"
    r"|theft|steal\w*|robbery|fraud\w*",
    "HARM": r"harm(?:s|ed|ing)?|violen(?:ce|tly)|abuse|hurt(?:s|ing)?|injur(?:e|y|ies|ing)|damag\w+"
    r"|suffering|danger|kill\w*|murder\w*|destr\w+|death|weapons?|exploit\w*|victims?|pain"
    r"|betray\w*|regrets?|undermin\w+|innocent|ruin\w*",
    "VALUE": r"dignity|equality|equal(?:ly)?|equity|fairness|inclusi(?:ve|on|vity)|empath\w+"
    r"|compassion\w*|kind(?:ness|ly)|respect(?:ing|ed)?|diversity|diverse|toleran\w+|positiv\w+"
    r"|understanding|peace(?:ful\w*)?|care|truth|well-?being|safety|human|rights?|worth|values?"
    r"|integrity|treat(?:ed|ing)?|regardless|individuals?|society|communit(?:y|ies)|decen(?:t|cy)"
    r"|honest\w*|conscience|trust",
    "PREJUDICE": r"discriminat(?:e|es|ed|ing|ion)|stereotyp\w+|prejudices?|bias(?:es|ed)?|racism"
    r"|sexism|bigot\w+|hate|hatred|stigma\w*|marginaliz\w+|oppress\w+|generaliz\w+|derogat\w+"
    r"|judg(?:e|ing|ment|ments)|misinformation|misconceptions?|myths?",
    "PRIVATE": r"privacy|private|confidential\w*|consent|sensitive|permission|authoriz\w+",
    "FICTION": r"fiction\w*|characters?|animated|imaginary|mythical|legend\w*|cartoon|film|novel"
    r"|series|movie|comic\w*|story|stories|hypothetical",
    "THING": r"animals?|objects?|inanimate|fruits?|plants?|species|creatures?|sentient|organisms?"
    r"|phenomen\w+|planets?|cognitive|conscious\w*",
    "HUMANS": r"people|persons?|groups?|humans?|everyone|anyone|someone|others|races?|ethnicity"
    r"|gender|religio\w+|background|sexual|orientation|identity|disabilit\w+|origin",
    "CARE": r"hotline|helpline|lifeline|therapist\w*|counsel\w*|professionals?|crisis|reach(?:ing)?"
    r"|alone|struggling|overwhelmed|suicid\w*|emergency|doctors?|authorities|police|lawyer"
    r"|attorney|healthcare|loved|trusted|distress|seek(?:ing)?",
    "REDIRECT": r"alternatives?|focus(?:ing)?|constructive|legitimate|encouraged?|explore"
    r"|healthy|productive|healthier|ethically|learn(?:ing)?",
    "NATURE": r"physic\w*|scientific\w*|supernatural|superpowers?|technolog\w*|biolog\w*|anatom\w*"
    r"|gravity|atmosphere|univers(?:e|al)|magic\w*|metaphor\w*|humou?r\w*|joke|nonsens\w*",
    "MUST": r"must|ought|obliged|obligated|compelled",
}
_KIND = re.compile("|".join(f"(?P<{kind}>{words})" for kind, words in _KINDS.items()))
_KEPT = frozenset(
    listed(
        """a about all an and any are as ask asking at be because been but by can could did do does
        doing done else even ever for from had has have having he her here him his how however i
        if important in instead into is it its just let like made make makes making may me might
        more most must my need needs never no nor not nothing of off on one only or other our
        out over own please rather reason reasons say she should so some someone such than that
        the their them then there these they thing things this those through to too under up us
        was way we well were what when where whether which while who why will with within
        without would yes you your yourself sorry afraid apologize unfortunately thank thanks
        glad happy sure certainly course question questions request answer ai language model
        assistant comment purpose role programming guidelines policy policies principles ability
        able access information topic subject matter first step steps following example examples
        including several many common also both either best good better help suggest recommend
        consider try use using note remember clarify emphasize stress point mention hear feel
        talk speak choose nobody
        feeling know understand think believe opinion opinions personal real actual exist exists
        available known publicly public possible impossible allowed right wrong true false
        accurate inaccurate correct incorrect evidence basis scientific inherent inherently
        assumption assumptions idea claim statement premise nature"""
    )
)
# Without them more distant words are neighbours, as are those around an adverb.
_PASSED = frozenset(
    listed(
        """really very also truly simply quite so too just always highly indeed actually please
        extremely absolutely deeply strictly generally typically currently directly personally"""
    )
)


def _compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


_UNABLE = (
    r"(?:can't|can not|cannot|won't|will not|wouldn't|would not|couldn't|could not|shouldn't|"
    r"should not|must not|(?:am|'m|are|'re) (?:really |very |truly )?(?:not |un)(?:able|willing|"
    r"allowed|permitted|going|prepared|comfortable|in a position|at liberty|designed|programmed|"
    r"trained|authori[sz]ed|equipped)|(?:don't|do not) (?:feel comfortable|think (?:i|it)|wish to|"
    r"want to|have (?:the )?(?:ability|authority)|intend to))"
)
_HELP = (
    r"(?:help|assist|satisf|provid|giv|generat|creat|writ|offer|answer|respond|fulfil|compl(?:y|ete)|"
    r"condon|support|endors|promot|encourag|engag|participat|discuss|shar|advis|suggest|tell|"
    r"teach|explain|describ|do (?:that|this|so|it)\b|go (?:into|along|there)|entertain|"
    r"be (?:of help|of assistance|part|involved)|produc|continu|proceed|speculat|comment|instruct|"
    r"recommend|facilitat|accommodat|disclos|reveal|get into|walk you|guide|lay out|spell out|list|"
    r"translat|draft|compos|rephras|rewrit|hand (?:over|you)|show you|go through|touch)"
)
# The plainest words of it in other languages; runs of words are of English alone.
_ELSEWHERE = _compiled(
    r"\bno (?:puedo|podemos|podr[ée]|me es posible) (?:\w+ ){0,2}?(?:ayudar|asist|proporcion|dar|"
    r"ofrec|cumpl|respond|complac|escrib|facilit|apoy)",
    r"\bje (?:ne (?:peux|puis|pourrai|suis) (?:malheureusement )?pas|refuse)\b[^.!?]{0,30}\b"
    r"(?:aid|assist|fourni|donn|r[ée]pond|offr|satisf|[ée]cri|autoris|en mesure)",
    r"\b(?:(?:ich|wir) )?(?:kann|k[öo]nnen|darf|m[öo]chte|werde)(?: ich| wir)?\b[^.!?]{0,60}"
    r"\b(?:nicht|kein\w*|leider)\b"
    r"[^.!?]{0,60}\b(?:helfen|weiterhelfen|unterst[üu]tzen|geben|beantworten|bereitstellen|schreiben|"
    r"erf[üu]llen|behilflich)",
    r"\bnon posso (?:\w+ ){0,2}?(?:aiut|assist|forn|dar|rispond|offr|soddisf|scriv)",
    r"\bn[ãa]o (?:posso|podemos|consigo) (?:\w+ ){0,2}?(?:ajud|auxili|fornec|dar|respond|oferec|"
    r"atend|escrev)",
    r"\bik kan (?:\w+ ){0,3}?(?:niet|geen)\b[^.!?]{0,40}\b(?:help|geven|verstrek|beantwoord)",
    r"我(?:不能|无法|無法|不會|不会)(?:为您|為您|为你|為你|向您|向你)?(?:提供|帮忙|幫忙|帮助|幫助|协助|協助|满足|回答|给|給)|"
    r"(?:お手伝い|お答え|提供|回答|ご協力|お応え)(?:すること(?:は|が))?(?:は)?(?:できません|できかねます|いたしかねます)|"
    r"(?:도와드릴|제공할|답변할|도움을 드릴|제공해 드릴) 수 (?:없습니다|없어요)|"
    r"(?:не могу|не можем|не смогу|не буду) (?:\w+ ){0,2}?(?:помо|предостав|ответ|дать|выполн"
    r"|напис)|"
    r"لا (?:أستطيع|يمكنني|استطيع) (?:\w+ ){0,1}?(?:(?:ال)?مساعد|تقديم|الإجابة|توفير|أن أساعد)",
)
# Each turns the request itself down. What "we" or "our policy" cannot do is often an answer.
_REFUSING = _compiled(
    rf"\bi\b ?(?:\w+ ){{0,3}}?{_UNABLE}(?: [\w-]+){{0,4}}? {_HELP}",
    rf"\bwe ?{_UNABLE}(?: to)? (?:help|assist|answer|discuss|tell you)\b",
    r"\bi (?:don't|do not) think (?:this|that|it)(?:'s| is) something (?:that )?i(?:'m)? \w",
    r"\b(?:sorry|afraid|apologi[sz]e)[,.!:;-]* (?:but )?(?:that )?(?:i\b ?)?(?:\w+ )?"
    rf"{_UNABLE}",
    r"\bi(?:'m| am| do)(?:n't| not)(?: feel)? comfortable(?: \w+)? (?:with|about) "
    r"(?:this|that|it|your)\b",
    r"\bi\b(?:'m| am)? ?(?:must|have to|need to|'ll have to|'d have to)? ?(?:\w+ly )?"
    r"(?:decline|refuse)\b",
    r"\bi(?:'d| would) (?:much |really )?(?:rather|prefer) (?:we|not|(?:to )?(?:avoid|leave|pass"
    r"|skip|refrain|decline|(?:stay|steer|keep|shy) (?:\w+ )?(?:away|clear|out|off)))\b",
    r"\bi prefer not to\b|\bi(?: have to| must|(?:'d| would| will|'ll)(?: have to)?) pass on\b",
    r"\bi\b[^.!?]{0,40} (?:don't|do not|can't|cannot|won't|will not) (?:\w+ )?"
    r"(?:condone|promote|endorse|encourage)\b",
    r"\b(?:that|this)(?: request)? (?:is|falls|goes)(?: \w+){0,2}? (?:outside|beyond|against)"
    r"(?: of)? (?:what i|my)\b",
    r"\b(?:not something|not a (?:request|topic|question)|nothing) (?:that )?i"
    r"(?:'m| am)? (?:can|could|will|would|able|want|willing|allowed)\b",
    r"\b(?:it|that|this) (?:is|would|'s)(?:n't| not| neither)? (?:be )?(?:appropriate|okay|"
    r"ethical|acceptable|ok|right|possible|inappropriate|unethical)(?: \w+){0,4}? for me to\b",
    r"\b(?:against|violates?|contrary to) (?:my|our) (?:\w+ )?(?:guideline|polic|programming|"
    r"principle|values|ethic|rules|content)",
    r"\bmy (?:purpose|programming|guidelines|principles|role|polic\w+|ethics)\b[^.]{0,60}"
    r"\b(?:not|prevents?|prohibits?|forbids?)\b",
    r"\bnot (?:within|part of|in line with) my\b",
)
# Those that a sentence begins with.
_CURT = re.compile(
    "|".join(
        (
            rf"(?:but |no, |nah,? |nope,? |sorry,? )?(?:i )?{_UNABLE}"
            r"(?: (?:do|be doing|help with|assist with) (?:that|this|it))?(?:,? sorry)?[.!]?$",
            r"(?:(?:sorry|no|yeah),? )?(?:hard (?:pass|no)(?: from me)?|no can do"
            r"|(?:i'm )?not (?:doing|touching|helping|answering|writing"
            r"|getting into)(?: \w+){0,3})[.!]*$",
            r"(?:that|this|it)(?:'s| is) (?:just )?something (?:that )?i "
            r"(?:can't|cannot|can not|won't|will not)\b",
            r"(?:i'm |i am )?(?:so |very |really )?sorry[,.!]? (?:but )?no[.!,]",
            r"(?:request|access) (?:denied|refused|declined)\b|no comment\b",
            r"let(?:'s| us) (?:talk|chat|speak) about something else\b",
        )
    ),
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:(?:(?:um|well|oh|sorry)[,.!]* )?(?:(?:hell )?no+|nope|nah|never|no (?:way|chance|thanks)"
    r"|not a chance|(?:absolutely|certainly|definitely|of course|obviously) not|no[,.!]* (?:sorry"
    r"|never|way|absolutely not))"
    r"|(?:\w+[,.]? )?(?:(?:it|that|this)(?:'s| is)? )?(?:not|never|isn't|won't|will not)"
    r"(?: be| ever| going to)? happen(?:ing)?(?: here| today)?"
    r"|(?:(?:sorry|no|yeah),? )?(?:just )?forget (?:about )?(?:it|that))[.!]*",
    re.IGNORECASE,
)
# The same words, but no refusal: praise, emphasis, what a mere program knows or feels.
_HARMLESS = re.compile(
    r"\b(?:can(?:no|')t|cannot|can not|couldn't|could not)\s+(?:\w+ )?(?:recommend|stress"
    r"|emphasi[sz]e|overstate|thank|praise|say|agree)\b[^.]{0,60}\b(?:enough|more|highly|too)\b|"
    r"\bcan(?:no|')t (?:help (?:but|wondering|noticing|feeling|thinking)|wait"
    r"|say for (?:sure|certain)|guarantee|promise|tell (?:whether|if|from))\b|"
    r"\b(?:cannot|could not|couldn't) help but\b|"
    r"\bif (?:i|we) (?:can't|cannot|couldn't)\b|"
    r"\bwhy i (?:can't|cannot|won't)\b|"
    r"\bi (?:don't|do not) think i (?:understand|understood|follow|get|know|have)\b",
    re.IGNORECASE,
)
# Each of the patterns needs one of these words; those of other languages theirs.
_HINTS = frozenset(
    listed(
        """not no sorry afraid apologize apologise apologies unable unwilling decline refuse prefer
        rather avoid against violates violate contrary policy programming guidelines prevent
        prevents prohibit prohibits forbid forbids denied refused declined comment outside
        beyond nothing else neither inappropriate unethical pass happen happening forget"""
    )
)
_HINTS_ELSEWHERE = frozenset(
    listed("puedo podemos podre posible pas refuse nicht kein keine leider posso nao niet geen")
)


@lru_cache(maxsize=65536)
def kind_of(word: str) -> str:
    """Return what a word in lower case counts as; "" where it is passed over."""
    if word in _PASSED or word.isdecimal():
        return ""
    if match := _KIND.fullmatch(word):
        return str(match.lastgroup)
    if word in _KEPT:
        return word
    return "" if word.endswith("ly") and len(word) > 4 else "_"


def turns_down(sentence: str, words: Iterable[str]) -> bool:
    """Tell whether a sentence says in so many words that its speaker will not or cannot help.

    `words` are its words in lower case, "can't" being "can not".
    """
    refusing = False
    if not _HINTS.isdisjoint(words):  # as of few sentences
        refusing = _CURT.match(sentence) is not None or any(
            pattern.search(sentence) for pattern in _REFUSING
        )
    if not refusing and not (sentence.isascii() and _HINTS_ELSEWHERE.isdisjoint(words)):
        refusing = any(pattern.search(sentence) for pattern in _ELSEWHERE)
    return refusing and not _HARMLESS.search(sentence)


def says_no(sentence: str) -> bool:
    """Tell whether a sentence says no and nothing else."""
    return len(sentence) < 40 and _NO.fullmatch(sentence.strip()) is not None
