"""Functions of IP addresses. Source: hashicorp/go-cty-funcs, package cidr."""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from dispatchfile.jobspec.hcl.call import Function, FunctionError, Parameter, UnsupportedCallError
from dispatchfile.jobspec.hcl.functions.texts import whole
from dispatchfile.jobspec.hcl.types import NUMBER, STRING, Value, list_value, string_value

_PREFIX = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}", re.ASCII)


def _network(text: str) -> IPv4Network:
    if ":" in text:
        raise UnsupportedCallError("IPv6 addresses are not supported here")
    try:
        if _PREFIX.fullmatch(text):
            return IPv4Network(text, strict=False)
    except ValueError:
        pass
    raise FunctionError("invalid CIDR expression: invalid CIDR address")


def _host(values: Sequence[Value]) -> Value:
    number, network = whole(values[1]), _network(values[0].text)
    bits = 32 - network.prefixlen
    largest = 2**bits - 1
    offset = number if number >= 0 else largest + 1 + number
    if abs(number) > largest + (number < 0) or not 0 <= offset <= largest:
        raise FunctionError(f"prefix of {bits} does not accommodate a host numbered {number}")
    return string_value(str(network.network_address + offset))


def _netmask(values: Sequence[Value]) -> Value:
    return string_value(str(_network(values[0].text).netmask))


def _subnet(values: Sequence[Value]) -> Value:
    bits, number = whole(values[1]), whole(values[2])
    network = _network(values[0].text)
    if bits > 32:
        raise FunctionError("may not extend prefix by more than 32 bits")
    if bits < 0:
        raise FunctionError("must extend prefix by at least 0 bits")
    length = network.prefixlen + bits
    if length > 32:
        raise FunctionError(f"insufficient address space to extend prefix of {network.prefixlen} by {bits}")
    if not 0 <= number < 2**bits:
        raise FunctionError(f"prefix extension of {bits} does not accommodate a subnet numbered {number}")
    start = int(network.network_address) + (number << (32 - length))
    return string_value(f"{IPv4Address(start)}/{length}")


def _subnets(values: Sequence[Value]) -> Value:
    network = _network(values[0].text)
    start, end = int(network.network_address), int(network.broadcast_address) + 1
    subnets: list[Value] = []
    for position, value in enumerate(values[1:], 1):
        bits = whole(value, position)
        length = network.prefixlen + bits
        if bits < 1 or bits > 32 or length > 32:
            raise FunctionError("must extend prefix by at least one bit, and to 32 bits at most", position)
        size = 2 ** (32 - length)
        start = -(-start // size) * size
        if start + size > end:
            raise FunctionError(
                f"not enough remaining address space for a subnet with a prefix of {length} bits", position
            )
        subnets.append(string_value(f"{IPv4Address(start)}/{length}"))
        start += size
    return list_value(subnets, STRING)


_ONE: Final = (Parameter("prefix", STRING),)

FUNCTIONS: Final[Mapping[str, Function]] = {
    "cidrhost": Function(_host, (*_ONE, Parameter("hostnum", NUMBER))),
    "cidrnetmask": Function(_netmask, _ONE),
    "cidrsubnet": Function(_subnet, (*_ONE, Parameter("newbits", NUMBER), Parameter("netnum", NUMBER))),
    "cidrsubnets": Function(_subnets, _ONE, Parameter("newbits", NUMBER)),
}
