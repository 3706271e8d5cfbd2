"""Training as a server is told of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping

import numpy as np

from nerve.callbacks.callback import Callback, Logs


class RemoteMonitor(Callback):
    """Send the logs of every epoch to a server, by POST.

    A server that does not answer is a warning, and training goes on.

    Parameters
    ----------
    root : str
        Address of the server.
    path : str
        Where on the server.
    field : str
        Name of the form's field that holds the logs as JSON.
    headers : dict of str, optional
    send_as_json : bool
        Send the JSON itself, and not a form.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ValueError(f"[RemoteMonitor] root must begin with http:// or https://, got {root!r}")
        self.root = root
        self.path = path
        self.field = field
        self.headers = dict(headers or {})
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        sent = json.dumps({"epoch": epoch, **{name: np.asarray(v).tolist() for name, v in (logs or {}).items()}})
        if self.send_as_json:
            data, kind = sent.encode(), "application/json"
        else:
            data, kind = urllib.parse.urlencode({self.field: sent}).encode(), "application/x-www-form-urlencoded"
        request = urllib.request.Request(self.root + self.path, data, {"Content-Type": kind, **self.headers})
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(f"[RemoteMonitor] could not reach {self.root}: {error}", stacklevel=2)
