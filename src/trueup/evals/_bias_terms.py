"""The words that `BiasDetection` looks for; the slurs are here to be found, not to be said.

Each value is a regular expression's alternatives, matched in any case and as whole words.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["GROUPS", "SLURS"]

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
