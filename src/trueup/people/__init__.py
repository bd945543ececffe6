"""People: who may sign in to the service, how they do, and what they may do there.

A web handler turns a cookie or a key into an `Actor` (`session_of`, `key_owner`), asks
`require(actor, permission)` and `may_see(actor, ...)`, and hands `actor.name` on as the actor of
what it writes. The functions here do what they are told, one thing in one transaction with its
event in the audit log; whether the one who asks may do it is for the caller to require.
"""

from trueup.people._invitations import (
    Invitation,
    SentInvitation,
    accept,
    cancel_invitation,
    first_invitation,
    invite,
    list_invitations,
)
from trueup.people._keys import NewKey, key_owner, list_keys, make_key, revoke_key
from trueup.people._members import add_member, get_member, list_members, set_member
from trueup.people._oidc import (
    Identity,
    PendingSignIn,
    begin_sign_in,
    note_failed_sign_in,
    sign_in_with,
    take_sign_in,
)
from trueup.people._purge import purge
from trueup.people._roles import (
    PERMISSIONS,
    Actor,
    Permission,
    may_see,
    permissions_of,
    require,
)
from trueup.people._sessions import (
    Session,
    end_sessions,
    list_sessions,
    session_of,
    set_password,
    sign_in,
    sign_out,
)
from trueup.store.access import ApiKey
from trueup.store.people import Member, Role

__all__ = [
    "PERMISSIONS",
    "Actor",
    "ApiKey",
    "Identity",
    "Invitation",
    "Member",
    "NewKey",
    "PendingSignIn",
    "Permission",
    "Role",
    "SentInvitation",
    "Session",
    "accept",
    "add_member",
    "begin_sign_in",
    "cancel_invitation",
    "end_sessions",
    "first_invitation",
    "get_member",
    "invite",
    "key_owner",
    "list_invitations",
    "list_keys",
    "list_members",
    "list_sessions",
    "make_key",
    "may_see",
    "note_failed_sign_in",
    "permissions_of",
    "purge",
    "require",
    "revoke_key",
    "session_of",
    "set_member",
    "set_password",
    "sign_in",
    "sign_in_with",
    "sign_out",
    "take_sign_in",
]
