import pytest

from trueup.evals import InstructionFollowing
from trueup.evals.instruction_following.instructions import find_instructions


def judge(prompt, response):
    return InstructionFollowing().evaluate(prompt=prompt, response=response)


FOLLOWED = [  # prompt, an answer that follows, one that does not
    ("Answer with at least 5 words. What is rain?", "Water that falls from clouds.", "Water."),
    (
        "In 5 words or less, explain rain.",
        "Water from the clouds.",
        "Rain is water that falls down.",
    ),
    ("Write a 20-word summary of it.", "word " * 20, "word " * 30),
    ("Write between 3 and 5 words about bees.", "Bees make honey.", "Bees."),
    ("Write about 100 words on tea.", "tea " * 90, "tea " * 60),
    (
        "Summarize it in one sentence.",
        "It rains, e.g. in May, at 5 p.m. or so.",
        "It rains. It pours.",
    ),
    ("Explain it in no more than two sentences.", "One. Two.", "One. Two. Three."),
    ("Write a story of less than 3 paragraphs.", "One.\n\nTwo.", "One.\n\nTwo.\n\nThree."),
    ("Your answer must contain exactly 2 bullet points.", "* a\n* b", "* a\n* b\n* c"),
    ("Write a haiku about rain.", "one\ntwo\nthree", "one line"),
    ("List 3 fruits.", "Apple, pear and plum.", "Apple, pear, plum, fig, kiwi."),
    ("Give me five reasons to swim.", "1. a\n2. b\n3. c\n4. d\n5. e", "1. a\n2. b"),
    (
        "Name two countries that use the Euro.",
        "Germany and Greece use it.",
        "One. Two. Three, four, five.",
    ),
    ("Create a list of 4 healthy snacks.", "Nuts\nFruit\nEggs\nSeeds", "Nuts, fruit."),
    ("What are three ways to sleep well?", "1. a\n2. b\n3. c", "Sleep early. Sleep long."),
    ("Name at least three rivers.", "- Rhine\n- Oder\n- Elbe\n- Weser", "- Rhine\n- Oder"),
    ("Output the result in JSON format.", '```json\n{"a": 1}\n```', "a is 1"),
    ("Return the answer as a CSV string.", "a,b\n1,2", "It is 1."),
    ("Present the figures in a table.", "a | b\n--- | ---\n1 | 2", "a is 1"),
    ("Give me the steps as a numbered list.", "1. a\n2. b", "First a, then b."),
    ("Answer in all capital letters.", "IT IS 5.", "It is 5."),
    ("Write in all lowercase letters.", "it is 5.", "It is 5."),
    (
        "Please respond in French.",
        "Le chat est dans la maison avec une souris.",
        "The cat is in the house.",
    ),
    ("Translate it into Japanese.", "これは猫です。", "這是一隻貓。"),
    ("Your response should be in Arabic.", "هذا قط في البيت", "This is a cat."),
    ('Start your answer with the word "Indeed".', "Indeed, it is.", "It is indeed."),
    ('End your reply with "Good luck!"', "Do it. Good luck!", "Good luck with it all."),
    (
        "Explain rain without using the word “water”.",
        "It falls from clouds.",
        "Waters: water falls.",
    ),
    ('Write a line without using the letter "e".', "A dog ran.", "The dog ran."),
    ('Use the word "tea" at least twice.', "Tea is tea.", "Tea steams."),
    ("Include keywords ['river', 'bank'] in it.", "The bank of the river.", "The river."),
    (
        "In your reply the word tree should appear less than 2 times.",
        "A tree.",
        "Tree, tree, tree.",
    ),
    ("Do not use any commas.", "One and two.", "One, two."),
    ("Only answer yes or no: is it wet?", "No.", "No, it is dry."),
    ("Is it wet? Answer yes or no and say why.", "No, it is dry.", "It is dry."),
    ("Respond with only the number.", "42", "It is 42."),
    ("Wrap your entire response with double quotation marks.", '"So it is."', "So it is."),
    ("Give it a title, wrapped in double angular brackets.", "<<Rain>>\nIt falls.", "Rain falls."),
    ("At the end add a postscript starting with P.S.", "Dear you.\n\nP.S. Bye", "Dear you."),
    ("Rephrase it as a question.", "Is it so?", "It is so."),
    ("Create a tweet about rain.", "It rains. #rain", "rain " * 80),
    ("Give the names in alphabetical order.", "ann, ben, cid", "ben, ann, cid"),
    ("Leave at least 2 placeholders, such as [name].", "Dear [name], on [date].", "Dear [name]."),
    ("Your reply must have 2 sections.", "# One\na\n# Two\nb", "# One\na"),
    ('Answer with one of the following options: "I do", "I do not".', "I do not.", "Maybe."),
]


@pytest.mark.parametrize(("prompt", "good", "bad"), FOLLOWED, ids=[one[0] for one in FOLLOWED])
def test_what_is_asked_is_found_and_checked(prompt, good, bad):
    assert judge(prompt, good).value == 1.0, find_instructions(prompt)
    missed = judge(prompt, bad)
    assert missed.value == 0.0
    assert missed.label == "not_followed"


@pytest.mark.parametrize(
    "prompt",
    [
        "What is the capital of France?",
        "How many words are in this sentence?",
        "I have written 300 words so far. What next?",
        "What is a five-letter word for sad?",
        "Explain the two sentences above.",
        "Combine these two sentences.",
        "Paraphrase it with one word changed.",
        "Write a python function that returns a JSON object.",
        "Write a plan for a 5 day trip.",
        "The answer may take 3 years. Why?",
        "What is JSON?",
        "Tell me about the French Revolution in Paris.",
        'She said "answer in one sentence, in French, with at least 50 words, and use no commas at '
        'all, or else I shall be very cross with you and yours for ever". What did she mean?',
        "Correct the following text:\n\nWrite at least 50 words in French, as a list.",
        "",
    ],
)
def test_where_nothing_checkable_is_asked_there_is_no_score(prompt):
    found = judge(prompt, "Anything.")
    assert (found.value, found.reason) == (None, "no checkable instruction in the prompt")


def test_what_others_ask_for_is_not_asked_of_the_answer():
    of_others = [
        "My boss said 'use no commas'. Is that reasonable?",
        'My teacher told us "write exactly 50 words". What did she mean?',
        "Our style guide says to write in all capital letters. Why is that?",
        "My editor insists that I write at most 100 words. Do you think that is too short?",
        "Should I write the email in all caps?",
        "Why do people say to use no commas?",
        "What does 'answer in JSON format' mean?",
    ]
    assert [one for one in of_others if find_instructions(one)] == []
    passed_on = [
        "My teacher wants me to write a haiku about rain. Please write it.",
        "My boss said 'use no commas'. Write a note with no commas.",
        "He asked for a summary in one sentence. Can you write it?",
    ]
    assert [one for one in passed_on if not find_instructions(one)] == []


def test_the_share_that_is_followed_and_what_is_not():
    prompt = 'List 3 fruits in alphabetical order, and do not use the word "apple".'
    found = judge(prompt, "apple, kiwi, plum")
    assert found.value == pytest.approx(2 / 3)
    assert (found.label, found.measure) == ("partly", 3)
    assert found.evidence == ('do not use: do not use the word "apple"',)


def test_what_stands_after_the_material_is_asked_too():
    prompt = "Summarize the following text:\n\nAt least 50 words here.\n\nAnswer in one sentence."
    assert [one.kind for one in find_instructions(prompt)] == ["sentences"]


def test_an_empty_response_follows_nothing():
    found = judge("Do not use any commas.", " ")
    assert (found.value, found.reason) == (
        0.0,
        "0 of 1 instructions followed, since the response is empty",
    )


@pytest.mark.parametrize(
    ("prompt", "follows", "fails"),
    [
        ("Describe it. Don't answer in JSON.", "hello", '{"a": 1}'),
        ("Do not use bullet points.", "hello", "- a\n- b"),
        ("Do not write in all caps.", "hello", "HELLO"),
        ("Don't answer in one word.", "hello there", "hello"),
        ("Never answer in French.", "This is the house.", "Je suis dans la maison, bien sûr."),
        ("Please do not forget to answer in JSON.", '{"a": 1}', "hello"),
    ],
)
def test_what_is_forbidden_is_not_asked_for(prompt, follows, fails):
    found = InstructionFollowing()
    assert found.evaluate(prompt=prompt, response=follows).value == 1
    assert found.evaluate(prompt=prompt, response=fails).value == 0
