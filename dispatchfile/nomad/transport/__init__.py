"""
The connection to Nomad. The rest of the tool knows of it what `dispatchfile.nomad.protocol` says.

`http` sends and translates; `pool` and `pooled_connection` connect directly, with `http1` (h11) for the bytes;
`proxied` connects through a proxy (httpx). `faults` says what each fault means, `explaining` explains it to people,
`tls` reads certificates.
"""

from dispatchfile.nomad.transport.backend import ConnectionLimits
from dispatchfile.nomad.transport.http import HttpTransport, limits_of

__all__ = ["ConnectionLimits", "HttpTransport", "limits_of"]
