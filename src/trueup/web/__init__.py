"""The annotation service: the REST API and the pages, over the functions that Python has too.

Handlers are plain functions, run in a pool of threads, since the store is synchronous. They read
the request, call one function of `queues`, `people` or `release`, and shape what it gives.
"""

from trueup.web._app import create_app
from trueup.web._serving import Service, listen, serve
from trueup.web.people._oidc import Oidc

__all__ = ["Oidc", "Service", "create_app", "listen", "serve"]
