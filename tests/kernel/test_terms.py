"""What a server is to every peer alike."""

import msgspec

from fairlead.catalog import Catalog
from fairlead.kernel import Terms
from fairlead.spec.descriptors import Implementation
from tests.kernel.talk import PREFIX, SERVER, terms


def test_the_bounds_are_set_from_the_start():
    plain = Terms(server=Implementation(name="s"), catalog=Catalog())
    assert (plain.in_flight, plain.page_size, plain.suspended) == (64, 200, 1024)
    assert (plain.ttl_ms, plain.cache_scope) == (0, "private")
    assert 0 < plain.ask_timeout < plain.suspend_for


def test_every_server_has_a_secret_of_its_own_unless_it_is_given_one():
    first, second = (Terms(server=SERVER, catalog=Catalog()) for _ in range(2))
    assert first.secret != second.secret
    assert len(first.secret) >= 32
    assert terms(secret=b"shared").secret == b"shared"


def test_the_secret_is_not_part_of_what_results_say():
    made = terms()
    assert msgspec.json.decode(made.server_meta) == {
        PREFIX + "serverInfo": {
            "name": "harbour",
            "version": "1.2",
            "title": "The harbour",
            "description": "Ships",
            "websiteUrl": "https://h",
        }
    }
