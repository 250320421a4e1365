"""On which address of its host a controller listens: one that the other hosts can reach, never all.

IPv4 only, as ipyparallel.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterable

_SIOCGIFFLAGS = 0x8913
_SIOCGIFADDR = 0x8915
_IFF_UP = 0x1
_ALL = ("*", "0.0.0.0", "::")  # noqa: S104 - to refuse them
_VIRTUAL = ("docker", "virbr", "br-", "veth", "cni", "podman", "lxc")
"""How interfaces begin that lead to guests of this host, not to other hosts."""
_ANY_PORT = 9


class NoSuchAddress(ValueError):
    """What was set cannot be listened on here; the text says why and what could be."""


def choose_address(setting: str, others: Iterable[str] = ()) -> str:
    """Return the address on which the controller of a batch cluster listens on this host.

    Parameters
    ----------
    setting : an address, a host name or an interface of this host; empty: choose.
    others : hosts that are to reach it.

    Raises
    ------
    NoSuchAddress
        If `setting` is none of this host's, or all addresses.
    """
    if setting:
        return _from_setting(setting)
    own = [address for address in _addresses_of(socket.gethostname()) if _is_ours(address)]
    found = (
        *own,
        *(_towards(other) for other in others),
        *(a for name, a in interface_addresses().items() if not name.startswith(_VIRTUAL)),
    )
    for address in found:
        if not is_loopback(address):
            return address
    # A host without a network: what its name means, as on machines that play several nodes.
    return own[0] if own else "127.0.0.1"


def is_loopback(address: str) -> bool:
    """Tell whether what is sent to `address` stays on this host."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"  # a name or ``*``


def interface_addresses() -> dict[str, str]:
    """Return the first address of each network interface that is up (Linux; else nothing)."""
    found: dict[str, str] = {}
    if sys.platform != "linux":
        return found
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                flags = fcntl.ioctl(probe.fileno(), _SIOCGIFFLAGS, request)
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # it has no IPv4 address
            if struct.unpack("16xH", flags[:18])[0] & _IFF_UP:
                found[name] = socket.inet_ntoa(answer[20:24])
    return found


def _from_setting(setting: str) -> str:
    interfaces = interface_addresses()
    if setting in _ALL:
        problem = f"{setting!r} means all addresses, and the controller listens on one"
    else:
        if setting in interfaces:
            return interfaces[setting]
        for address in _addresses_of(setting):
            if _is_ours(address):
                return address
        problem = f"{setting!r} is neither an address, a name nor a network interface of it"
    known = ", ".join(f"{name} ({address})" for name, address in interfaces.items())
    words = f"The controller cannot listen there on {socket.gethostname()}: {problem}."
    raise NoSuchAddress(words + (f" Its interfaces: {known}." if known else ""))


def _addresses_of(host: str) -> list[str]:
    try:
        return socket.gethostbyname_ex(host)[2]
    except (OSError, UnicodeError):
        return []


def _is_ours(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _towards(other: str) -> str:
    """Return the address with which this host speaks to `other`; loopback if there is no way."""
    for address in _addresses_of(other):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((address, _ANY_PORT))  # sends nothing: asks the kernel for the route
            except OSError:
                continue
            return str(probe.getsockname()[0])
    return "127.0.0.1"
