# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives a vemu through its QMP socket. Environment: BUILD, TOP."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

BUILD, TOP = os.environ["BUILD"], os.environ["TOP"]
WORK = tempfile.mkdtemp()
failures = 0


def check(what, ok, detail=""):
    global failures
    if not ok:
        failures += 1
        print(f"FAILED: {what} {detail}")


class Qmp:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        for _ in range(250):
            try:
                self.s.connect(path)
                break
            except OSError:
                time.sleep(0.02)
        self.s.settimeout(10)
        self.buffer = b""
        self.events = []

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        while b"\n" not in self.buffer:
            data = self.s.recv(65536)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def reply(self):
        while True:
            message = self.line()
            if message is None or "event" not in message:
                return message
            self.events.append(message)

    def command(self, name, **arguments):
        message = {"execute": name}
        if arguments:
            message["arguments"] = arguments
        self.send(json.dumps(message))
        return self.reply()

    def wait_event(self, name):
        while True:
            for i, e in enumerate(self.events):
                if e["event"] == name:
                    return self.events.pop(i)
            message = self.line()
            if message is None:
                return None
            self.events.append(message)


def error_class(message):
    return message.get("error", {}).get("class")


def start(*options):
    path = f"{WORK}/qmp.sock"
    if os.path.exists(path):
        os.unlink(path)
    argv = [f"{BUILD}/tools/vemu/vemu", "-accel", "soft", "-m", "16M", "-nodefaults", "-kernel", f"{WORK}/idle",
            "-name", "qmp test", "-uuid", "11111111-2222-3333-4444-555555555555", "-chardev", "ring,id=log",
            "-qmp", f"unix:{path},server=on,wait=off", *options]
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    return p, path


def ended(p, status):
    try:
        p.wait(10)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
    check("exit status", p.returncode == status, f"{p.returncode}, expected {status}")


def test_negotiation():
    p, path = start("-S")
    q = Qmp(path)
    greeting = q.line()
    check("greeting", set(greeting) == {"QMP"} and greeting["QMP"]["capabilities"] == [], greeting)
    check("version", greeting["QMP"]["version"]["package"].startswith("vemu "), greeting)
    check("before negotiation", error_class(q.command("query-status")) == "CommandNotFound")
    check("unknown capability", error_class(q.command("qmp_capabilities", enable=["oob"])) == "GenericError")
    check("negotiation", q.command("qmp_capabilities") == {"return": {}})
    check("negotiated twice", error_class(q.command("qmp_capabilities")) == "CommandNotFound")
    # a second client waits its turn and starts anew
    q.s.close()
    q = Qmp(path)
    check("second greeting", "QMP" in q.line())
    check("second negotiation is needed", error_class(q.command("stop")) == "CommandNotFound")
    check("second negotiation", q.command("qmp_capabilities") == {"return": {}})
    q.command("quit")
    ended(p, 0)


def test_queries(q):
    status = q.command("query-status")["return"]
    check("prelaunch", status == {"status": "prelaunch", "singlestep": False, "running": False}, status)
    check("name", q.command("query-name") == {"return": {"name": "qmp test"}})
    check("uuid", q.command("query-uuid") == {"return": {"UUID": "11111111-2222-3333-4444-555555555555"}})
    check("kvm", q.command("query-kvm") == {"return": {"enabled": False, "present": True}})
    names = {c["name"] for c in q.command("query-commands")["return"]}
    for name in ("qmp_capabilities", "query-status", "query-version", "query-commands", "query-chardev", "stop", "cont",
                 "system_powerdown", "system_reset", "quit"):
        check("query-commands", name in names, name)
    chardevs = {c["label"]: c for c in q.command("query-chardev")["return"]}
    check("chardevs", set(chardevs) == {"log", "qmp0"}, chardevs)
    check("front ends", chardevs["qmp0"]["frontend-open"] and not chardevs["log"]["frontend-open"], chardevs)
    accelerator = q.command("query-accelerator")["return"]
    check("accelerator", accelerator["name"] == "soft" and accelerator["reason"], accelerator)


def test_life_cycle(q):
    check("cont", q.command("cont") == {"return": {}})
    check("RESUME", q.wait_event("RESUME"))
    check("running", q.command("query-status")["return"]["running"])
    check("cont again", q.command("cont") == {"return": {}})
    check("stop", q.command("stop") == {"return": {}})
    stop = q.wait_event("STOP")
    check("STOP", stop and set(stop["timestamp"]) == {"seconds", "microseconds"}, stop)
    check("stop again", q.command("stop") == {"return": {}})
    check("paused", q.command("query-status")["return"]["status"] == "paused")
    check("reset", q.command("system_reset") == {"return": {}})
    reset = q.wait_event("RESET")
    check("RESET", reset["data"] == {"guest": False, "reason": "host-qmp-system-reset"}, reset)
    check("paused after reset", q.command("query-status")["return"]["status"] == "paused")
    check("cont after reset", q.command("cont") == {"return": {}})
    check("powerdown", q.command("system_powerdown") == {"return": {}})
    check("POWERDOWN", q.wait_event("POWERDOWN"))
    check("bad then", error_class(q.command("system_powerdown", then="explode")) == "GenericError")
    check("powerdown for a reboot", q.command("system_powerdown", then="reset") == {"return": {}})


def test_bad_input(q):
    for text, class_ in (
            ('{"execute": "no-such"}', "CommandNotFound"),
            ('{"execute": 5}', "GenericError"),
            ('{"arguments": {}}', "GenericError"),
            ('{"execute": "stop", "arguments": []}', "GenericError"),
            ('{"execute": "stop", "arguments": {"x": 1}}', "GenericError"),
            ('{"execute": "stop", "other": 1}', "GenericError"),
            ("[]", "GenericError"), ("5 ", "GenericError"), ('"text"', "GenericError"), ("null ", "GenericError"),
            ("}\n", "GenericError"), ('{"a" 1}\n', "GenericError"), ("nonsense\n", "GenericError"),
            ("[" * 5000 + "\n", "GenericError"),
            ('{"execute": "' + "x" * 3000000 + "\n", "GenericError")):
        q.send(text)
        reply = q.reply()
        check("bad input", error_class(reply) == class_, f"{text[:50]} {reply}")
        q.send("\n")
    q.send('{"execute": "query-na')
    q.send(b"\xff")  # resets the parser
    check("after 0xff", "return" in q.command("query-name"))
    q.send("{'execute': 'query-name', 'id': 'single quotes'}")
    check("single quotes", q.reply().get("id") == "single quotes")
    for id_ in (1, "x", None, [1, {"a": 2}], {"k": []}, 1.5):
        q.send(json.dumps({"execute": "query-name", "id": id_}))
        reply = q.reply()
        check("id", reply.get("id", "missing") == id_ or id_ is None, f"{id_} {reply}")
    q.send('{"execute": "query-name", "id": 1}{"execute": "query-name", "id": 2} \n {"execute":\n"query-name", "id": 3}')
    check("several at once", [q.reply()["id"] for _ in range(3)] == [1, 2, 3])
    for c in '{"execute": "query-name", "id": "slow"}':
        q.send(c)
    check("byte by byte", q.reply()["id"] == "slow")


def test_client_that_does_not_read(path):
    q = Qmp(path)
    q.send('{"execute": "qmp_capabilities"}')
    q.s.settimeout(0.5)
    try:
        for _ in range(200):
            q.send('{"execute": "query-commands"}' * 100)
    except OSError:
        pass  # it pushes back, as it should
    q.s.close()


def main():
    subprocess.run(["gcc", "-m32", "-DIDLE", "-nostdlib", "-static", "-Wl,--build-id=none",
                    f"-Wl,-T,{TOP}/tests/bench/payload.ld", "-o", f"{WORK}/idle", f"{TOP}/tests/bench/payload.S"],
                   check=True, stderr=subprocess.DEVNULL)
    test_negotiation()
    p, path = start("-S")
    q = Qmp(path)
    q.line()
    q.command("qmp_capabilities")
    test_queries(q)
    test_life_cycle(q)
    test_bad_input(q)
    q.s.close()
    test_client_that_does_not_read(path)
    q = Qmp(path)
    check("greeting after a client that did not read", "QMP" in q.line())
    q.command("qmp_capabilities")
    check("quit", q.command("quit") == {"return": {}})
    shutdown = q.wait_event("SHUTDOWN")
    check("SHUTDOWN", shutdown and shutdown["data"] == {"guest": False, "reason": "host-qmp-quit"}, shutdown)
    ended(p, 0)
    if failures:
        sys.exit(f"{failures} failures")


main()
