"""For administrators: who has logged in, with which sessions; and locking somebody out."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, Response, request

from runtail.auth.sessions import Session, Sessions
from runtail.auth.tokens import Tokens
from runtail.auth.users import User, Users
from runtail.store import Store
from runtail_web import responses
from runtail_web.auditing import note
from runtail_web.authorization import allows, principal
from runtail_web.json_response import json_response
from runtail_web.problems import Problem
from runtail_web.requests import UserBody, read_body
from runtail_web.route_meta import RouteMeta, describe

#: So much of a session's name is shown: enough to tell them apart.
SHOWN_CHARACTERS = 12


def user_summary(who_id: str, user: User, sessions: int, tokens: int) -> dict[str, Any]:
    """Return a user as the API shows it."""
    return {
        "id": who_id,
        "groups": list(user.groups),
        "locked": user.locked,
        "gone": user.gone,
        "seen_ms": user.seen_ms or None,
        "sessions": sessions,
        "tokens": tokens,
    }


def session_summary(session: Session) -> dict[str, Any]:
    """Return a session as the API shows it."""
    return {
        "id": session.digest[:SHOWN_CHARACTERS],
        "kind": session.kind,
        "user": session.who_id,
        "name": session.name,
        "made_ms": session.made_ms,
        "ends_ms": session.ends_ms,
        "address": session.address,
        "agent": session.agent,
    }


def make_users(store: Store) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("users", __name__)
    users, sessions, tokens = Users(store), Sessions(store), Tokens(store)

    def valid_sessions() -> list[Session]:
        found = sessions.all()
        ids = sorted({one.who_id for one in found if one.who_id})
        known = dict(zip(ids, users.find_all(ids), strict=True))
        return [one for one in found if one.is_of(known.get(one.who_id))]

    @routes.get("/users")
    @allows("admin")
    @describe(
        RouteMeta(
            "listUsers",
            "service",
            "Everybody who has logged in",
            "With the number of their sessions and tokens. A locked user cannot log in, and neither sessions nor "
            "tokens of that user work; so it is with one who is gone from the file of users.",
            {200: "The users, by id."},
            returns=responses.Users,
        )
    )
    def listed() -> Response:
        ids = users.ids()
        open_sessions = Counter(one.who_id for one in valid_sessions())
        owned = Counter(one.owner_id for one in tokens.all())
        found = [
            user_summary(who_id, user, open_sessions[who_id], owned[who_id])
            for who_id, user in zip(ids, users.find_all(ids), strict=True)
            if user is not None
        ]
        return json_response({"users": found})

    @routes.get("/sessions")
    @allows("admin")
    @describe(
        RouteMeta(
            "listSessions",
            "service",
            "The sessions of everybody",
            "Browsers that are logged in, the newest first.",
            {200: "The sessions."},
            returns=responses.Sessions,
        )
    )
    def all_sessions() -> Response:
        found = sorted(valid_sessions(), key=lambda one: -one.made_ms)
        return json_response({"sessions": [session_summary(one) for one in found]})

    def known(who_id: str) -> None:
        if users.find(who_id) is None:
            raise Problem(404, "unknown-user", "There is no such user", "Nobody with this id has logged in.")

    @routes.post("/users/lock")
    @allows("admin", limit="changes")
    @describe(
        RouteMeta(
            "lockUser",
            "service",
            "Lock a user out",
            "At once: open streams end, and neither sessions nor tokens of the user work. Nobody can lock out "
            "themselves.",
            {204: "The user is locked out."},
            body=UserBody,
            problems=(404, 409),
        )
    )
    def locked() -> Response:
        who_id = read_body(request, UserBody).id
        known(who_id)
        if who_id in (principal().id, tokens.owner_of(principal())):
            raise Problem(409, "yourself", "You cannot lock out yourself", "Another administrator can.")
        users.lock(who_id)
        note("user-locked", why=who_id)
        return Response(status=204)

    @routes.post("/users/unlock")
    @allows("admin", limit="changes")
    @describe(
        RouteMeta(
            "unlockUser",
            "service",
            "Let a user in again",
            "Sessions and tokens that have not ended meanwhile work again, too.",
            {204: "The user may log in."},
            body=UserBody,
            problems=(404,),
        )
    )
    def unlocked() -> Response:
        who_id = read_body(request, UserBody).id
        known(who_id)
        users.unlock(who_id)
        note("user-unlocked", why=who_id)
        return Response(status=204)

    return routes
