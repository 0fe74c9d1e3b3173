"""docs/primitives.md says which primitives are followed: it is the tables' own."""

from tools.write_primitives import GROUPS, MADE_UP, PAGE, known


def test_the_page_lists_what_is_followed_and_what_is_refused():
    text = PAGE.read_text(encoding="utf-8")
    followed, refused = text.split("**Refused**")
    names = set().union(*GROUPS.values()) - MADE_UP
    words = set(followed.replace("*", "").replace(",", " ").split())
    assert names <= words
    assert known() - names <= set(refused.replace(",", " ").replace(".", " ").split())
