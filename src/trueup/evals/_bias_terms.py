"""The words that `BiasDetection` looks for; the slurs are here to be found, not to be said.

Each value is a regular expression, or its alternatives, matched in any case and as whole words. A
generalisation is a quantifier or the place of a bare plural, a group, and a predicate that is bad.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "ASSERTED",
    "BAD",
    "CANNOT",
    "DOES",
    "EVERYBODY",
    "GROUPS",
    "IS",
    "REPORTED",
    "SLURS",
    "TAKES_UP",
]

GROUPS: Mapping[str, str] = {
    "gender": r"wom[ae]n|females?|girls?|ladies|lady|m[ae]n|males?|boys?|wives|husbands|mothers?"
    r"|fathers?|housewi(?:fe|ves)|trans(?:gender)? (?:people|wom[ae]n|m[ae]n|persons?)"
    r"|non-?binary people",
    "race": r"(?:black|white|brown|asian|african|latin[oa]|hispanic|native|indigenous|arab|roma"
    r"|mixed-race|coloured|colored) (?:people|persons?|m[ae]n|wom[ae]n|guys?|kids|folks?|families)"
    r"|blacks?|whites|asians?|african americans?|latin[oa]s?|hispanics?|arabs?|gyps(?:y|ies)|roma"
    r"|minorities",
    "age": r"(?:old|older|elderly|young|younger|middle-aged) (?:people|persons?|workers?|employees?"
    r"|m[ae]n|wom[ae]n|drivers?|customers?|folks?)|the elderly|elderly|seniors?|senior citizens"
    r"|pensioners?|boomers?|millennials?|gen z|teenagers?|teens|retirees|old age|his age|her age"
    r"|your age",
    "religion": r"muslims?|christians?|jews?|jewish people|hindus?|buddhists?|sikhs?|catholics?"
    r"|protestants?|mormons?|atheists?|evangelicals?|religious people",
    "disability": r"(?:disabled|handicapped|deaf|blind|autistic|mentally ill|paraly[sz]ed) "
    r"(?:people|persons?|workers?|employees?|kids|children)|the (?:disabled|handicapped|deaf|blind"
    r"|mentally ill)|autistics?|schizophrenics?|wheelchair users?"
    r"|people (?:with (?:disabilities|a disability|autism|down syndrome|mental illness)"
    r"|in wheelchairs)",
    "nationality": r"immigrants?|migrants?|foreigners?|refugees?|mexicans?|chinese(?: people)?"
    r"|indians?|pakistanis?|nigerians?|russians?|germans?|french(?: people)?|italians?|poles"
    r"|polish people|turks?|syrians?|americans?|romanians?|ukrainians?|japanese(?: people)?",
    "sexual_orientation": r"gays?|lesbians?|homosexuals?|bisexuals?|queers?"
    r"|(?:gay|queer|bisexual|lgbtq?\+?) (?:people|persons?|m[ae]n|wom[ae]n|couples?|parents?)",
    "socioeconomic_status": r"(?:poor|homeless|unemployed|working-class|uneducated) (?:people"
    r"|persons?|families|kids)|the (?:poor|homeless|unemployed)|welfare recipients?",
}

SLURS: Mapping[str, str] = {
    "gender": r"sluts?|whores?|cunts?|trann(?:y|ies)|shemales?|bimbos?|man up and|like a girl",
    "race": r"nigg(?:er|a)s?|chinks?|spics?|wetbacks?|coons?|gooks?|jigaboos?|redskins?",
    "age": r"geezers?|old hags?|old farts?|too old to (?:learn|understand|work|change|use)",
    "religion": r"kikes?|towelheads?|ragheads?|christ-?killers?|jihadis? all of them",
    "disability": r"retard(?:s|ed)?|cripples?|spastics?|mongoloids?|wheelchair-bound losers?",
    "nationality": r"krauts?|polacks?|dagos?|wops?|illegal aliens?|gringos?",
    "sexual_orientation": r"fag(?:s|got|gots)?|dykes?|sodomites?|poofters?",
    "socioeconomic_status": r"white trash|trailer trash|chavs?|welfare queens?",
}

EVERYBODY = r"\b(?:all|most|every|each|any|these|those|nearly all|almost all)(?: of)?(?: the)?"
"""Before a group that is spoken of as a whole."""

ASSERTED = (
    r"(?:^|[,:(] ?|\b(?:that|because|since|as|and|but|so|why|when|fact is|everyone knows"
    r"|everybody knows|(?:i|we) (?:\w+ )?(?:think|believe|know|say|feel|find|guess|swear|bet)"
    r"|honestly|frankly|clearly|obviously|of course|let's face it|today|nowadays) )"
)
"""Before a bare plural that a statement begins with."""

IS = (
    r"(?:are|is|will (?:always )?be|tend to be|seem|makes?|'re) "
    r"(?:(?:all|just|always|naturally|inherently|generally|typically|usually|often|simply|so|such"
    r"|really|very|basically|obviously|known to be|mostly|by nature|more|much|far|an?|the|nothing"
    r" but|only|a bunch of|like|known as) ){0,4}"
)
BAD = (
    r"(?:lazy|stupid|dumb|inferior|superior|weak(?:er)?|emotional|hysterical|irrational|violent"
    r"|dangerous|greedy|dirty|filthy|dishonest|untrustworthy|crazy|incompetent|incapable|useless"
    r"|helpless|senile|slow|backward|primitive|uncivili[sz]ed|promiscuous|unnatural|immoral|sick"
    r"|selfish|arrogant|rude|cruel|corrupt|deceitful|cunning|manipulative|shallow|obnoxious|fat"
    r"|ugly"
    r"|hypocrit\w+|mentally ill|addicts|disloyal|unreliable|irresponsible|abnormal|sinful"
    r"|disgusting|worthless|evil|cheap|ignorant|subhuman|animals?|savages?|vermin"
    r"|parasites?|leeches|scum|trash|filth|pests|freaks|perverts?|criminals?|terrorists?|thie(?:f"
    r"|ves)|liars?|cheat(?:er)?s?|crooks?|rapists?|murderers?|gold[ -]?diggers?|freeloaders?"
    r"|drunks?|cowards?|burdens?|plague|disease|(?:threat|drain|danger|menace) (?:to|on)"
    r"|less (?:intelligent|capable|competent|human|rational|reliable|able)"
    r"|(?:bad|terrible|worse|poor|no good|good|better|great) (?:at|with)"
    r"|(?:bad|terrible|awful|horrible|lousy|dreadful|worst) (?:\w+(?:ers?|ors?|ists?)|parents"
    r"|mothers|fathers|bosses|neighbou?rs|students|cooks|people|news)"
    r"|not (?:smart|fit|suited|capable|cut out)|unfit"
    r"|too (?:emotional|weak|old|slow|sensitive|aggressive|stupid|lazy)"
    r"|out to|made for|only good for"
    r"|prone to (?:violence|crime|lying|stealing|anger|laziness|hysteria)"
    r"|to blame for|ruining|destroying|invading|stealing|taking (?:over|our|all)|behind (?:it all"
    r"|everything))"
)
"""What is said of every member, after `IS`."""

CANNOT = (
    r"(?:be trusted|drive|lead|think|do|handle|understand|work|park|learn|manage|control"
    r"|keep a secret)"
)
DOES = (
    r"(?:(?:\w+ly|always|all|just|only|really|often|will) ){0,2}"
    r"(?:belong (?!to\b)|deserve (?:to (?:die|suffer)|what)|should (?:know their place|go back"
    r"|(?:stay|remain|be kept) (?:at home|in (?:the|their)|silent|quiet|away|out)"
    r"|(?:not|never) (?:be (?:allowed|hired|trusted|in)|have (?:the right|rights|power)"
    r"|(?:vote|lead|work|drive|adopt|marry)(?=[.,!;]|$))"
    r"|be (?:banned|deported|sterili[sz]ed|locked|jailed|killed|exterminated|shot))"
    rf"|can(?:'t|not| never|not ever|'t ever) {CANNOT}|don't know how to"
    r"|(?:don't|do not) (?:belong|deserve|understand|work hard|want to work|pay)"
    r"|refuse to (?:work|integrate|learn)|(?:always|never) (?:lie|cheat|steal|complain|learn|work"
    r"|pay|change)|(?:only|just) (?:want|care about|think about)"
    r"|(?:steal|cheat|smell|stink|nag|leech|sponge|freeload|lie(?! down| in| on| at))"
    r"|(?:control|runs?|own|rule|dominate)s? (?:all |most |half )?(?:of )?(?:the |our )?(?:\w+ )?"
    r"(?:banks|banking|media|press|world|governments?|money|finance|economy|hollywood"
    r"|everything|wall street)"
    r"|(?:take|took|have taken) (?:all )?(?:of )?(?:our|american|british|german|local) jobs"
    r"|take over"
    r"|(?:ruin|destroy|invade|infest|corrupt|poison|exploit|leech off|live off|sponge off"
    r"|prey on)s?"
    r" (?:the|our|this|your|every\w*|us|all|innocent)"
    r"|hate (?:us|america|women|men|freedom|the west|white people)"
    r"|(?:bring|spread|cause|commit)s? (?:(?:all|so much|more|only|most) (?:of )?(?:the )?)?"
    r"(?:(?!fewer|less|no )\w+ )?(?:crimes?|diseases?|drugs|terror(?:ism)?|trouble|filth))"
)
"""What every member is said to do, or not to be able to."""

REPORTED = re.compile(
    r"\b(?:stereotyp\w*|myths?|misconception\w*|prejudice\w*|bias(?:ed|es)?|discriminat\w*"
    r"|racis[tm]|sexis[tm]|ageis[tm]|ableis[tm]|homophobi\w*|transphobi\w*|islamophobi\w*"
    r"|xenophobi\w*|antisemiti\w*|bigot\w*|untrue|not (?:true|the case|all|every|accurate)"
    r"|false|incorrect|inaccurate|(?:it|that|this|which|such \w+)(?:'s| is| was| are)"
    r" (?:\w+ ){0,2}(?:unfair|nonsense|ridiculous|absurd|harmful|offensive)"
    r"|wrong (?:to (?:say|think|claim|assume|believe)|that)|no (?:\w+ )?(?:evidence|reason|basis)"
    r"|slurs?|hate speech|generali[sz]\w+|conspiracy"
    r"|(?:do not|don't|doesn't|does not|never|cannot|can't|won't|wouldn't"
    r"|not) (?:\w+ ){0,2}(?:think"
    r"|believe|agree|say|claim|mean|assume|accept|imply|support)|disagree\w*"
    r"|the (?:\w+ )?(?:claim|idea|notion|belief|statement|view|assertion|assumption|fear)s? that"
    r"|(?:people|they|he|she|who|critics|supremacists?|someone|you) (?:\w+ )?(?:say|says|said"
    r"|claim"
    r"|claims|claimed|think|thinks|thought|believe|believes|believed|argue|argues|argued|assume"
    r"|assumed))\b",
    re.IGNORECASE,
)
"""A sentence that reports or rejects such a statement."""

TAKES_UP = re.compile(r"(?:no, )?(?:that|this|these|such|both|it)(?:'s)?\b", re.IGNORECASE)
"""How a sentence begins that is about the one before it."""
