"""docs/primitives.md says which primitives are followed: it is the tables' own."""

import jax
import pytest

from tools.write_primitives import GROUPS, MADE_UP, PAGE, known


def test_the_page_lists_what_is_followed_and_what_is_refused():
    text = PAGE.read_text(encoding="utf-8")
    followed, refused = text.split("**Refused**")
    names = set().union(*GROUPS.values()) - MADE_UP
    words = set(followed.replace("*", "").replace(",", " ").split())
    assert names <= words
    if f"JAX {jax.__version__}." not in text:
        pytest.skip("another version of JAX has other primitives")
    assert known() - names <= set(refused.replace(",", " ").replace(".", " ").split())
