"""Every network of `keras.applications`: the smallest of each family in all formats.

Of large networks a shorter one is explained. All sizes, as they are, by `make families`.
"""

import logging

import pytest

from tests.families import FAMILIES, checked

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.mark.parametrize("name", [members[0] for members in FAMILIES.values()])
def test_the_smallest_member_of_every_family(name, tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    report = checked(name, tmp_path, quick=True)
    assert report.parameters > 100_000


def test_there_is_every_builder_that_keras_ships():
    import keras

    shipped = {
        name for name in dir(keras.applications) if callable(getattr(keras.applications, name))
    }
    assert shipped == {name for members in FAMILIES.values() for name in members}
