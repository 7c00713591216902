"""
The way to Nomad. The rest of the tool knows of it what `dispatchfile.nomad.protocol` says.

`http` sends and translates; `pool` and `connection` go straight to Nomad, with `http1` (h11) for the bytes; `proxied`
goes through a proxy (httpx). `faults` says what each fault means, `explaining` tells people, `tls` reads certificates.
"""

from dispatchfile.nomad.transport.http import HttpTransport, limits_of
from dispatchfile.nomad.transport.way import ConnectionLimits

__all__ = ["ConnectionLimits", "HttpTransport", "limits_of"]
