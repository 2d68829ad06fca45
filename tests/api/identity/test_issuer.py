"""Who calls: bearer tokens of an issuer, its keys, and the users that they become."""

import base64
import hmac
import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from ades.model import ADMINISTRATOR
from ades.settings import Settings
from tests.api.identity.conftest import PROCESSES, ROOMS

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
