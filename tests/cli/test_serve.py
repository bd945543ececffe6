"""`trueup serve`, as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import httpx
import pytest

from trueup.cli import main
from trueup.errors import InputError
from trueup.people import add_member, make_key
from trueup.queues import AnnotationQueue
from trueup.store import Store
from trueup.web import listen


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["serve", *arguments])
    return stopped.value.code


def test_an_address_that_is_taken_is_told_in_one_line(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run("--store", str(tmp_path / "store"), "--port", port) == 1
    said = capsys.readouterr().err
    assert f"--port {port}: cannot listen there (Address already in use)" in said
    assert said.count("\n") == 1


def test_a_host_that_is_none_is_told_in_one_line(tmp_path, capsys):
    assert run("--store", str(tmp_path / "store"), "--host", "nosuch.invalid") == 1
    said = capsys.readouterr().err
    assert "--host nosuch.invalid --port 8600: cannot listen there (" in said
    assert "Unknown error" not in said


def test_each_worker_listens_by_itself_and_to_nobody_else():
    with ExitStack() as open_ones:
        made = [open_ones.enter_context(one) for one in listen("127.0.0.1", 0, 2)]
        [port] = {one.getsockname()[1] for one in made}
        for workers in (1, 2):
            with pytest.raises(InputError, match="Address already in use"):
                listen("127.0.0.1", port, workers)


def workers_of(process):
    """Return the processes that serve for one."""
    found = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True
    )
    return {int(line) for line in found.stdout.split()}


def until(holds, seconds=60):
    for _ in range(seconds * 20):
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def several(tmp_path):
    """A server of two workers, and the address it told."""
    arguments = ["--store", str(tmp_path / "store"), "--port", "0", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "trueup", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    try:
        yield process, process.stdout.readline().split()[-1].replace("localhost", "127.0.0.1")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_several_workers_serve_and_what_ends_by_itself_is_replaced(several):
    process, address = several
    first = until(lambda: len(found := workers_of(process)) == 2 and found)
    assert httpx.get(f"{address}/signin", timeout=60).status_code == 200
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(workers_of(process) - {victim}) == 2)
    assert httpx.get(f"{address}/signin", timeout=60).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    left = process.stdout.read()
    assert f"worker {victim} ended by itself (-9)" in left
    assert "Traceback" not in left


def test_ctrl_c_while_workers_start_says_nothing(several):
    process, _ = several
    until(lambda: len(workers_of(process)) == 2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
    assert process.wait(30) == 0
    assert process.stdout.read().splitlines()[1:] == []


def test_no_worker_outlives_the_one_that_started_it(several):
    process, address = several
    assert httpx.get(f"{address}/signin", timeout=60).status_code == 200
    workers = until(lambda: len(found := workers_of(process)) == 2 and found)
    process.kill()
    until(lambda: all(gone(pid) for pid in workers), 10)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{address}/signin")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--key", "x.pem"), "--certificate and --key go together"),
        (
            ("--certificate", "x.pem", "--key", "y.pem", "--workers", "2"),
            "--certificate x.pem --key y.pem: No such file",
        ),
        (("--url", "trueup.example.org"), "--url trueup.example.org: give all of it"),
        (("--oidc-client-id", "x"), "goes with --oidc-issuer"),
        (("--oidc-issuer", "https://id.example.org"), "give the client id"),
        (("--oidc-issuer", "http://id.example.org", "--oidc-client-id", "x"), "give its https"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(tmp_path, capsys, arguments, said):
    assert run("--store", str(tmp_path / "store"), *arguments) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "store").exists()


def test_it_serves_until_it_is_interrupted_and_names_where_a_provider_sends_people(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secret = "the secret that the provider gave"
    settings = {
        "TRUEUP_OIDC_ISSUER": "https://id.example.org",
        "TRUEUP_OIDC_CLIENT_ID": "trueup",
        "TRUEUP_OIDC_CLIENT_SECRET": secret,
        "TRUEUP_OIDC_NEWCOMERS": "viewer",
        "PYTHONUNBUFFERED": "1",
    }
    arguments = ["serve", "--store", str(tmp_path / "store"), "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "trueup", *arguments, "--oidc-label", "Example Ltd"],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        said = [process.stdout.readline() for _ in range(3)]
        assert f"at http://localhost:{port}" in said[0]
        back = f"http://localhost:{port}/signin/oidc/callback"
        assert said[1] == f"https://id.example.org is to send people back to {back}\n"
        join = said[2].split()[-1].replace("localhost", "127.0.0.1")
        for _ in range(200):
            try:
                page = httpx.get(join, timeout=60)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        assert "Join with Example Ltd" in page.text
        process.send_signal(signal.SIGINT)
        left = process.communicate(timeout=30)[0]
    assert secret not in "".join(said) + left
    assert "Traceback" not in left


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
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
        with client:
            for _ in range(600):
                try:
                    client.get("/api/me")
                    break
                except httpx.TransportError:
                    assert process.poll() is None, said.read_text()
                    time.sleep(0.1)
            with client.stream("GET", "/api/queues/prefs/events") as stream:
                lines = stream.iter_lines()
                assert next(lines).startswith(("event", ":"))
                process.send_signal(signal.SIGINT)
                assert process.wait(9) == 0  # and not when its patience ends, at 10
                for _ in lines:
                    pass
    finally:
        process.kill()
        process.wait()
    assert said.read_text().count("\n") == 1  # where it serves, and no more
