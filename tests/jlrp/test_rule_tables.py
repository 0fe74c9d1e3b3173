"""Which layer has which rule, under every preset, in networks of many shapes."""

import pytest

from tools.write_rule_tables import NETWORKS, TABLES, table


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_has_the_rule_of_the_golden_table(name):
    """`python -m tools.write_rule_tables` writes the tables anew: read the difference first."""
    assert table(NETWORKS[name]) == (TABLES / f"{name}.txt").read_text()


def test_every_table_has_its_network():
    assert {path.stem for path in TABLES.iterdir()} == set(NETWORKS)
