"""Clients of the web service at an address of their own that read little."""

from __future__ import annotations

import socket

import httpx

from tests.support.services import Service


def client_at(web: Service, address: str) -> httpx.Client:
    """A client of the API whose kernel keeps little of an answer that it does not read.

    :param address: where it comes from, one of 127.0.0.0/8.
    """
    little = (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    transport = httpx.HTTPTransport(local_address=address, socket_options=[little])
    return httpx.Client(base_url=f"{web.url}/api/v1", timeout=20, transport=transport)
