"""API tokens: list, make, revoke."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from runtail.access.decision import allowed, reaches_everything
from runtail.access.rights import RIGHTS, Right
from runtail.auth.tokens import BY_NAME_ONLY, Token, Tokens
from runtail.store import Store
from runtail_web import responses
from runtail_web.auditing import note
from runtail_web.authorization import allows, forbidden, principal
from runtail_web.json_response import json_response
from runtail_web.login.wiring import Login
from runtail_web.problems import Problem, invalid, no_login
from runtail_web.requests import EmptyBody, TokenBody, TokensQuery, read_body, read_query
from runtail_web.route_meta import RouteMeta, describe

#: The id that stands for the token of the request itself.
SELF = "self"


def summary(token: Token) -> dict[str, Any]:
    """Return a token as the API shows it."""
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner_name,
        "rights": [right for right in RIGHTS if right in token.rights],
        "made_ms": token.made_ms,
        "ends_ms": token.ends_ms,
        "used_ms": token.used_ms,
    }


def chosen_rights(names: list[str] | None) -> frozenset[Right]:
    """Return the rights for a new token of the sender: those named, or all of the sender's but some.

    :raises Problem: 422 for a right that the sender does not have.
    """
    mine = frozenset(right for right in RIGHTS if allowed(principal(), right))
    if names is None:
        return mine - BY_NAME_ONLY
    for name in names:
        if name not in mine:
            raise invalid([{"field": "rights", "message": f"{name!r} is not a right that you have"}], "The rights")
    return frozenset(right for right in RIGHTS if right in names)


def make_tokens(store: Store, login: Login) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("tokens", __name__)
    tokens = Tokens(store)

    @routes.get("/tokens")
    @allows("token:own")
    @describe(
        RouteMeta(
            "listTokens",
            "service",
            "API tokens, newest first",
            "Your own. With `all=true` those of everybody, which takes the right admin.",
            {200: "The tokens, without their secrets."},
            returns=responses.Tokens,
            query=TokensQuery,
        )
    )
    def listed() -> Response:
        everybody = read_query(request, TokensQuery).all
        if everybody and not reaches_everything(principal(), "admin"):
            raise forbidden("admin")
        found = [one for one in tokens.all() if everybody or one.owner_id == principal().id]
        return json_response({"tokens": [summary(one) for one in found]})

    @routes.post("/tokens")
    @allows("token:own", limit="changes")
    @describe(
        RouteMeta(
            "makeToken",
            "service",
            "Make an API token",
            "The answer is the only one that has the token. It may do what you may when it is used, and no more than "
            "its own rights say. Without `rights` these are all that you have now, but for token:own and admin.",
            {201: "The new token."},
            returns=responses.NewToken,
            body=TokenBody,
            problems=(409, 422),
        )
    )
    def made() -> Response:
        body = read_body(request, TokenBody)
        most = store.settings.auth_token_max_days
        if body.days > most:
            raise invalid(
                [{"field": "days", "message": f"is more than RUNTAIL_AUTH_TOKEN_MAX_DAYS, {most}"}], "The days"
            )
        if not login.required:
            raise no_login()
        if principal().kind == "token":
            raise Problem(403, "forbidden", "You may not do this", "A token cannot make tokens. Log in as its owner.")
        rights = chosen_rights(body.rights)
        text, token = tokens.make(body.name, principal().id, principal().name, rights, body.days)
        note("token-made", right=",".join(sorted(rights)), why=token.id)
        return json_response({**summary(token), "token": text.text}, 201)

    @routes.delete("/tokens/<token_id>")
    @allows("login", limit="changes")
    @describe(
        RouteMeta(
            "revokeToken",
            "service",
            "Revoke an API token",
            "At once, also for open streams. `self` is the token of this request. Those of others take the right "
            "admin.",
            {204: "The token does not work any more."},
            problems=(404,),
        )
    )
    def revoked(token_id: str) -> Response:
        read_body(request, EmptyBody, optional=True)
        if token_id == SELF:
            # The token of this very request, whatever its rights are: a log-out of the command line.
            token_id = principal().credential.removeprefix("token:")
        (token,) = tokens.find_all([token_id])
        mine = token is not None and (token.owner_id == principal().id or principal().id == f"token:{token_id}")
        if token is None or not (mine or reaches_everything(principal(), "admin")):
            raise Problem(404, "unknown-token", "There is no such token", "It was revoked, has ended, or never was.")
        tokens.revoke(token_id)
        note("token-revoked", why=token_id)
        return Response(status=204)

    return routes
