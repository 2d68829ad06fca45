"""Who calls: bearer tokens of an issuer, own tokens, a gateway, or an open server."""

import base64
import hmac
import json
import time
from datetime import timedelta

import oidc_server
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from ades.errors import BadRequest, Misconfigured, NoSuchResource, NoSuchWorkspace
from ades.model import ADMINISTRATOR, User
from ades.service.tokens import Tokens
from ades.settings import Settings

PROCESSES = "/alice/ogc-api/processes"
ROOMS = {"workspaces": ["alice"], "workspace": "alice"}


@pytest.fixture(scope="module")
def issuer():
    found = oidc_server.Issuer()
    yield found
    found.close()


@pytest.fixture
def app(make_app, issuer):
    """A server with the workspaces alice and bob that asks for tokens of the issuer."""
    issuer.rotate("first")
    issuer.asked.clear()
    issuer.broken, issuer.says = False, {}
    made = make_app(oidc_issuer=issuer.url, oidc_keys_rest=0)
    for name in ("alice", "bob"):
        made.extensions["ades"].store.workspaces.create(name)
    return made


@pytest.fixture
def get(app):
    """Asks with a token."""
    client = app.test_client()

    def ask(token=None, path=PROCESSES, **headers):
        sent = headers if token is None else {"Authorization": f"Bearer {token}"} | headers
        return client.get(path, headers=sent)

    return ask


@pytest.fixture
def whoami(app):
    """The actor that a request is understood as."""
    identify = app.extensions["ades"].identify

    def ask(token=None, environ=None, **headers):
        sent = headers if token is None else {"Authorization": f"Bearer {token}"} | headers
        with app.test_request_context("/", headers=sent, environ_base=environ) as context:
            return identify(context.request)

    return ask


# -- tokens of an issuer --------------------------------------------------------------------------------------------


def test_good_token(get, issuer):
    """A good token opens what its workspaces may see."""
    assert get(issuer.token(**ROOMS)).status_code == 200
    assert get(issuer.token(**ROOMS), path="/alice/ogc-api/processes/echo").status_code == 200


def test_claims(whoami, issuer):
    """Keycloak's claims say who it is, to which workspaces he belongs, which he owns and what his roles are."""
    actor = whoami(
        issuer.token(
            workspaces=["alice", "team", "Not_A_Name", 7],
            workspace="alice",
            realm_access={"roles": ["user", "hub_admin"]},
            **{"workspaces-owned": ["alice"]},
        )
    )

    assert actor.name == "ann"
    assert actor.workspaces == {"alice", "team"}
    assert actor.workspace == "alice"
    assert actor.owned == {"alice"}
    assert actor.roles == {"user", "hub_admin", ADMINISTRATOR}
    assert not actor.anonymous
    assert not actor.open


def test_other_claim_names(make_app, issuer):
    """Another issuer's claims are found by the names in the settings, also below others and with dots in them."""
    made = make_app(
        oidc_issuer=issuer.url, claim_user="email", claim_workspaces="groups.ades", claim_roles="https://x.y/roles",
        admin_roles="boss",
    )  # fmt: skip
    identify = made.extensions["ades"].identify
    claims = {"email": "a@b.c", "groups": {"ades": "alice bob"}, "https://x.y/roles": ["boss"]}
    with made.test_request_context("/", headers={"Authorization": f"Bearer {issuer.token(**claims)}"}) as context:
        actor = identify(context.request)

    assert actor.name == "a@b.c"
    assert actor.workspaces == {"alice", "bob"}
    assert ADMINISTRATOR in actor.roles


def test_role_of_that_name(whoami, issuer):
    """The role `administrator` of a token is nothing here, unless the settings say so."""
    assert ADMINISTRATOR not in whoami(issuer.token(realm_access={"roles": [ADMINISTRATOR]})).roles


def test_token_of_a_service(whoami, issuer):
    """A token that was handed to a user service's steps never administers."""
    actor = whoami(
        issuer.token(user_service="true", realm_access={"roles": ["hub_admin"]}, **{"workspaces-owned": ["alice"]})
    )

    assert actor.service
    assert actor.roles == frozenset()
    assert actor.owned == frozenset()


def test_subject_when_there_is_no_name(whoami, issuer):
    """Without a name the subject is taken."""
    assert whoami(issuer.token(preferred_username=None)).name == "id-of-ann"


FORGER = RSAKey.generate_key(2048, {"kid": "first"})


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def unsigned(issuer):
    return f"{encoded({'alg': 'none', 'kid': 'first'})}.{encoded(issuer.claims(**ROOMS))}."


def tampered(issuer):
    head, _, signature = issuer.token(**ROOMS).split(".")
    return f"{head}.{encoded(issuer.claims(**ROOMS, sub='x'))}.{signature}"


def with_public_key_as_secret(issuer):
    body = unsigned(issuer).replace(encoded({"alg": "none", "kid": "first"}), encoded({"alg": "HS256", "kid": "first"}))
    body = body.rstrip(".")
    signature = hmac.digest(issuer.signing.as_pem(private=False), body.encode(), "sha256")
    return f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


BAD = {
    "expired": lambda issuer: issuer.token(**ROOMS, exp=int(time.time()) - 31),
    "no expiry": lambda issuer: issuer.token(**ROOMS, exp=None),
    "not yet valid": lambda issuer: issuer.token(**ROOMS, nbf=int(time.time()) + 60),
    "wrong audience": lambda issuer: issuer.token(**ROOMS, aud="other"),
    "wrong audiences": lambda issuer: issuer.token(**ROOMS, aud=["other", "account"]),
    "no audience": lambda issuer: issuer.token(**ROOMS, aud=None),
    "wrong issuer": lambda issuer: issuer.token(**ROOMS, iss="https://elsewhere.example"),
    "no issuer": lambda issuer: issuer.token(**ROOMS, iss=None),
    "forged": lambda issuer: issuer.token(**ROOMS, key=FORGER),
    "tampered": tampered,
    "alg none": unsigned,
    "public key as secret": with_public_key_as_secret,
    "unpinned algorithm": lambda issuer: issuer.token(**ROOMS, header={"alg": "RS384"}, algorithms=["RS384"]),
    "unknown key": lambda issuer: issuer.token(**ROOMS, header={"kid": "never"}),
    "key name no text": lambda issuer: issuer.token(**ROOMS).replace(
        issuer.token(**ROOMS).split(".")[0],
        encoded({"alg": "RS256", "kid": ["first"]}),
    ),
    "ID token": lambda issuer: issuer.token(**ROOMS, typ="ID"),
    "refresh token": lambda issuer: issuer.token(**ROOMS, typ="Refresh"),
    "name of a machine": lambda issuer: issuer.token("token:ci", **ROOMS),
    "nameless": lambda issuer: issuer.token("", **ROOMS, sub=None),
    "name with a line break": lambda issuer: issuer.token("a\nb", **ROOMS),
    "name no text": lambda issuer: issuer.token(**ROOMS, preferred_username={"a": 1}),
    "workspace no name": lambda issuer: issuer.token(workspaces=["alice"], workspace="../alice"),
    "workspace no text": lambda issuer: issuer.token(workspaces=["alice"], workspace=["alice"]),
    "rubbish": lambda issuer: "rubbish",
    "dots": lambda issuer: "..",
    "four parts": lambda issuer: "a.b.c.d",
    "no JSON inside": lambda issuer: ".".join([encoded([1])] * 3),
    "enormous": lambda issuer: issuer.token(**ROOMS, more="x" * 17_000),
    "own, unknown": lambda issuer: "ades_" + "x" * 43,
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_token(get, issuer, kind):
    """A token that is no good gets 401 with a challenge, and never a hint at what is wrong with it."""
    answers = [get(BAD[kind](issuer), path=path) for path in (PROCESSES, "/nowhere/ogc-api/processes")]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ades", error="invalid_token"'
        assert answer.json["detail"] == "The token is not valid here."
        assert {"type", "title", "status", "detail", "instance"} == set(answer.json)


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "bearer\t", "Token x", "", "Bearer \u00e4", "Bearer a b"]
)
def test_no_bearer_token(get, header):
    """A header that holds no bearer token is refused like a bad one."""
    answer = get(Authorization=header)

    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_no_token(get):
    """Without a token the client is asked for one."""
    answer = get()

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ades"'


def test_open_doors(get):
    """What the server is can be read without a token; probes too."""
    for path in ("/alice/ogc-api", "/alice/ogc-api/conformance", "/alice/ogc-api/api", "/healthz", "/readyz"):
        assert get(path=path).status_code == 200


def test_unknown_workspace(get, issuer):
    """A workspace that does not exist is not found, whoever asks."""
    for token in (None, issuer.token(**ROOMS), issuer.token(realm_access={"roles": ["hub_admin"]})):
        for path in ("/nowhere/ogc-api/processes", "/nowhere/ogc-api/processes/x", "/nowhere/ogc-api"):
            assert get(token, path=path).status_code == 404


def test_clock_skew(get, issuer):
    """The issuer's clock may differ by the leeway."""
    assert get(issuer.token(**ROOMS, exp=int(time.time()) - 20)).status_code == 200
    assert get(issuer.token(**ROOMS, iat=int(time.time()) + 20)).status_code == 200


def test_any_audience(make_app, issuer):
    """With `*` the audience does not matter."""
    client = make_app(oidc_issuer=issuer.url, oidc_audience="*", workspace="demo").test_client()
    token = issuer.token(workspaces=["demo"], aud=None)

    answer = client.get("/demo/ogc-api/processes", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("algorithm", "make"),
    [
        ("ES256", lambda: ECKey.generate_key("P-256", {"kid": "k"})),
        ("PS256", lambda: RSAKey.generate_key(2048, {"kid": "k"})),
        ("Ed25519", lambda: OKPKey.generate_key("Ed25519", {"kid": "k"})),
    ],
)
def test_algorithms(get, issuer, algorithm, make):
    """Each algorithm of the settings works."""
    issuer.signing = make()
    issuer.keys = {"k": issuer.signing}

    token = issuer.token(**ROOMS, header={"alg": algorithm}, algorithms=[algorithm])
    assert get(token).status_code == 200


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_chosen_algorithm(make_app, issuer):
    """The settings can choose an algorithm that is no longer recommended; then the others are refused."""
    issuer.signing = OKPKey.generate_key("Ed25519", {"kid": "k"})
    issuer.keys = {"k": issuer.signing}
    client = make_app(oidc_issuer=issuer.url, oidc_algorithms="EdDSA").test_client()

    def status(algorithm):
        token = issuer.token(header={"alg": algorithm}, algorithms=[algorithm])
        return client.get("/demo/ogc-api/processes", headers={"Authorization": f"Bearer {token}"}).status_code

    assert (status("EdDSA"), status("Ed25519")) == (200, 401)


def test_only_public_keys():
    """Algorithms with a shared secret cannot be set."""
    for wrong in ("HS256", "none", ""):
        with pytest.raises(ValueError, match="give some of"):
            Settings(oidc_algorithms=wrong)


# -- the issuer's keys ----------------------------------------------------------------------------------------------


def test_keys_are_kept(get, issuer):
    """The issuer is asked once for many tokens."""
    for _ in range(5):
        assert get(issuer.token(**ROOMS)).status_code == 200

    assert len(issuer.asked) == 2


def test_rotation(get, issuer):
    """A token signed with a new key makes the server look for it; the old key is good no more."""
    before = issuer.token(**ROOMS)
    assert get(before).status_code == 200
    issuer.rotate("second")

    assert get(issuer.token(**ROOMS)).status_code == 200
    assert get(before).status_code == 401


def test_unknown_keys_are_not_asked_for_each_time(make_app, issuer):
    """Tokens with made-up key names do not become requests to the issuer."""
    issuer.rotate("first")
    issuer.asked.clear()
    client = make_app(oidc_issuer=issuer.url, oidc_keys_rest=60).test_client()
    for number in range(20):
        token = issuer.token(header={"kid": f"made-up-{number}"})
        answer = client.get("/demo/ogc-api/processes", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401

    assert len(issuer.asked) == 2


def test_issuer_down_at_first(get, issuer):
    """As long as the issuer has never answered, nobody is let in; later they are."""
    issuer.broken = True
    answer = get(issuer.token(**ROOMS))
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert get(path="/healthz").status_code == 200

    issuer.broken = False
    assert get(issuer.token(**ROOMS)).status_code == 200


def test_issuer_down_later(get, issuer):
    """Keys that are known serve while the issuer does not answer."""
    assert get(issuer.token(**ROOMS)).status_code == 200
    issuer.broken = True

    assert get(issuer.token(**ROOMS)).status_code == 200
    assert get(issuer.token(**ROOMS, header={"kid": "new"})).status_code == 401


@pytest.mark.parametrize(
    "says", [{"issuer": "https://other.example"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": None}]
)
def test_issuer_that_is_not_itself(get, issuer, says):
    """A discovery document of somebody else, or one that leads elsewhere, is not believed."""
    issuer.says = says

    assert get(issuer.token(**ROOMS)).status_code == 503


def test_secret_key_among_the_keys(get, issuer):
    """A shared secret and a key for encryption among the issuer's keys are not used."""
    secret = OctKey.generate_key(256, {"kid": "secret"})
    issuer.keys["secret"] = secret
    issuer.keys["locked"] = RSAKey.generate_key(2048, {"kid": "locked", "use": "enc"})
    signed = {
        "secret": jwt.encode({"alg": "HS256", "kid": "secret"}, issuer.claims(**ROOMS), secret, algorithms=["HS256"]),
        "locked": issuer.token(**ROOMS, header={"kid": "locked"}, key=RSAKey.generate_key(2048, {"kid": "locked"})),
    }

    assert {"secret": 401, "locked": 401} == {name: get(token).status_code for name, token in signed.items()}
    assert get(issuer.token(**ROOMS)).status_code == 200


# -- users as rows --------------------------------------------------------------------------------------------------


def test_users_become_rows(get, issuer, app):
    """Who comes with a token for the first time is entered."""
    users = app.extensions["ades"].store.users
    assert users.list() == []

    get(issuer.token(**ROOMS))
    get(issuer.token(**ROOMS))

    assert [user.name for user in users.list()] == ["ann"]
    assert users.get("ann").seen is not None


def test_rows_add(whoami, issuer, app):
    """What an administrator has written on the row counts like a claim."""
    users = app.extensions["ades"].store.users
    row = users.saw("ann").evolve(workspaces=frozenset({"team"}), roles=frozenset({ADMINISTRATOR}))
    users.put(row)
    actor = whoami(issuer.token(**ROOMS))

    assert actor.workspaces == {"alice", "team"}
    assert ADMINISTRATOR in actor.roles


def test_shut_out(get, issuer, app):
    """Who is shut out by his row gets in with no token."""
    users = app.extensions["ades"].store.users
    users.put(users.saw("ann").evolve(disabled=True))

    assert get(issuer.token(**ROOMS)).status_code == 401
    assert get(issuer.token("ben", **ROOMS)).status_code == 200


# -- own tokens -----------------------------------------------------------------------------------------------------


@pytest.fixture
def tokens(app):
    return Tokens(app.extensions["ades"].store)


def test_own_token(get, whoami, tokens):
    """A token of our own acts for its workspace, and for no other."""
    issued = tokens.issue(by="root", title="ci", workspace="alice")

    assert issued.secret.startswith("ades_")
    assert get(issued.secret, path="/alice/ogc-api/processes/echo").status_code == 200
    actor = whoami(issued.secret)
    assert (actor.name, actor.workspace, actor.workspaces) == ("token:ci", "alice", {"alice"})
    assert actor.scopes is None
    assert actor.roles == frozenset()


def test_own_token_is_never_kept(tokens, app):
    """The database holds no part of a token that could be used."""
    issued = tokens.issue(by="root", title="ci", workspace="alice")
    database = (app.extensions["ades"].settings.data / "ades.db").read_bytes()
    log = app.extensions["ades"].settings.data / "ades.db-wal"
    kept = database + (log.read_bytes() if log.exists() else b"")

    assert issued.token.hash.encode() in kept
    assert issued.secret.removeprefix("ades_").encode() not in kept
    assert issued.secret not in repr(issued.token)


def test_limited_token(whoami, tokens):
    """A token can be limited to some words."""
    issued = tokens.issue(by="root", workspace="alice", scopes=["read", "execute-process"])

    assert whoami(issued.secret).scopes == {"read", "execute-process"}


def test_revoked_token(get, tokens):
    """A revoked token is worthless at once; the beginning of its number is enough to revoke it."""
    issued = tokens.issue(by="root", workspace="alice")
    assert get(issued.secret).status_code == 200

    assert tokens.revoke(str(issued.token.id)[:8]).id == issued.token.id
    assert get(issued.secret).status_code == 401


def test_expired_token(get, tokens):
    """A token ends when it was said to."""
    issued = tokens.issue(by="root", workspace="alice", lifetime=timedelta(seconds=1))
    assert get(issued.secret).status_code == 200
    time.sleep(1.1)

    assert get(issued.secret).status_code == 401


def test_token_of_a_user(get, whoami, tokens, app):
    """A token without a workspace speaks for its user, as long as he is let in."""
    users = app.extensions["ades"].store.users
    user = User("robot", users.saw("robot").created, workspaces=frozenset({"bob"}), roles=frozenset({ADMINISTRATOR}))
    users.put(user)
    issued = tokens.issue(by="root", owner="robot")

    actor = whoami(issued.secret)
    assert (actor.name, actor.workspace, actor.workspaces, actor.roles) == ("robot", None, {"bob"}, {ADMINISTRATOR})

    users.put(user.evolve(disabled=True))
    assert get(issued.secret).status_code == 401


def test_refusals(tokens):
    """A token for nothing, for what does not exist, with unknown words or without time is not made."""
    with pytest.raises(BadRequest):
        tokens.issue(by="root")
    with pytest.raises(NoSuchWorkspace):
        tokens.issue(by="root", workspace="nowhere")
    with pytest.raises(NoSuchResource):
        tokens.issue(by="root", owner="nobody")
    with pytest.raises(BadRequest, match="wheel"):
        tokens.issue(by="root", workspace="alice", scopes=["wheel"])
    with pytest.raises(BadRequest):
        tokens.issue(by="root", workspace="alice", lifetime=timedelta(0))


def test_revoking_the_wrong_one(tokens):
    """What is not clear is not revoked."""
    tokens.issue(by="root", workspace="alice")
    for name in ("", "zzz"):
        with pytest.raises(NoSuchResource):
            tokens.revoke(name)
    issued = tokens.issue(by="root", workspace="bob")
    with pytest.raises(NoSuchResource):
        tokens.revoke(str(issued.token.id), workspace="alice")

    assert [token.revoked for token in tokens.list()] == [None, None]


def test_use_is_noted(get, tokens):
    """When a token was used last can be seen."""
    issued = tokens.issue(by="root", workspace="alice")
    assert tokens.list("alice")[0].last_used is None
    get(issued.secret)

    assert tokens.list("alice")[0].last_used is not None


def test_own_tokens_alone(make_app):
    """Without an issuer, own tokens are enough."""
    made = make_app(tokens=True)
    client, tokens = made.test_client(), Tokens(made.extensions["ades"].store)
    secret = tokens.issue(by="root", workspace="demo").secret

    def status(**headers):
        return client.get("/demo/ogc-api/processes", headers=headers).status_code

    assert status() == 401
    assert status(Authorization=f"Bearer {secret}") == 200
    assert status(Authorization="Bearer a.b.c") == 401


# -- a gateway ------------------------------------------------------------------------------------------------------

NAMED = {
    "X-Forwarded-User": "ann",
    "X-Forwarded-Workspaces": "alice, bob",
    "X-Forwarded-Workspace": "alice",
    "X-Forwarded-Groups": "user,hub_admin",
}


@pytest.fixture
def behind(make_app):
    """The actor of a request that came from this address with these headers."""
    made = make_app(gateway_proxies="10.0.0.0/8, 192.0.2.7")

    def ask(peer, **headers):
        environ = {"REMOTE_ADDR": peer}
        with made.test_request_context("/", headers=headers, environ_base=environ) as context:
            return made.extensions["ades"].identify(context.request)

    return ask


@pytest.mark.parametrize("peer", ["10.1.2.3", "192.0.2.7"])
def test_gateway(behind, peer):
    """A gateway's headers say who calls."""
    actor = behind(peer, **NAMED)

    assert actor.name == "ann"
    assert actor.workspaces == {"alice", "bob"}
    assert actor.workspace == "alice"
    assert actor.roles == {"user", "hub_admin", ADMINISTRATOR}


@pytest.mark.parametrize("peer", ["192.0.2.8", "127.0.0.1", "", "nonsense"])
def test_no_gateway(behind, peer):
    """The same headers from anybody else count for nothing, whatever he says of where he comes from."""
    assert behind(peer, **NAMED, **{"X-Forwarded-For": "10.1.2.3"}).anonymous


def test_gateway_without_a_user(behind):
    """A gateway that names nobody sends nobody."""
    assert behind("10.0.0.1").anonymous
    assert behind("10.0.0.1", **{"X-Forwarded-Workspaces": "alice"}).anonymous


@pytest.mark.parametrize(
    "wrong",
    [{"X-Forwarded-User": "ann,root"}, {"X-Forwarded-User": "token:ci"}, {"X-Forwarded-Workspace": "../alice"}],
)
def test_gateway_with_nonsense(behind, wrong):
    """Headers that do not come from a gateway alone are refused."""
    from ades.errors import Unauthorized

    with pytest.raises(Unauthorized):
        behind("10.0.0.1", **NAMED | wrong)


def test_gateway_network_is_checked(configure, make_app):
    """A gateway that is no address stops the start."""
    with pytest.raises(Misconfigured, match="neither an address"):
        make_app(gateway_proxies="gateway.local")


# -- an open server -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "Bearer whatever", "Bearer ades_x", "Basic YTpi", "nonsense"])
def test_open_server(make_app, header):
    """A server without identities lets everybody in; a token that a client always sends is accepted and ignored."""
    client = make_app().test_client()
    headers = {"Authorization": header} if header else {}

    assert client.get("/demo/ogc-api/processes", headers=headers).status_code == 200


def test_not_open_elsewhere():
    """Where strangers can come, a server without identities does not start, unless that is said to be wanted."""
    with pytest.raises(Misconfigured):
        Settings(host="0.0.0.0")
    for fine in (
        {"insecure": True},
        {"tokens": True},
        {"oidc_issuer": "https://i.example"},
        {"gateway_proxies": "10.0.0.1"},
    ):
        assert Settings(host="0.0.0.0", **fine).host == "0.0.0.0"
