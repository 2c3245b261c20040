"""The X-API-Key header: who is told apart, and who may connect at all."""

import pytest
from falcon.testing import ASGIConductor

from {{ package_name }}.app import create_app
from {{ package_name }}.security.identity import (
    make_development_key,
    make_key,
)
from {{ package_name }}.settings import Settings

from .attempt import Attempt
from .conftest import Connect, denied_with
from .credentials import header
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}


@pytest.mark.parametrize("name", ["bob", "Bob-2_"])
async def test_the_principal_is_whom_the_key_names(conductor: ASGIConductor, name: str) -> None:
    headers = header(make_development_key(name))
    result = await conductor.simulate_get("/probe", headers=headers)
    assert result.json == {"name": name}


async def test_a_handshake_needs_the_key_before_it_learns_of_a_path(connect: Connect) -> None:
    assert await denied_with(connect("/nowhere", Attempt())) == 401


async def test_outside_development_only_configured_keys_get_in() -> None:
    key, entry = make_key("alice")
    settings = Settings(api_keys=(entry,), allow_hosts=("*",))
    async with ASGIConductor(create_app(settings)) as conductor:
        for wrong in (make_development_key("alice"), make_key("alice")[0]):
            assert (await conductor.simulate_get("/x", headers=header(wrong))).status_code == 401
        assert (await conductor.simulate_get("/x", headers=header(key))).status_code == 404
