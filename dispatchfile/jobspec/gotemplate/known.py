"""The functions that a template may call here, and why it may not call others."""

from typing import Final

BUILT_IN: Final = frozenset(
    {
        "and",
        "call",
        "eq",
        "ge",
        "gt",
        "html",
        "index",
        "js",
        "le",
        "len",
        "lt",
        "ne",
        "not",
        "or",
        "print",
        "printf",
        "println",
        "slice",
        "urlquery",
    }
)
"""Source: the Go standard library, text/template/funcs.go."""

HELPERS: Final = frozenset(
    {
        "add",
        "base64Decode",
        "base64Encode",
        "base64URLDecode",
        "base64URLEncode",
        "contains",
        "containsAll",
        "containsAny",
        "containsNone",
        "containsNotAll",
        "divide",
        "env",
        "envOrDefault",
        "file",
        "hmacSHA256Hex",
        "in",
        "indent",
        "join",
        "loop",
        "maximum",
        "md5sum",
        "mergeMap",
        "mergeMapWithOverride",
        "minimum",
        "modulo",
        "multiply",
        "mustEnv",
        "parseBool",
        "parseFloat",
        "parseInt",
        "parseJSON",
        "parseUint",
        "regexMatch",
        "regexReplaceAll",
        "replaceAll",
        "scratch",
        "sha256Hex",
        "split",
        "splitToMap",
        "subtract",
        "timestamp",
        "toJSON",
        "toJSONPretty",
        "toLower",
        "toTitle",
        "toUnescapedJSON",
        "toUnescapedJSONPretty",
        "toUpper",
        "trim",
        "trimPrefix",
        "trimSpace",
        "trimSuffix",
    }
)
"""Source: hashicorp/consul-template, template/template.go (funcMap)."""

_CONSUL: Final = frozenset(
    {
        "byKey",
        "byMeta",
        "byPort",
        "byTag",
        "caLeaf",
        "caRoots",
        "connect",
        "datacenters",
        "explode",
        "explodeMap",
        "exportedServices",
        "importedServices",
        "key",
        "keyExists",
        "keyOrDefault",
        "ls",
        "node",
        "nodes",
        "partitions",
        "peerings",
        "safeLs",
        "safeTree",
        "service",
        "services",
        "tree",
    }
)
_VAULT: Final = frozenset({"pkiCert", "secret", "secrets"})
_NOMAD: Final = frozenset(
    {"nomadService", "nomadServices", "nomadVar", "nomadVarExists", "nomadVarList", "nomadVarListSafe"}
)
_INSTEAD: Final = "to try the job here, use a copy of the file with a fixed text in its place"
_DENIED: Final = frozenset({"executeTemplate", "plugin", "writeToFile"})
_NOT_HERE: Final = frozenset(
    {
        "parseYAML",
        "sockaddr",
        "spew_dump",
        "spew_printf",
        "spew_sdump",
        "spew_sprintf",
        "toTOML",
        "toYAML",
    }
)


def is_known(name: str) -> bool:
    return name in BUILT_IN or name in HELPERS


def explain_unknown(name: str) -> str:
    """Why a function cannot be called."""
    for names, needs in ((_CONSUL, "Consul"), (_VAULT, "Vault"), (_NOMAD, "a Nomad cluster")):
        if name in names:
            return f'function "{name}" needs {needs}, which the embedded agent does not have: {_INSTEAD}'
    if name in _DENIED:
        return f'function "{name}" is disabled, as on Nomad by default'
    if name in _NOT_HERE or name.startswith("sprig_"):
        return f'function "{name}" is not supported by the embedded agent: {_INSTEAD}'
    return f'function "{name}" not defined'
