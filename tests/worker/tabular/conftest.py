"""A local OpenML: the answers that scikit-learn ships for its own tests, with the faults of the real one."""

from __future__ import annotations

import gzip
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import pytest

from service.settings import Settings
from worker.tabular.downloads import Downloads

RECORDED = resources.files("sklearn.datasets.tests.data.openml")
SUITE = {"study": {"id": "337", "data": {"data_id": ["61", "40675", "561"]}}}


def recorded(path):
    """Return the recorded answer to a path, packed, or None."""
    match = re.fullmatch(
        r"/(?:api/v1/json/data/(features/|qualities/)?|data/v1/download/)(\d+)(?:/.*)?", path
    )
    if match is None:
        return None
    part, number = match.groups()
    if path.startswith("/data/"):
        found = [item for folder in RECORDED.iterdir() if folder.is_dir() for item in folder.iterdir()]
        name = f"data-v1-dl-{number}.arff.gz"
    else:
        folder = RECORDED / f"id_{number}"
        found = list(folder.iterdir()) if folder.is_dir() else []
        name = (
            {None: "api-v1-jd-", "features/": "api-v1-jdf-", "qualities/": "api-v1-jdq-"}[part]
            + number
            + ".json.gz"
        )
    return next((item.read_bytes() for item in found if item.name == name), None)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        fault = server.faults.pop(0) if server.faults else None
        packed = recorded(self.path)
        if self.path == "/api/v1/json/study/337":
            packed = gzip.compress(json.dumps(SUITE).encode())
        if isinstance(fault, int):
            return self.send_error(fault)
        if packed is None:
            return self.send_error(412)
        if fault == "damaged" and self.path.startswith("/data/"):
            packed = gzip.compress(gzip.decompress(packed)[:-3] + b"???")
        self.send_response(200)
        if fault == "plain":
            packed = gzip.decompress(packed)
        else:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed[:-20] if fault == "cut" else packed)
        return None


@pytest.fixture
def openml():
    """A server of recorded answers; `faults` is what it does wrong next, `asked` what it was asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.faults, server.asked = [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def stopping():
    return threading.Event()


@pytest.fixture
def downloads(openml, tmp_path, stopping):
    return Downloads(openml.url, tmp_path / "cache", 3, 10_000_000, stopping, first_seconds=0.001)


@pytest.fixture
def settings(openml, tmp_path):
    return Settings(data_dir=tmp_path, openml_url=openml.url, openml_retries=0)
