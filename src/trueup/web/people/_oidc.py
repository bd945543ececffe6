"""An OpenID provider, asked who somebody is: discovery, the question, and its signed answer.

The authorization-code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636), by Authlib. The answer
is held against the provider's published keys, the provider's name, our client id, the nonce and
the time, and against RFC 9207's `iss` where the provider sends it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trueup.errors import InputError, MissingExtra, SignInError
from trueup.people import Identity, PendingSignIn, Role

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session
    from joserfc.jwt import Token

__all__ = ["Oidc", "Provider"]

# only what a key pair signs: a secret that we share would sign as well as the provider
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_WAIT = 10.0  # seconds for an answer of the provider
_KEPT = 3600.0  # seconds for which what a provider says of itself is not asked again
_LEEWAY = 60  # seconds by which its clock and ours may differ
_LONGEST = 255  # characters of a subject: OpenID Connect Core, 2


@dataclass(frozen=True, slots=True)
class Oidc:
    """How members sign in by an OpenID provider.

    Attributes:
        issuer: the provider's address, as it writes it itself.
        client_id: what it knows this service by.
        client_secret: what this service proves itself with; "" is a public client.
        name_claim: which claim gives a newcomer's name.
        newcomers: what those become whom nobody invited; None is that they may not come in.
        label: what the button calls the provider; "" takes its host.

    Raises:
        InputError: there is no client id, or the address is not HTTPS.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    name_claim: str = "preferred_username"
    newcomers: Role | None = None
    label: str = ""

    def __post_init__(self) -> None:
        if not _safe(self.issuer) or len(self.issuer) > 200:
            raise InputError(
                f"OpenID issuer {self.issuer[:200]!r}: give its https:// address; "
                "http:// is for this machine alone"
            )
        if not self.client_id:
            raise InputError(f"OpenID issuer {self.issuer}: give the client id with it")

    @property
    def shown(self) -> str:
        """What the provider is called on the page."""
        return self.label or str(urlsplit(self.issuer).hostname)


class Provider:
    """An OpenID provider, which is asked over HTTP.

    Raises:
        MissingExtra: Authlib is not installed.
    """

    def __init__(self, settings: Oidc) -> None:
        try:
            import authlib.integrations.requests_client  # noqa: F401
        except ImportError as error:
            raise MissingExtra(
                "sign-in by OpenID needs Authlib: pip install 'trueup[oidc]'"
            ) from error
        self.settings = settings
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def question(self, pending: PendingSignIn, redirect: str) -> str:
        """Return the address at which the provider asks somebody who they are.

        Args:
            pending: the sign-in under way.
            redirect: where the provider sends them afterwards.

        Raises:
            SignInError: the provider does not answer, or says nothing of use about itself.
        """
        about = self._about()
        with self._session(redirect, about) as session:
            address, _ = session.create_authorization_url(
                about["authorization_endpoint"],
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
            )
        return str(address)

    def answer(
        self, pending: PendingSignIn, code: str, redirect: str, *, iss: str = ""
    ) -> Identity:
        """Return whom the provider vouches for.

        Args:
            pending: the sign-in under way, which has been used up.
            code: what the provider sent somebody back with.
            redirect: where it sent them.
            iss: who says to have sent them (RFC 9207); "" is that nobody says.

        Raises:
            SignInError: the provider does not answer, or its answer does not hold.
        """
        about = self._about()
        if iss != self.settings.issuer and (
            iss or about.get("authorization_response_iss_parameter_supported") is True
        ):
            raise SignInError(f"the answer is not from {self.settings.issuer}: begin again")
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        try:
            with self._session(redirect, about) as session:
                given = session.fetch_token(
                    about["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=pending.verifier,
                )
                claims = self._claims(given, pending.nonce)
                return self._identity(claims | self._profile(session, about, claims))
        except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError, OSError) as error:
            raise SignInError(
                f"the answer of {self.settings.issuer} does not hold: {_line(error)}; begin again"
            ) from error

    def _claims(self, given: dict[str, Any], nonce: str) -> dict[str, Any]:
        """Return what the token says, if it was signed by the provider, for us, to this nonce."""
        from authlib.oidc.core import CodeIDToken

        token = self._decoded(str(given["id_token"]))
        mine = {"essential": True, "value": self.settings.client_id}
        options = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": mine,
        }
        asked = {
            "nonce": nonce,
            "client_id": self.settings.client_id,
            "access_token": given.get("access_token"),
        }
        claims = CodeIDToken(token.claims, token.header, options, asked)
        claims.validate(leeway=_LEEWAY)
        return dict(claims)

    def _decoded(self, text: str) -> Token:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        registry = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        where = str(self._about()["jwks_uri"])
        for again in (False, True):
            keys = KeySet.import_key_set(self._get(where, again=again))  # type: ignore[arg-type]
            try:
                return jwt.decode(text, keys, registry=registry)
            except InvalidKeyIdError:  # the provider may have taken a new key since
                if again:
                    raise
        raise AssertionError

    def _profile(
        self, session: OAuth2Session, about: dict[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what the token leaves out, if the provider has a page that tells it."""
        where = about.get("userinfo_endpoint")
        if not where or {"email", self.settings.name_claim} <= claims.keys():
            return {}
        if not _safe(where):
            raise ValueError("its userinfo_endpoint is not HTTPS")
        answer = session.get(where, headers={"Accept": "application/json"})
        answer.raise_for_status()
        told = dict(answer.json())
        if told.get("sub") != claims["sub"]:  # OpenID Connect Core, 5.3.2
            raise ValueError("it tells of somebody else")
        wanted = {"email", "email_verified", self.settings.name_claim} - claims.keys()
        if "email" in claims:  # its word on one email is none on another
            wanted.discard("email_verified")
        return {name: told[name] for name in wanted if name in told}

    def _identity(self, claims: dict[str, Any]) -> Identity:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST:
            raise ValueError("its subject is no text of 1 to 255 characters")
        name, email = claims.get(self.settings.name_claim), claims.get("email")
        return Identity(
            self.settings.issuer,
            subject,
            name if isinstance(name, str) else "",
            email if isinstance(email, str) else "",
            claims.get("email_verified") in (True, "true"),  # some providers write it as a text
        )

    def _about(self) -> dict[str, Any]:
        """Return what the provider says about itself.

        Raises:
            SignInError: it does not answer, or its answer is of no use.
        """
        issuer = self.settings.issuer
        try:
            about = self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        except (OSError, TypeError, ValueError) as error:
            raise SignInError(f"{issuer} does not answer: {_line(error)}; try again") from error
        if about.get("issuer") != issuer:
            raise SignInError(f"{issuer} calls itself {about.get('issuer')!r}: set that as issuer")
        missing = [name for name in _NEEDED if not _safe(about.get(name))]
        if missing:
            raise SignInError(f"{issuer} has no {missing[0]} over HTTPS: it cannot be used")
        return about

    def _get(self, where: str, *, again: bool = False) -> dict[str, Any]:
        import requests

        kept = self._kept.get(where)
        if kept is not None and not again and time.monotonic() - kept[0] < _KEPT:
            return kept[1]
        answer = requests.get(where, timeout=_WAIT)
        answer.raise_for_status()
        found = dict(answer.json())
        self._kept[where] = (time.monotonic(), found)
        return found

    def _session(self, redirect: str, about: dict[str, Any]) -> OAuth2Session:
        from authlib.integrations.requests_client import OAuth2Session

        secret = self.settings.client_secret
        ways = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        way = "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
        return OAuth2Session(
            self.settings.client_id,
            secret or None,
            token_endpoint_auth_method=way if secret else "none",
            scope="openid profile email",
            redirect_uri=redirect,
            code_challenge_method="S256",
            default_timeout=_WAIT,
        )


def _safe(address: object) -> bool:
    """Return whether nobody on the way can read or change what is sent there."""
    parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
    if parts.scheme == "http":
        return parts.hostname in ("localhost", "127.0.0.1", "::1")
    return parts.scheme == "https" and bool(parts.hostname)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
