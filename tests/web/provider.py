"""An OpenID provider of Authlib's server side: real codes, real keys, real signatures, over HTTP.

`python provider.py PORT` runs it. It vouches for whoever `POST /set` names, and tells the lies that
`POST /set` asks for, so that a service can be tried with answers that do not hold.
"""

import base64
import json
import sys
import time
from dataclasses import dataclass, field

import uvicorn
from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from joserfc import jws, jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "trueup", "the secret of the client, which is long enough to sign by"


@dataclass
class State:
    issuer: str
    user: dict | None = None
    lie: str = ""
    back: str = ""
    asked: list[str] = field(default_factory=list)
    codes: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    keys: list[RSAKey] = field(default_factory=list)

    def new_key(self) -> None:
        self.keys.append(RSAKey.generate_key(2048, {"kid": f"key {len(self.keys)}", "use": "sig"}))


class Client:
    client_id = CLIENT

    def __init__(self, state: State) -> None:
        self._state = state

    def get_client_id(self):
        return CLIENT

    def get_default_redirect_uri(self):
        return self._state.back

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self._state.back

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


@dataclass
class Code:
    code: str
    redirect_uri: str
    scope: str
    user: dict
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return int(time.time())

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class Asked(OAuth2Request):
    """A request with its fields, wherever they came in."""

    def __init__(self, request: Request, fields: dict[str, str]) -> None:
        super().__init__(request.method, str(request.url), headers=dict(request.headers))
        self.headers = {name.title(): value for name, value in request.headers.items()}
        self.payload = BasicOAuth2Payload(fields)
        self._fields = fields

    @property
    def args(self):
        return self._fields

    @property
    def form(self):
        return self._fields


class Server(AuthorizationServer):
    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state
        tokens = BearerTokenGenerator(lambda **_: base64.b32encode(time.time_ns().to_bytes(9)))
        self.register_token_generator("default", self._generate)
        self._bearer = tokens

    def _generate(self, **options):
        made = self._bearer.generate(**options)
        made["access_token"] = made["access_token"].decode()
        return made

    def query_client(self, client_id):
        return Client(self.state) if client_id == CLIENT else None

    def save_token(self, token, request):
        self.state.tokens[token["access_token"]] = request.user

    def send_signal(self, name, *args, **kwargs):
        pass

    def create_oauth2_request(self, request):
        return request

    def handle_response(self, status, body, headers):
        named = dict(headers)
        if isinstance(body, dict):
            return JSONResponse(body, status, named)
        return Response(body, status, named)


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code, request):
        given = request.payload.data
        self.server.state.codes[code] = Code(
            code,
            request.payload.redirect_uri,
            request.scope,
            request.user,
            given.get("nonce"),
            given.get("code_challenge"),
            given.get("code_challenge_method"),
        )

    def query_authorization_code(self, code, client):
        return self.server.state.codes.get(code)

    def delete_authorization_code(self, authorization_code):
        del self.server.state.codes[authorization_code.code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class IdToken(OpenIDCode):
    """The signed token, and what can be wrong with one."""

    def __init__(self, state: State) -> None:
        super().__init__(require_nonce=True)
        self.state = state

    def exists_nonce(self, nonce, request):
        return any(code.nonce == nonce for code in self.state.codes.values())

    def resolve_client_private_key(self, client):
        return self.state.keys[-1]

    def get_encode_header(self, client):
        return {"alg": "RS256", "kid": self.state.keys[-1].kid}

    def get_client_claims(self, client):
        claims = {"iss": self.state.issuer, "aud": [CLIENT]}
        match self.state.lie:
            case "issuer":
                claims["iss"] = "https://elsewhere.example"
            case "audience":
                claims["aud"] = ["another client"]
            case "audience as text":
                claims["aud"] = "another client"
            case "audiences":
                claims["aud"] = [CLIENT, "another client"]
            case "party":
                claims |= {"aud": [CLIENT, "another client"], "azp": "another client"}
            case "expired":
                claims["exp"] = int(time.time()) - 120
            case "later":
                claims |= {"iat": int(time.time()) + 600, "nbf": int(time.time()) + 600}
            case "odd times":
                claims |= {"exp": "soon", "iat": ["now"]}
        return claims

    def get_authorization_code_claims(self, authorization_code):
        claims = super().get_authorization_code_claims(authorization_code)
        match self.state.lie:
            case "nonce":
                claims["nonce"] = "that of another sign-in"
            case "no nonce":
                del claims["nonce"]
        return claims

    def generate_user_info(self, user, scope):
        if self.state.lie in ("thin", "thin of another", "thin list"):
            return UserInfo(sub=user["sub"])
        return UserInfo(user)

    def encode_id_token(self, token, request):
        whole = super().encode_id_token(token, request)
        header, claims, signature = whole.split(".")
        body = json.loads(base64.urlsafe_b64decode(claims + "=="))
        match self.state.lie:
            case "signature":
                changed = json.dumps(body | {"sub": "somebody else"}).encode()
                changed = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
                return f"{header}.{changed}.{signature}"
            case "unsigned":
                bare = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
                return f"{bare}.{claims}."
            case "secret":
                return jwt.encode({"alg": "HS256"}, body, OctKey.import_key(SECRET), ["HS256"])
            case "garbage":
                return "\ud83d.x.y"
            case "no header":
                return f"W10.{claims}.{signature}"
            case "no claims":
                key = self.state.keys[-1]
                return jws.serialize_compact({"alg": "RS256", "kid": key.kid}, b"[]", key)
            case "long subject" | "odd subject" | "empty subject" | "no subject":
                key = self.state.keys[-1]
                odd = {"long subject": "x" * 256, "odd subject": {"x": 1}, "empty subject": ""}
                body["sub"] = odd.get(self.state.lie)
                body = {name: value for name, value in body.items() if value is not None}
                return jwt.encode({"alg": "RS256", "kid": key.kid}, body, key, ["RS256"])
            case "hash":
                body["at_hash"] = "of another token"
                key = self.state.keys[-1]
                return jwt.encode({"alg": "RS256", "kid": key.kid}, body, key, ["RS256"])
        return whole


def create(issuer: str) -> FastAPI:
    state = State(issuer)
    state.new_key()
    server = Server(state)
    server.register_grant(CodeGrant, [IdToken(state), CodeChallenge(required=True)])
    app = FastAPI()

    @app.post("/set")
    async def change(request: Request):
        for name, value in (await request.json()).items():
            setattr(state, name, value)
        if state.lie == "new key":
            state.new_key()
            state.lie = ""
        return {"asked": state.asked}

    @app.get("/.well-known/openid-configuration")
    def about():
        state.asked.append("about")
        lying = state.lie == "calls itself another"
        plain = "http://elsewhere.example/keys"
        return {
            "issuer": f"{issuer}/x" if lying else issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": plain if state.lie == "plain http" else f"{issuer}/keys",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": state.lie.startswith("says who"),
        }

    @app.get("/keys")
    def keys():
        state.asked.append("keys")
        return {"keys": [key.as_dict(private=False) for key in state.keys]}

    @app.get("/authorize")
    def authorize(request: Request):
        asked = Asked(request, dict(request.query_params))
        if asked.payload.data.get("code_challenge_method") != "S256":
            return Response("no PKCE", 400)
        try:
            grant = server.get_consent_grant(asked, end_user=state.user)
        except OAuth2Error as error:
            return Response(f"refused: {error}", 400)
        answer = server.create_authorization_response(asked, state.user, grant)
        if state.lie == "says who is another":
            answer.headers["location"] += "&iss=https%3A%2F%2Felsewhere.example"
        return answer

    @app.post("/token")
    async def token(request: Request):
        form = await request.form()
        if state.lie == "no token":
            return {"access_token": "x", "token_type": "Bearer"}
        if state.lie in ("no JSON", "a list"):
            return Response("<html>" if state.lie == "no JSON" else "[1]")
        return server.create_token_response(Asked(request, {k: str(v) for k, v in form.items()}))

    @app.get("/userinfo")
    def userinfo(request: Request):
        state.asked.append("userinfo")
        user = state.tokens.get(request.headers["authorization"].removeprefix("Bearer "))
        if user is None:
            return Response(status_code=401)
        if state.lie == "thin list":
            return [user]
        return user | ({"sub": "another"} if state.lie == "thin of another" else {})

    return app


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(create(f"http://127.0.0.1:{port}"), port=port, log_level="warning", ws="none")
