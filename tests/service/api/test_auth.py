"""Keys: who gets in, and that the gate never opens again."""

from __future__ import annotations

import pytest

from service.store import keys

EXPERIMENTS = "/v1/experiments"
OPEN = ["/livez", "/readyz", "/docs", "/openapi.json"]


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def revoke(database, name):
    with database.write() as session:
        assert keys.revoke(session, name)


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_without_keys_everybody_gets_in_until_the_first_key_is_made(client, make_key):
    assert client.get(EXPERIMENTS).status_code == 200
    key = make_key("first")
    assert client.get(EXPERIMENTS).status_code == 401
    assert client.get(EXPERIMENTS, headers=bearer(key)).status_code == 200


def test_every_route_but_the_open_ones_needs_a_key(client, make_key):
    make_key("any")
    operations = [
        (method, path.replace("{experiment_id}", "0" * 26).replace("{seed}", "0"))
        for path, operations in client.get("/openapi.json").json()["paths"].items()
        for method in operations
    ]
    assert len(operations) > 20
    for method, path in operations:
        wanted = path not in OPEN
        assert (client.request(method, path).status_code == 401) is wanted, path
    assert client.get("/", follow_redirects=False).status_code == 307


def test_a_401_is_a_problem_that_says_how(client, make_key):
    make_key("any")
    answer = client.get(EXPERIMENTS)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer realm="tombola"'
    assert "Authorization: Bearer KEY" in answer.json()["detail"]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer x {key}",
        "Bearer \u00fc\u00df",
        "Bearer tmb_",
    ],
)
def test_what_is_no_valid_key_stays_out(client, make_key, header):
    key = make_key("any")
    value = header.format(key=key).encode("latin-1")
    assert client.get(EXPERIMENTS, headers={"Authorization": value}).status_code == 401


def test_the_scheme_is_read_in_any_case(client, make_key):
    key = make_key("any")
    assert client.get(EXPERIMENTS, headers={"Authorization": f"bEARER  {key}"}).status_code == 200


def test_a_revoked_key_is_refused_at_once(client, database, make_key):
    key, other = make_key("gone"), make_key("stays")
    assert client.get(EXPERIMENTS, headers=bearer(key)).status_code == 200
    revoke(database, "gone")
    answer = client.get(EXPERIMENTS, headers=bearer(key))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert client.get(EXPERIMENTS, headers=bearer(other)).status_code == 200


def test_revoking_the_last_key_keeps_the_door_closed(client, database, make_key):
    key = make_key("only")
    assert client.get(EXPERIMENTS, headers=bearer(key)).status_code == 200
    revoke(database, "only")
    assert client.get(EXPERIMENTS).status_code == 401


def test_a_server_that_started_with_a_key_stays_closed_even_if_nobody_ever_came(serve, database, make_key):
    make_key("only")
    with serve(database) as client:
        revoke(database, "only")
        assert client.get(EXPERIMENTS).status_code == 401


@pytest.mark.parametrize(
    "settings",
    [{"host": "0.0.0.0"}, {"host": "192.0.2.1"}, {"host": "example.org"}, {"admin_key": "tmb_x"}],  # noqa: S104  # said, not bound
)
def test_a_server_for_strangers_is_closed_without_any_key(serve, database, settings):
    with serve(database, **settings) as client:
        assert client.get(EXPERIMENTS).status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_a_server_on_loopback_is_open_without_keys(serve, database, host):
    with serve(database, host=host) as client:
        assert client.get(EXPERIMENTS).status_code == 200


def test_nothing_of_a_body_is_judged_before_the_key(client, make_key):
    make_key("any")
    assert client.post(EXPERIMENTS, content=b"{").status_code == 401
    assert client.get(EXPERIMENTS, params={"limit": "x"}).status_code == 401
