"""Where messages may be sent: to the public, encrypted, or to this very machine.

An address that a name stands for is looked at when it is connected to, since a name can stand for
another one by then. Networks that are not public, the link-local one with a cloud's metadata among
them, are open where whoever runs the service names them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from trueup.errors import InputError

__all__ = ["Network", "Resolver", "check_url", "host_of", "networks_of", "origin_of"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LONGEST = 2000
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def networks_of(names: Iterable[str]) -> tuple[Network, ...]:
    """Return networks from their names, such as "10.0.0.0/8".

    Raises:
        InputError: one is no network.
    """
    try:
        return tuple(ipaddress.ip_network(name.strip()) for name in names)
    except ValueError as error:
        raise InputError(f"webhook networks: {error}; give some such as 10.0.0.0/8") from error


def check_url(url: str, networks: Sequence[Network] = ()) -> str:
    """Return a webhook's address without spaces around it.

    Raises:
        InputError: messages may not be sent there; the message says why.
    """
    cleaned = url.strip()
    try:
        parts = urlsplit(cleaned)
        parts.port  # noqa: B018, it is read to be checked
    except ValueError as error:
        raise InputError(
            f"webhook: {error}; give an address such as https://example.org"
        ) from error
    host = parts.hostname or ""
    printable = cleaned.isascii() and cleaned.isprintable() and " " not in cleaned
    if parts.scheme not in ("http", "https") or not host or not printable:
        raise InputError("webhook: give an ASCII address such as https://example.org/hook")
    if len(cleaned) > _LONGEST:
        raise InputError(f"webhook: the address is longer than {_LONGEST} characters")
    if "@" in parts.netloc:
        raise InputError(f"webhook {origin_of(cleaned)}: it holds a password; leave it out")
    if parts.scheme == "http" and not _is_local(host):
        raise InputError(
            f"webhook {origin_of(cleaned)}: it would be sent as anybody on the way could read it; "
            "give an https address"
        )
    if literal := _literal(host):
        _check_address(literal, host, networks)
    return cleaned


def host_of(url: str) -> str:
    """Return an address's host."""
    return urlsplit(url).hostname or ""


def origin_of(url: str) -> str:
    """Return what of an address may be written in a log: its path may hold a secret."""
    parts: SplitResult = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Resolver(AbstractResolver):
    """Finds the addresses of names, and only such as messages may be sent to."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host.

        Raises:
            InputError: it stands for one that messages may not be sent to.
        """
        found = await self._inner.resolve(host, port, family)
        for one in found:
            _check_address(
                ipaddress.ip_address(one["host"].partition("%")[0]), host, self._networks
            )
        return found

    async def close(self) -> None:
        """Close the resolver."""
        await self._inner.close()


def _check_address(address: Address, host: str, networks: Sequence[Network]) -> None:
    plain = _unwrapped(address)
    if any(plain in network for network in networks if network.version == plain.version):
        return
    if plain.is_loopback and _is_local(host):
        return
    if not plain.is_global or plain.is_multicast:
        raise InputError(
            f"webhook host {host}: its address {address} is not public; whoever runs the service "
            "can allow its network (--webhook-network)"
        )


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_local(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" if literal is None else literal.is_loopback


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
