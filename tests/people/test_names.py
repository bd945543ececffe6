import pytest

from trueup.errors import InputError
from trueup.people._names import (
    check_role,
    checked_email,
    checked_name,
    checked_password,
    checked_tags,
    key_of,
)


def test_names_are_trimmed_and_written_in_one_form():
    assert checked_name("  Ann Lee ") == "Ann Lee"
    assert checked_name("Andre\u0301") == "Andr\u00e9"
    assert checked_name("n" * 128) == "n" * 128
    assert checked_name("山田 太郎") == "山田 太郎"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "0 characters"),
        ("   ", "0 characters"),
        ("n" * 129, "129 characters"),
        ("ß" * 65, "130 characters"),  # as it is compared
        ("an\x00n", "not seen"),
        ("an\nn", "not seen"),
        ("ann\u200b", "not seen"),
        ("\u202eann", "not seen"),
        ("ann\ud800", "not seen"),
    ],
)
def test_names_that_cannot_be(name, why):
    with pytest.raises(InputError, match=why):
        checked_name(name)


@pytest.mark.parametrize("other", ["ann", " ANN ", "\uff21\uff4e\uff4e"])
def test_names_are_compared_without_case_and_width(other):
    assert key_of(other) == key_of("Ann")


def test_what_no_name_can_be_has_no_key():
    assert key_of("an\x00n") == key_of("ann\ud800") == key_of("") == ""
    assert key_of("STRASSE") == key_of("straße")


def test_emails():
    assert checked_email(" Ann@Example.org ") == "Ann@Example.org"
    assert checked_email("  ") is None
    for wrong in ("ann", "@example.org", "ann@", "a nn@example.org", f"{'a' * 250}@x.org"):
        with pytest.raises(InputError, match="email"):
            checked_email(wrong)


def test_tags_come_once_and_in_order():
    assert checked_tags(["tax", " law ", "tax"]) == ("law", "tax")
    with pytest.raises(InputError, match=r"tag 'x+': it has 65"):
        checked_tags(["x" * 65])


@pytest.mark.parametrize("good", ["twelve chars", "aaaaaaaaaaab", "x y" * 333, "пароль пароль"])
def test_passwords_need_length_and_nothing_else(good):
    assert checked_password(good, "ann", None) == good


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("elevenchars", "11 characters"),
        ("xy" * 501, "1002 characters"),
        ("e\u0301" * 11, "22 characters"),  # composed, they are eleven
        ("aaaaaaaaaaaaaa", "over and over"),
        ("aAaAaAaAaAaA", "over and over"),
        ("Ann-Lee-Smith ", "is the name"),
        ("ann.lee@example.org", "is the name or the email"),
    ],
)
def test_passwords_that_cannot_be(bad, why):
    with pytest.raises(InputError, match=why) as refused:
        checked_password(bad, "ann-lee-smith", "Ann.Lee@example.org")
    assert bad not in str(refused.value)


def test_roles():
    check_role("senior")
    with pytest.raises(InputError, match="role 'boss' is none of admin, manager"):
        check_role("boss")
