import signal
import socket
import subprocess
import sys
import time

import httpx

from trueup.people import add_member, make_key
from trueup.queues import AnnotationQueue
from trueup.store import Store


def test_ctrl_c_ends_the_server_at_once_though_somebody_listens(tmp_path):
    with Store.open(tmp_path / "store") as store:
        add_member(store, "ana", "admin", actor="ana")
        key = make_key(store, "ana", "test", ["read_queue"], actor="ana").key
        AnnotationQueue.create("prefs", store=store, actor="ana")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "trueup", "serve", "--port", str(port)]
    said = tmp_path / "said.txt"
    with said.open("w") as out:
        process = subprocess.Popen(
            [*command, "--store", str(tmp_path / "store")], stdout=out, stderr=out
        )
    try:
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}
        )
        with client:
            for _ in range(600):
                try:
                    client.get("/api/me")
                    break
                except httpx.TransportError:
                    assert process.poll() is None, said.read_text()
                    time.sleep(0.1)
            with client.stream("GET", "/api/queues/prefs/events", timeout=20) as stream:
                lines = stream.iter_lines()
                assert next(lines).startswith(("event", ":"))
                process.send_signal(signal.SIGINT)
                assert process.wait(5) == 0
                for _ in lines:
                    pass
    finally:
        process.kill()
        process.wait()
    assert said.read_text().count("\n") == 1  # where it serves, and no more
