"""The words that `Toxicity` looks for; they are here to be found, not to be said.

Each is a regular expression for folded text, matched as whole words. What is rude of a person may
be harmless of a thing ("a stupid mistake", "kill the process"), so most are only counted where they
are aimed: at "you", or at somebody named by a pronoun or a name for people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["PATTERNS", "REPORTED"]

_VERY = (
    r"(?:(?:a|an|the|such|so|just|really|fucking|fuckin|bloody|damn|goddamn|total|complete"
    r"|absolute"
    r"|utter|stupid|dumb|worthless|pathetic|little|dirty|filthy|lazy|fat|ugly|miserable|real|big"
    r"|huge"
    r"|bunch of|piece of|nothing but|all|too|very|literally) ){0,5}"
)
_NAMES = (
    r"(?:idiots?|morons?|imbeciles?|stupid|dumb|dumbass(?:es)?|dumb-?fucks?|fools?|losers?"
    r"|scum(?:bags?)?"
    r"|trash|garbage|filth|vermin|pigs?|rats?|cockroach(?:es)?|parasites?|worthless|pathetic"
    r"|disgusting"
    r"|ugly|assholes?|arseholes?|bastards?|bitch(?:es)?|sons? of (?:a )?bitch(?:es)?|cunts?"
    r"|dickheads?"
    r"|pricks?|twats?|wankers?|jackass(?:es)?|douche(?:bag)?s?|shitheads?|motherfuckers?|fuckers?"
    r"|freaks?"
    r"|weirdos?|creeps?|degenerates?|subhuman|cretins?|halfwits?|simpletons?|dimwits?|nitwits?"
    r"|brainless"
    r"|clowns?|waste of (?:space|air|oxygen|life)|shit|crap|a joke|disgrace|sluts?|whores?)"
)
_YOU = r"(?:you(?:'re| are| were|r)?|u r|ur|y'all are|you guys are|you people are)"
_THEM = (
    r"(?:he|she|they|those people|these people|all of them|that (?:guy|man|woman|girl|boy|kid)"
    r"|your (?:\w+ )?(?:mother|mom|mum|wife|husband|boss|neighbou?r|friends?|sister|brother|dad"
    r"|father"
    r"|family|kid|children|ex|boyfriend|girlfriend|teacher))(?:'s| is|'re| are| was| were)"
)
_SOMEONE = (
    r"(?:you|him|her|them|your (?:\w+ )?(?:mother|mom|family|wife|kids?|children|face|house|throat"
    r"|head|ass)"
    r"|his (?:\w+ )?\w+|her (?:throat|face|head|house|ass)|those people|these people|someone"
    r"|somebody|people"
    r"|everyone|that (?:guy|man|woman|bitch|bastard)|the (?:bitch|bastard|fucker))"
)

_INSULT = (
    rf"\b{_YOU} (?:are )?{_VERY}{_NAMES}(?! (?:at|for|of) )\b|\b{_THEM} {_VERY}{_NAMES}\b(?! to )"
    rf"|^(?:(?:hey|look|listen|oh),? )?(?:you )?{_VERY}(?:idiot|moron|asshole|dumbass|loser"
    rf"|bastard|bitch"
    r"|imbecile|scumbag|dickhead|shithead|motherfucker)s?[!.,]"
    r"|\b(?:shut (?:the (?:fuck|hell) )?up|nobody (?:likes|loves|wants) you|no one (?:likes|loves"
    r"|wants) you"
    r"|you(?:'re| are) (?:so )?(?:worthless|useless|pathetic)|you disgust me|i hate you|how "
    r"(?:stupid|dumb)"
    r" (?:are|can) you|are you (?:\w+ )?(?:stupid|dumb|retarded|brain-?dead|an idiot|a moron)"
    r"|you make me sick|go to hell|rot in hell|what(?:'s| is) wrong with you,? you)\b"
    rf"|\b(?:call|tell|calling|say to) (?:him|her|them|your \w+)(?: that)?(?: (?:he|she|they)(?:'s"
    rf"| is|'re| are))?"
    rf" {_VERY}{_NAMES}\b"
)
_THREAT = (
    rf"\b(?:i(?:'ll| will|'m going to|'m gonna| am going to| want to|'d love to)|we(?:'ll| will"
    rf"|'re going to)"
    r"|someone should|somebody should|you should|you could|you deserve to|i hope (?:you|they|he"
    r"|she)|let's) "
    r"(?:(?!not |never )\w+ ){0,2}?(?:(?:(?!not |never )\w+ ){1,4}and (?:then )?)?(?:kill|murder"
    r"|beat|stab|shoot|strangle|choke|hurt|hunt|destroy|burn|cut|break"
    r"|smash|punch"
    r"|slap|rape|torture|poison|hang|attack|assault|bomb|lynch|bash|end)(?: up| down| the (?:shit"
    r"|hell) out of)?"
    rf" {_SOMEONE}\b(?! (?:an?|some|at|by|to (?!death))\b)"
    r"|\b(?:i'll|i will|i'm going to|i'm gonna|i am going to|we'll"
    r"|we will) (?:\w+ )?(?:make (?:you"
    r"|him|her|them) (?:suffer|bleed|beg|regret|pay for (?:this|that|what)|wish (?:you|he|she"
    r"|they)"
    r" (?:were|had|was))|(?:ruin|destroy|end) (?:you\b|your (?:life|family|career)))"
    r"|\b(?:i'm|i am|we're|we are) coming (?:for|after) (?:you|your (?:family|kids"
    r"|children))(?=[.!,]|$)"
    r"|\byou(?:'ll| will) (?:regret (?:the day|crossing|messing|ever (?:crossing|messing|meeting))"
    r"|be sorry you|suffer for|not live to|pay for what you did)\b"
    r"|\byou(?:'ll| will) (?:regret this|pay for (?:this|that)|never be safe)(?=[.!,]|$)"
    r"|\byou won't live to\b"
    r"|\byour (?:family|kids|children|wife|husband|mother) (?:will|is going to"
    r"|are going to) (?:die"
    r"|bleed|suffer|pay)(?=[.!,]|$)|\byou(?:'re| are) a dead (?:man|woman)\b"
    r"|\bsleep with one eye open\b"
    r"|\b(?:i hope|hope) (?:you|they|he|she|all of (?:you|them)) (?:all )?(?:die|dies|suffer|rot"
    r"|burn|get (?:raped"
    r"|killed|hurt|cancer))\b|\byou(?:'re| are) (?:dead|going to (?:die|regret|pay))\b(?! (?:tired"
    r"|right|wrong))"
    r"|\bi know where you live\b|\bwatch your back\b|\byou deserve to (?:die|suffer|be (?:hurt"
    r"|killed|raped|beaten))\b"
)
_SEXUAL = (
    r"\b(?:blow ?jobs?|hand ?jobs?|cum(?:ming|shot|s)?|jizz|dildos?|porn(?:o|ography)? (?:site"
    r"|video|star)s?"
    r"|gang ?bang|deep ?throat|anal sex|oral sex with|tits|titties|boobs|pussy|pussies|cocks?(?! "
    r"(?:fight|pit|tail))"
    r"|big dick|sucks? (?:my|his|your|a) (?:dick|cock|\w+ dick|\w+ cock)|fuck(?:ing)? (?:her|him"
    r"|me|you|your) (?:hard|brains|mother|mom|ass|pussy)"
    r"|masturbat\w+ (?:to|on|while|in front)|orgy|orgies|horny|naked (?:girls|women|pictures of "
    r"(?:her|him|you))"
    r"|send (?:me )?nudes|sex with a (?:minor|child)|(?:want|love|like) to (?:have sex with|fuck) "
    r"you|up (?:her|your) skirt|nice ass|hot ass)\b"
)
_PROFANITY = (
    r"\b(?:fuck|screw|damn|fuck off|piss on|to hell with|shit on) (?:you|u|him|her|them|your|off"
    r"|those|these)\b"
    r"|\b(?:fuck|piss|bugger) off\b|\b(?:your|you) (?:\w+ )?(?:fucking|goddamn|shitty|bullshit"
    r"|damn|bloody)\b"
    r"|\byou(?:'re| are) (?:\w+ )?(?:full of (?:shit|crap)|fucking|shit|shitty)\b|\b(?:eat shit"
    r"|kiss my ass"
    r"|suck it|up yours|bite me|go fuck (?:yourself|himself|herself|themselves)|stfu|gtfo)\b"
)
_SELF_HARM = (
    r"\b(?:kill yourself|kys|end your(?: own)? life|take your own life|you should (?:just )?(?:die"
    r"|commit suicide"
    r"|hang yourself|jump off|cut yourself|hurt yourself|slit your|end it)|go (?:and )?(?:die"
    r"|hang "
    r"yourself|jump off"
    r" a (?:bridge|cliff|building|roof))|(?:world|everyone|everybody|we)(?:'d| would)? be better "
    r"off (?:without you"
    r"|if you were dead)|do (?:us|everyone|the world) (?:all )?a favou?r and die|nobody would "
    r"(?:miss|care if) you"
    r"(?: (?:die|died|were gone))?|drink bleach|slit your wrists|you(?:'re"
    r"| are) better off dead)\b"
)
# Those of `BiasDetection` that are no everyday words too.
_SLUR = (
    r"\b(?:nigg(?:er|a)s?|chinks?|spics?|wetbacks?|gooks?|jigaboos?|kikes?|towelheads?|ragheads?"
    r"|faggots?|fags?"
    r"|trann(?:y|ies)|shemales?|poofters?|polacks?|retard(?:s|ed)\b(?! (?:growth|by|in))"
    r"|cripples\b|mongoloids?"
    r"|sand ?niggers?|pakis\b|half-?breeds?|untermensch\w*)\b"
)

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "insult": re.compile(_INSULT),
    "threat": re.compile(_THREAT),
    "slur": re.compile(_SLUR),
    "sexual": re.compile(_SEXUAL),
    "profanity": re.compile(_PROFANITY),
    "self_harm": re.compile(_SELF_HARM),
}
"""Patterns by category, for a folded sentence."""

REPORTED = re.compile(
    r"\b(?:(?:is|are|was|were|be|as) (?:an? )?(?:\w+ )?(?:slur|insult|profanity|swear ?word|curse "
    r"word|derogatory"
    r"|offensive|offensive term|abusive|hurtful|harmful|hate speech|threat|toxic|pejorative|racist"
    r"|not okay"
    r"|unacceptable|inappropriate)|(?:the|this|that|an?) (?:\w+ )?(?:slur|insult|term|phrase"
    r"|expression|n-word|f-word)\b"
    r"|(?:he|she|they|someone|somebody|people|who|users?|author|bully|bullies|commenters?"
    r"|character|narrator)"
    r" (?:\w+ )?(?:said|says|say|called|call|calls|wrote|writes|shouted|yelled|screamed|told|tells"
    r"|threatened|claimed"
    r"|tweeted|posted|insulted)|was called|were called|being called|gets? called|never (?:say|call"
    r"|tell|use)"
    r"|(?:do not|don't|not|shouldn't|should not|can't|cannot|won't|will not|avoid|stop|wrong to"
    r"|refrain from|not okay to"
    r"|not appropriate to|never okay to) (?:\w+ ){0,2}(?:say|saying|call|calling|use|using|tell"
    r"|telling|threaten"
    r"|threatening|insult|insulting|kill|hurt|harm|attack|hit|beat|shoot|stab|poison)"
    r"|not trying to"
    r"|if (?:someone|somebody|anyone|you(?:'re| are)|(?:he|she|they)(?:'s| is|'re| are)|i should"
    r"|you should)"
    r"|(?:why|whether|do|did) (?:\w+ ){0,2}(?:think|feel|believe|say)|stereotypes?|could be saying"
    r"|asking me"
    r"|you(?:'re| are) not (?:\w+ )?)\b"
)
"""A sentence that reports, rejects or explains such words."""
