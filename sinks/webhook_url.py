"""Where a webhook may go: an address as text, and what its name resolved to, judged before any connection.

Rules: the least is allowed. An address that is written in a way that two programs could read differently is
refused; so is every IP address that is not plainly of the public internet, and a name is refused as a whole
when one of its addresses is. Loopback is for demos and tests: by word of its endpoint, and nothing else then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from topics.errors import BadInput

LONGEST = 2_048  # characters of an address
LONGEST_NAME = 253
HTTPS, HTTP = 443, 80
IP = IPv4Address | IPv6Address
NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?")
NUMBERS = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")  # what a resolver may take for a piece of an IPv4 address
WRITTEN = re.compile(r"[!-~]+")  # printable ASCII without blanks
NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
PUBLIC_6 = IPv6Network("2000::/3")  # all else is ours, mapped, translated (NAT64), local, multicast or unused
NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")  # Teredo is in the first
)


class Refused(BadInput):
    """A webhook may not go there."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What an endpoint may do besides https to port 443 of the public internet."""

    http: bool = False
    loopback: bool = False
    ports: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed address; `path` has the query with it."""

    https: bool
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Give the address without its path, which may hold a secret."""
        return f"{'https' if self.https else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        """Give host and port as the Host header has them: the port only if it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (HTTPS if self.https else HTTP) else f"{host}:{self.port}"


def read_url(text: str, reach: Reach) -> Target:
    """Read an address.

    Raises:
        Refused: a webhook may not go there, or the address is not plain enough to tell.

    """
    if len(text) > LONGEST or not WRITTEN.fullmatch(text) or "\\" in text:
        raise Refused("an address is printable ASCII without blanks and backslashes (other names: punycode)")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Refused(f"this is no address: {error}") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and reach.http):
        raise Refused("an address begins with https:// (`http: true` allows http://)")
    if "@" in parts.netloc or parts.fragment or "#" in text:
        raise Refused("an address has no user, password or fragment")
    https = parts.scheme == "https"
    if port is None and parts.netloc.endswith(":"):
        raise Refused("there is no port after the colon")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = (HTTPS if https else HTTP) if port is None else port
    target = Target(https, _host(host, bracketed="[" in parts.netloc), port, path)
    if not reach.loopback and target.port not in _ports(reach):
        raise Refused(f"port {target.port} is not allowed (GAMEWAX_WEBHOOKS__PORTS adds some)")
    literal = as_ip(target.host)
    if literal is not None:
        judge([str(literal)], target, reach)
    return target


def judge(addresses: Sequence[str], target: Target, reach: Reach) -> tuple[str, ...]:
    """Give the addresses of a name, if a webhook may go to all of them.

    Raises:
        Refused: it may not, or there are none.

    """
    if not addresses:
        raise Refused(f"{target.host} has no address")
    for text in addresses:
        address = as_ip(text)
        if address is None:
            raise Refused(f"{target.host} is at {text!r}, which is no IP address")
        if reach.loopback and not is_loopback(address):
            raise Refused(f"{target.host} is at {address}: `loopback: true` reaches this machine only")
        if not reach.loopback and not is_public(address):
            raise Refused(f"{target.host} is at {address}, which is not of the public internet")
    return tuple(dict.fromkeys(addresses))


def is_public(address: IP) -> bool:
    """Tell whether an IP address is plainly of the public internet.

    >>> is_public(IPv4Address("8.8.8.8")), is_public(IPv6Address("::ffff:8.8.8.8"))
    (True, False)

    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_4)
    plain = address in PUBLIC_6 and address.scope_id is None
    return plain and not any(address in network for network in NOT_PUBLIC_6)


def is_loopback(address: IP) -> bool:
    """Tell whether an IP address is this machine's own, and no other form of it."""
    if isinstance(address, IPv4Address):
        return address in IPv4Network("127.0.0.0/8")
    return address == IPv6Address("::1") and address.scope_id is None


def as_ip(text: str) -> IP | None:
    """Read an IP address as it is usually written; None when it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _host(host: str, *, bracketed: bool) -> str:
    """Check a host's name or IP address.

    Raises:
        Refused: it is neither, or another way to write one.

    """
    literal = as_ip(host)
    if bracketed:
        if not isinstance(literal, IPv6Address) or "%" in host:
            raise Refused("what stands in brackets is an IPv6 address, without a zone")
        return str(literal)
    if literal is not None:
        return str(literal)
    last = host.rstrip(".").rsplit(".", 1)[-1]
    if not host or len(host) > LONGEST_NAME or not NAME.fullmatch(host):
        raise Refused("an address names a host of letters, digits, dashes and dots")
    if NUMBERS.fullmatch(last):
        raise Refused(f"{host} is an IP address in disguise: write it as four numbers")
    return host


def _ports(reach: Reach) -> frozenset[int]:
    return reach.ports | ({HTTPS, HTTP} if reach.http else {HTTPS})
