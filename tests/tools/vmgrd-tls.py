# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmgrd-tls.py BUILD WORK: clients over TCP, good ones and others."""
import atexit
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading

from libvirtd_daemon import Libvirtd
from vmgrd_daemon import REMOTE, Daemon, check, string, take, until

BUILD, WORK = sys.argv[1:3]
VMSH = os.path.join(BUILD, "tools/vmsh/vmsh")
CLIENTS = (VMSH, "virsh")
ALERT = "Unable to read TLS confirmation" # virsh's word for every refusal


def certtool(*arguments):
    done = subprocess.run(["certtool", *arguments], capture_output=True, text=True, check=False)
    check(done.returncode == 0, "certtool: " + done.stderr)


class Authority:
    """Makes certificates, each client's in a directory that a URI can name."""

    def __init__(self, name):
        self.dir = os.path.join(WORK, name)
        os.mkdir(self.dir)
        self.key, self.cert = self.path("key.pem"), self.path("cacert.pem")
        self.make(self.key, self.cert, f"cn={name}\nca\ncert_signing_key\n")

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def make(self, key, cert, text, days="expiration_days = 30", signer=None):
        template = cert + ".template"
        with open(template, "w", encoding="utf-8") as out:
            out.write(f"{text}\n{days}\n")
        certtool("--generate-privkey", "--key-type", "rsa", "--bits", "2048", "--outfile", key)
        how = ["--generate-self-signed"] if signer is None else [
            "--generate-certificate", "--load-ca-certificate", signer.cert,
            "--load-ca-privkey", signer.key]
        certtool(*how, "--load-privkey", key, "--template", template, "--outfile", cert)

    def server(self):
        self.make(self.path("serverkey.pem"), self.path("servercert.pem"),
                  "cn=localhost\ndns_name=localhost\ntls_www_server\nsigning_key\nencryption_key",
                  signer=self)

    def client(self, name, trusted=None, days="expiration_days = 30"):
        where = self.path(name)
        os.mkdir(where)
        self.make(os.path.join(where, "clientkey.pem"), os.path.join(where, "clientcert.pem"),
                  f"country=XX\norganization=Test\ncn={name}\ntls_www_client\nsigning_key\n"
                  "encryption_key", days, self)
        shutil.copy((trusted or self).cert, os.path.join(where, "cacert.pem"))
        return where


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(client, uri, *command):
    done = subprocess.run([client, "-c", uri, *(command or ("list", "--all", "--name"))],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "LC_ALL": "C", "HOME": WORK}, check=False)
    return done.returncode, done.stdout + done.stderr


def works(what, uri, *command):
    answers = [run(client, uri, *command) for client in CLIENTS]
    check(answers[0][0] == 0, f"{what}: {answers}")
    check(answers[0] == answers[1], f"{what}, the same from either client: {answers}")


def refused(what, uri, ours, theirs=None):
    for client, words in ((VMSH, ours), ("virsh", theirs or ours)):
        status, text = run(client, uri)
        check(status != 0 and words.lower() in text.lower(), f"{what}: {client}: {text}")


class Network(Daemon):
    """A vmgrd with ports, and what its configuration says of them."""

    def __init__(self, authority, **keys):
        self.tls, self.tcp = free_port(), free_port()
        self.keys = {"listen_addr": "127.0.0.1", "listen_tls": "true", "tls_port": self.tls,
                     "tcp_port": self.tcp, "ca_file": authority.cert,
                     "cert_file": authority.path("servercert.pem"),
                     "key_file": authority.path("serverkey.pem"), "pending_timeout": 3,
                     "max_pending_clients": 200}
        self.conf = os.path.join(WORK, f"vmgrd-{self.tls}.conf")
        self.configure(**keys)
        super().__init__(BUILD, os.path.join(WORK, f"root-{self.tls}"), "--uri",
                         "test:///default", "--config", self.conf)
        atexit.register(self.kill) # one that a failed step leaves behind

    def configure(self, **keys):
        self.keys.update(keys)
        with open(self.conf, "w", encoding="utf-8") as out:
            out.write("[vmgrd]\n" + "".join(f"{k}={v}\n" for k, v in self.keys.items()))

    def reload(self):
        count = self.text().count("configuration reloaded")
        self.process.send_signal(signal.SIGHUP)
        until(lambda: self.text().count("configuration reloaded") > count, "it reloads")

    def uri(self, pki, host="localhost", extra=""):
        return f"test+tls://{host}:{self.tls}/default?pkipath={pki}{extra}"


def certificates(authority, other):
    alice = authority.client("alice")
    server = Network(authority, tls_allowed_dn_list="C=YY,*;C=X?,O=Test,CN=alice")
    works("a client with a certificate", server.uri(alice))
    works("a larger answer", server.uri(alice), "dumpxml", "test")
    refused("a subject that is not in the list", server.uri(authority.client("mallory")),
            "access was denied", ALERT)
    refused("a certificate of another authority",
            server.uri(other.client("bob", trusted=authority)), "refuses", "own certificate")
    refused("an expired certificate",
            server.uri(authority.client("old", days='activation_date = "2020-01-01 00:00:00"\n'
                                        'expiration_date = "2021-01-01 00:00:00"')), "expired", "expired")
    nobody = authority.path("nobody")
    os.mkdir(nobody)
    shutil.copy(authority.cert, nobody)
    refused("no certificate", server.uri(nobody), "refuses", ALERT)
    refused("a server that is not whom it is taken for", server.uri(alice, host="127.0.0.1"),
            "for host 127.0.0.1", "127.0.0.1")
    works("its name given apart", server.uri(alice)) # the URI parameter is vmsh's own:
    status, text = run(VMSH, server.uri(alice, host="127.0.0.1", extra="&tls_hostname=localhost"))
    check(status == 0, f"tls_hostname: {text}")
    refused("a server of another authority", server.uri(other.client("carol")), "certificate")
    for reason in ("not in tls_allowed_dn_list", "is refused", "has sent no certificate"):
        check(reason in server.text(), f"the log says '{reason}'")
    server.configure(tls_allowed_dn_list="*,CN=mallory")
    server.reload()
    refused("a subject that is no longer in the list", server.uri(alice), "access was denied", ALERT)
    works("one that is now", server.uri(authority.path("mallory")))
    server.stop()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), 10)


def session(authority, server):
    """of a client with a certificate, that has been accepted"""
    context = ssl.create_default_context(cafile=authority.cert)
    context.load_cert_chain(authority.path("alice", "clientcert.pem"),
                            authority.path("alice", "clientkey.pem"))
    s = context.wrap_socket(connect(server.tls), server_hostname="localhost")
    s.settimeout(20)
    check(s.recv(1) == b"\1", "an accepted client is told so")
    return s


def half_open(authority):
    server = Network(authority)
    uri, before = server.uri(authority.path("alice")), server.descriptors()
    works("before", uri)
    idle = [connect(server.tls) for _ in range(100)]
    for number, s in enumerate(idle): # nothing, half a record's header, half a record
        s.sendall((b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01")[number % 3])
    works("beside half-open handshakes", uri)
    garbage = connect(server.tls)
    garbage.sendall(b"GET / HTTP/1.0\r\n\r\n")
    until(lambda: "TLS handshake failed" in server.text(), "what is not TLS is refused")
    until(lambda: server.descriptors() <= before + 2, "half-open handshakes end")
    # A session that never asks to be authenticated.
    with session(authority, server) as s:
        check(s.recv(1) == b"", "an idle session ends")
    for s in idle:
        s.close()
    server.stop()


def packet(procedure, payload, serial, kind=0):
    return struct.pack(">IIIiiIi", 28 + len(payload), REMOTE, 1, procedure, kind, serial, 0) + payload


def descriptors(authority):
    """They travel on unix sockets alone: a client that announces some over TCP is gone."""
    server = Network(authority)
    with session(authority, server) as s:
        for serial, procedure, payload, kind in (
                (0, 66, b"", 0), (1, 1, struct.pack(">I", 1) + string("test:///default") + bytes(4), 0),
                (2, 3, struct.pack(">I", 0), 4)):
            s.sendall(packet(procedure, payload, serial, kind))
            answer = take(s, struct.unpack(">I", take(s, 4))[0] - 4)
            check(answer[16:24] == struct.pack(">II", serial, 0), f"call {procedure}: {answer}")
        check(answer[24:] == string("TEST"), f"none are announced: {answer}")
        s.sendall(packet(3, struct.pack(">I", 1), 3, 4)) # the byte that would bring it never comes
        check(s.recv(1) == b"", "one is announced")
    check('reason="malformed packet"' in server.text(), "and the log says so: " + server.text()[-500:])
    server.stop()


class Between:
    """Somebody on the way of plain TCP, who adds calls of his own to what a client sends."""

    STEP, OPEN, DESTROY = 69, 1, 12

    def __init__(self, port, uuid):
        self.calls = b""
        for serial in range(1000, 1400, 2): # some of them when the password has been checked
            self.calls += packet(self.OPEN, struct.pack(">II", 0, 0), serial)
            self.calls += packet(self.DESTROY, string("test") + bytes.fromhex(uuid.replace("-", "")) +
                                 struct.pack(">i", 1), serial + 1)
        self.added = False
        self.ends = []
        self.server = connect(port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        for work in (self.upwards, self.downwards):
            threading.Thread(target=work, daemon=True).start()

    def upwards(self):
        self.client, _ = self.listener.accept()
        try:
            while not self.added: # packets are in the open until the last of the exchange
                head = take(self.client, 28)
                rest = take(self.client, struct.unpack(">I", head[:4])[0] - 28)
                self.added = struct.unpack(">i", head[12:16])[0] == self.STEP
                self.server.sendall(head + rest + (self.calls if self.added else b""))
            while data := self.client.recv(65536):
                self.server.sendall(data)
        except (OSError, EOFError):
            pass
        self.ends.append("client")

    def downwards(self):
        try:
            while data := self.server.recv(65536):
                self.client.sendall(data)
        except OSError:
            pass
        self.client.close()
        self.ends.append("server")


def added_calls(server, uri):
    """What follows a client's proof without its protection is not the client's."""
    direct = uri("ann", scheme="tcp")
    status, uuid = run(VMSH, direct, "domuuid", "test")
    check(status == 0, uuid)
    between = Between(server.tcp, uuid.strip())
    run(VMSH, direct.replace(f":{server.tcp}/", f":{between.port}/"), "domstate", "test")
    check(between.added, "calls were added")
    until(lambda: "server" in between.ends, "that connection ends")
    check("bytes without protection" in server.text(), "and the log says why: " + server.text()[-800:])
    status, state = run(VMSH, direct, "domstate", "test")
    check((status, state.strip()) == (0, "running"), f"the added calls did nothing: {state}")


def passwords(authority):
    database = os.path.join(WORK, "sasldb")
    for user in ("ann", "ben"):
        subprocess.run(["saslpasswd2", "-p", "-c", "-f", database, "-a", "libvirt", user],
                       input="secret", text=True, check=True)
    server = Network(authority, listen_tcp="true", auth_tls="sasl", sasl_database=database,
                     sasl_mechanisms="SCRAM-SHA-256 DIGEST-MD5 PLAIN",
                     sasl_allowed_username_list="ann*")

    def uri(user, password="secret", extra="", scheme="tls"):
        path = os.path.join(WORK, f"auth-{user}-{password}")
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"[credentials-x]\nauthname={user}\npassword={password}\n"
                      f"[auth-libvirt-localhost]\ncredentials=x\n")
        if scheme == "tls":
            return server.uri(authority.path("alice"), extra=f"&authfile={path}{extra}")
        return f"test+tcp://localhost:{server.tcp}/default?authfile={path}{extra}"

    works("a password over TLS", uri("ann"))
    for mechanism in ("SCRAM-SHA-256", "PLAIN"):
        works(mechanism, uri("ann", extra=f"&auth=sasl.{mechanism}"))
    refused("a wrong password", uri("ann", "wrong"), "authentication failed")
    refused("a user who is not in the list", uri("ben"), "authentication failed")
    refused("a user who is not there", uri("eve"), "authentication failed")
    check("'ben" in server.text() and "sasl_allowed_username_list" in server.text(),
          "the log says who may not come in")
    works("plain TCP, protected by SASL", uri("ann", scheme="tcp"))
    works("and more of it", uri("ann", scheme="tcp"), "capabilities")
    refused("a mechanism that protects nothing, on plain TCP",
            uri("ann", extra="&auth=sasl.PLAIN", scheme="tcp"), "PLAIN")
    refused("a wrong password on plain TCP", uri("ann", "wrong", scheme="tcp"),
            "authentication failed")
    added_calls(server, uri)
    server.stop()


def of_libvirtd(authority):
    """The client's half, against the other server."""
    if not os.path.exists("/usr/sbin/libvirtd"):
        print("no libvirtd: not tried against it")
        return
    shared = os.path.join(WORK, "shared") # its user has to read them
    os.mkdir(shared)
    for name in ("cacert.pem", "servercert.pem", "serverkey.pem"):
        shutil.copy(authority.path(name), shared)
        os.chmod(os.path.join(shared, name), 0o644)
    port = free_port()
    server = Libvirtd(os.path.join(WORK, "libvirtd"), ("--listen",), listen_tls=1, listen_tcp=0,
                      listen_addr='"127.0.0.1"', tls_port=f'"{port}"', auth_tls='"none"',
                      ca_file=f'"{shared}/cacert.pem"', cert_file=f'"{shared}/servercert.pem"',
                      key_file=f'"{shared}/serverkey.pem"',
                      tls_allowed_dn_list='["C=XX,O=Test,CN=alice"]')
    uri = f"test+tls://localhost:{port}/default?pkipath="
    works("libvirtd over TLS", uri + authority.path("alice"), "dumpxml", "test")
    refused("by libvirtd", uri + authority.path("mallory"), "not accepted by the server", ALERT)
    server.stop()


def configuration(authority):
    def fails(words, **keys):
        conf = os.path.join(WORK, "bad.conf")
        with open(conf, "w", encoding="utf-8") as out:
            out.write("[vmgrd]\nlisten_addr=127.0.0.1\n" +
                      "".join(f"{k}={v}\n" for k, v in keys.items()))
        done = subprocess.run([os.path.join(BUILD, "tools/vmgrd/vmgrd"), "--root",
                               os.path.join(WORK, "bad"), "--uri", "test:///default", "--config",
                               conf], capture_output=True, text=True, timeout=30, check=False)
        check(done.returncode == 1 and words in done.stderr, f"{words}: {done.stderr}")

    fails("auth_tcp must be sasl", listen_tcp="true", auth_tcp="none")
    fails("auth_tls must be none or sasl", auth_tls="polkit")
    fails("tls_no_verify_certificate needs auth_tls=sasl", listen_tls="true",
          tls_no_verify_certificate="true")
    fails("cannot use CA certificate '/nowhere'", listen_tls="true", ca_file="/nowhere")
    fails("cannot use certificate and key", listen_tls="true", ca_file=authority.cert,
          cert_file="/nowhere", key_file="/nowhere")
    fails("cannot use TLS priority", listen_tls="true", ca_file=authority.cert,
          cert_file=authority.path("servercert.pem"), key_file=authority.path("serverkey.pem"),
          tls_priority="NONSENSE")
    fails("tls_port must be a number", tls_port="70000")


def main():
    authority, other = Authority("ca"), Authority("other")
    authority.server()
    certificates(authority, other)
    half_open(authority)
    descriptors(authority)
    passwords(authority)
    of_libvirtd(authority)
    configuration(authority)


if __name__ == "__main__":
    main()
