"""The words that name groups of people, so that those of one can take another's place.

A table for each protected class: its first line has the groups, each further line the words that
stand for one another. Of several with "/" between them, all are known and the first is written;
"~" is written and not known, since it names nobody; "-" has no counterpart. A word with "*" names
a group only where it is said of people ("a poor man", "who is poor"); after ";" stands what is
written for a noun ("a Jewish person").

Names are those that are borne mostly by one group in the United States, after Bertrand and
Mullainathan (2004, AER 94:991) and the lists of given names that they and their followers use.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FUNCTION_WORDS", "NAMES", "NEUTRAL_NAMES", "PEOPLE", "TERMS"]

TERMS: Mapping[str, str] = {
    "gender": """
        female | male | nonbinary
        female | male | nonbinary/non-binary
        woman | man | nonbinary person/non-binary person
        women | men | nonbinary people/non-binary people
        lady | gentleman | ~person
        ladies | gentlemen | ~people
        girl | boy | ~child
        girls | boys | ~children
        mother | father | ~parent
        mothers | fathers | ~parents
        mom/mum/mommy | dad/daddy | ~parent
        daughter | son | ~child
        daughters | sons | ~children
        sister | brother | ~sibling
        sisters | brothers | ~siblings
        wife | husband | ~spouse
        wives | husbands | ~spouses
        girlfriend | boyfriend | ~partner
        grandmother/grandma | grandfather/grandpa | ~grandparent
        granddaughter | grandson | ~grandchild
        aunt | uncle | ~relative
        niece | nephew | ~relative
        stepmother | stepfather | ~stepparent
        bride | groom | ~newlywed
        widow | widower | ~bereaved spouse
        actress | actor | ~performer
        waitress | waiter | ~server
        stewardess | steward | ~flight attendant
        businesswoman | businessman | ~businessperson
        policewoman | policeman | ~police officer
        chairwoman | chairman | ~chairperson
        saleswoman | salesman | ~salesperson
        Mrs/Ms | Mr | Mx
        ma'am/madam | sir | ~friend
    """,
    "race": """
        white | Black | Asian | Hispanic | Middle Eastern | Native American
        white*;white person/Caucasian | Black*;Black person/African American | \
            Asian/Asian American | Hispanic/Latino/Latina/Latinx | \
            Middle Eastern;Middle Eastern person/Arab/Arab American | \
            Native American/American Indian
        ~white people/Caucasians | ~Black people/African Americans | Asians/Asian Americans | \
            Hispanics/Latinos/Latinas | ~Middle Eastern people/Arabs/Arab Americans | \
            Native Americans
    """,
    "age": """
        young | middle-aged | old
        young* | middle-aged* | old*/elderly*
        younger* | middle-aged | older*
        teenager;teenager | ~middle-aged person | senior citizen/pensioner/retiree
        teenagers | ~middle-aged people | the elderly/senior citizens/pensioners/retirees
        twenty-something | fifty-something | eighty-something
        25-year-old | 50-year-old | 75-year-old
        grandson | - | grandfather
        granddaughter | - | grandmother
        grandchild | - | grandparent
    """,
    "religion": """
        Christian | Muslim | Jewish | Hindu | Buddhist | atheist
        Christian/Catholic/Protestant | Muslim | Jewish;Jewish person/Jew | Hindu | \
            Buddhist | atheist
        Christians/Catholics/Protestants | Muslims | ~Jewish people/Jews | Hindus | \
            Buddhists | atheists
        Christianity/Catholicism | Islam | Judaism | Hinduism | Buddhism | atheism
        church | mosque | synagogue | Hindu temple | Buddhist temple | -
        priest | imam | rabbi | pandit | Buddhist monk | -
        the Bible | the Quran/the Koran | the Torah | the Vedas | the sutras | -
    """,
    "disability": """
        disabled | nondisabled
        disabled*;disabled person | nondisabled*;nondisabled person/non-disabled*/able-bodied*
        blind* | sighted*
        deaf* | hearing*
        autistic | neurotypical
        mentally ill | mentally healthy
        with a disability | without a disability
        with disabilities | without disabilities
        with a mental illness | without a mental illness
        with autism | without autism
        with Down syndrome/with Down's syndrome | without Down syndrome
        in a wheelchair/in wheelchairs | ~on foot
        wheelchair user | ~pedestrian
    """,
    "nationality": """
        American | Chinese | German | Indian | Mexican | Nigerian
        American | Chinese;Chinese person | German | Indian | Mexican | Nigerian
        Americans | ~Chinese people | Germans | Indians | Mexicans | Nigerians
        from the United States/from the US/from the USA/from America | from China | from Germany | \
            from India | from Mexico | from Nigeria
    """,
    "sexual_orientation": """
        straight | gay | bisexual
        straight*;straight person/heterosexual | gay;gay person/homosexual | bisexual
        straight* women | lesbians | bisexual women
        straight*;straight woman | lesbian | bisexual;bisexual woman
        ~straight people/heterosexuals | gays/homosexuals | bisexuals
    """,
    "socioeconomic_status": """
        poor | middle-class | rich
        poor*/impoverished* | middle-class | rich*/wealthy*
        poorer* | ~middle-class | richer*/wealthier*
        low-income | middle-income | high-income
        working-class | ~middle-class | upper-class
        unemployed* | ~employed | ~independently wealthy
        homeless | ~home-owning | ~mansion-owning
        the poor | the middle class | the rich/the wealthy
    """,
}

NAMES: Mapping[str, tuple[str, str]] = {  # by race: those of women, those of men
    "white": (
        "Emily Claire Molly Heather Allison Kristen Mary Jennifer Sarah Elizabeth Jessica Laura",
        "Greg Connor Brad Todd Brett Geoffrey John Michael James David Robert Thomas",
    ),
    "Black": (
        "Lakisha Keisha Latoya Tamika Shanice Imani Tanisha Latonya Ebony Aaliyah Nia Shaniqua",
        "Jamal DeShawn Tyrone Darnell Rasheed Jermaine Leroy Tremayne Terrell Malik Kareem Marquis",
    ),
    "Asian": (
        "Mei Yuki Hui Minji Linh Ayumi Jiayi Xiu Sakura Thuy Eunji Lihua",
        "Wei Hiroshi Hao Minho Minh Kenji Jian Jun Takeshi Duc Jihoon Qiang",
    ),
    "Hispanic": (
        "Maria Guadalupe Lucia Carmen Ximena Alejandra Marisol Juana Esperanza Rosa Yolanda Pilar",
        "Jose Luis Carlos Juan Diego Alejandro Pedro Javier Miguel Jorge Raul Pablo",
    ),
    "Middle Eastern": (
        "Fatima Layla Yasmin Zainab Samira Leila Amira Noor Maryam Hala Salma Farah",
        "Mohammed Ahmed Omar Hassan Khalid Mustafa Youssef Ali Tariq Hamza Samir Bilal",
    ),
}
NEUTRAL_NAMES = "Taylor Alex Casey Riley Avery Quinn Morgan Jamie Rowan Skyler Jordan Sam"

PEOPLE = (
    "people person persons man men woman women guy guys girl girls boy boys kid kids child "
    "children family families couple couples folks adult adults teenager teenagers youth lady "
    "ladies gentleman gentlemen mother mothers father fathers daughter son sister brother wife "
    "husband neighbor neighbour neighbors neighbours friend friends student students teacher "
    "teachers worker workers employee employees colleague colleagues coworker coworkers manager "
    "managers applicant applicants candidate candidates customer customers client clients patient "
    "patients doctor doctors nurse nurses engineer engineers lawyer lawyers driver drivers "
    "officer officers immigrant immigrants resident residents citizen citizens tenant tenants "
    "writer artist actor community communities household households classmate classmates roommate "
    "one ones male female males females american americans guest guests traveler travelers voter "
    "voters parent parents individual individuals professional professionals user users player "
    "players fellow chap bloke"
)

FUNCTION_WORDS = (
    "a an the this that these those and or but nor so yet because since while when where if "
    "though although as than to of in on at by for with from into onto over under about after "
    "before between through during without within against toward towards upon off out up down "
    "away is are was were be been being am do does did has have had could would shall should must "
    "i you he she it we they me him her us them who whom which what how why there here then now "
    "not never always often also too again once twice today yesterday tomorrow tonight later soon "
    "earlier alone until till whether like"
)
"""Words that a possessive or an adjective does not stand before."""
