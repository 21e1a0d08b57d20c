"""What our programs do about servers that fail, cheat or refuse: the right answer or a clear error, in bounded time.

Usage: s3_faults.py PROGRAMS WORK. Prints TAP.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import boto3
from botocore.client import Config

from s3_bench import Bench, Faults, outcome
from tap import report, same, skip

bench = Bench(*sys.argv[1:3])
work = bench.work
files = work + "/files"
SECRET = "0123456789abcdefSECRET"
QUICK = ("--tries", 3, "--timeout", 1)
USAGE, DATA, NOINPUT, UNAVAILABLE, TEMPORARY, PROTOCOL, DENIED, CONFIG, UNSUPPORTED = 64, 65, 66, 69, 75, 76, 77, 78, 79


def write_files():
    """The table that all is about: as Parquet of 10 MB and some row groups, as CSV of 10 MB and of less; nothing."""
    os.mkdir(files)
    ours = lambda *args: subprocess.run(bench.command(args[0], args[1:]), check=True, capture_output=True).stdout  # noqa: E731
    ours("cat-gen", "-n", 200000, "-o", files + "/t.parquet")
    ours("cat-scan", files + "/t.parquet", "-n", 10000, "-o", files + "/small.csv")
    ours("cat-scan", files + "/t.parquet", "-n", 120000, "-o", files + "/large.csv")
    open(files + "/empty.csv", "w").close()
    ours("cat-partition", files + "/small.csv", "-o", files + "/sky")
    ours("cat-partition", files + "/small.csv", "-o", files + "/many", "--rows", 200)
    return {n: ours("cat-scan", f"{files}/{n}") for n in ("t.parquet", "small.csv", "large.csv", "sky")}


def client(env):
    return boto3.client("s3", endpoint_url=env["AWS_ENDPOINT_URL"], region_name=env["AWS_REGION"],
                        aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
                        verify=env.get("AWS_CA_BUNDLE"), config=Config(s3={"addressing_style": "path"}))


class Origin:
    """The files behind a server with faults: their addresses there, what it takes to read them."""

    def __init__(self, name, faults, prefix, env, right):
        self.name, self.faults, self.prefix, self.env, self.right = name, faults, prefix, env, right

    def scan(self, file, *args, env=None, wrap=()):
        return bench.run("cat-scan", self.prefix + file, *(args or QUICK), "-v", env={**self.env, **(env or {})}, wrap=wrap)

    def see(self, what, rules, wanted, file="t.parquet", asked=None, again=None, args=(), env=None, seconds=30, wrap=()):
        """ASKED, AGAIN: requests that the server saw beyond those of an honest one, tries that the program counts."""
        self.faults.rules(*rules)
        got = self.scan(file, *args, env=env, wrap=wrap)
        name = f"{self.name}: {what}"
        ok = outcome(name, got, wanted, self.right.get(file, self.right["t.parquet"]), seconds)
        told = got[2].partition(" requests")[0].rpartition(" ")[2]
        seen = len(self.faults.log(int(told) if told.isdigit() else 0))
        if ok and asked is not None:
            more = seen - (self.honest if wanted == 0 else 0)
            same(f"{name}: requests", more, asked)
        if ok and again is not None:
            same(f"{name}: told as tried again", int(got[2].split(" of them again")[0].split()[-1]), again)
        return got

    def count(self):
        self.see("honest", [], 0)
        self.honest = len(self.faults.log())
        for file in ("small.csv", "large.csv"):
            self.see("honest, " + file, [], 0, file)
        self.faults.rules()
        outcome(f"{self.name}: honest, nothing in it", self.scan("empty.csv"), (DATA, "empty"))


def answer(status, code=None, headers=None, **when):
    return {"action": "answer", "status": status, **({"code": code} if code else {}),
            **({"headers": headers} if headers else {}), **when}


def refusals(o):
    """What a busy or broken server says."""
    o.see("503 once", [answer(503, "SlowDown", nth=1)], 0, asked=1, again=1)
    o.see("503 in the middle", [answer(503, "SlowDown", nth=3)], 0, asked=1, again=1)
    o.see("503 for ever", [answer(503, "SlowDown")], (TEMPORARY, "3 tries"), asked=3)
    got = o.see("429 with Retry-After", [answer(429, headers={"Retry-After": "2"}, nth=2)], 0, asked=1)
    report(got[3] >= 2, f"{o.name}: Retry-After is waited for", f"{got[3]:.1f} s")
    o.see("Retry-After of a day", [answer(429, headers={"Retry-After": "86400"})], (TEMPORARY, "429"), asked=1, seconds=5)
    o.see("Retry-After that means nothing", [answer(503, headers={"Retry-After": "99999999999999999999"}, nth=1)], 0)
    o.see("500 once", [answer(500, "InternalError", nth=2)], 0, asked=1)
    o.see("500 for ever", [answer(500, "InternalError")], (UNAVAILABLE, "3 tries"), asked=3)
    o.see("403", [answer(403, "AccessDenied")], (DENIED, "denied"), asked=1)
    o.see("404", [answer(404, "NoSuchKey")], NOINPUT)
    o.see("418", [answer(418)], (PROTOCOL, "418"), asked=1)
    o.see("412 in the middle", [answer(412, nth=3)], (DATA, "changed"))


def broken_connections(o):
    o.see("closed before the answer, once", [{"action": "drop", "nth": 2}], 0, asked=1)
    o.see("closed before the answer, for ever", [{"action": "drop"}], (PROTOCOL, "tries"), seconds=40)
    o.see("reset after 1000 bytes, once", [{"action": "drop", "after": 1000, "nth": 3}], 0, asked=1, again=1)
    o.see("reset after 1000 bytes, the first answer", [{"action": "drop", "after": 1000, "nth": 1}], 0, asked=1, again=1)
    o.see("reset after 1000 bytes, for ever", [{"action": "drop", "after": 1000}], (PROTOCOL, "3 tries"), asked=3)
    o.see("a pause of 5 s, once", [{"action": "stall", "after": 1000, "seconds": 5, "nth": 3}], 0, asked=1, again=1)
    o.see("pauses of 5 s", [{"action": "stall", "after": 1000, "seconds": 5}], (TEMPORARY, "3 tries"), asked=3, seconds=20)
    o.see("no answer", [{"delay_ms": 6000}], (TEMPORARY, "3 tries"), seconds=20)
    o.see("short, once", [{"action": "short", "by": 10, "nth": 3}], 0, asked=1, again=1)
    o.see("short, for ever", [{"action": "short", "by": 10}], (PROTOCOL, "3 tries"), asked=3)
    cut = [{"action": "drop", "after": 300000, "nth": n} for n in (3,)]
    o.see("reset in a long range", cut, 0, asked=1)
    resumed = [x for x in o.faults.log() if x["range"]][3:]
    report(any("if-match" in x["headers"] for x in resumed), f"{o.name}: later ranges are of the same version",
           "" if resumed else "no ranges")


def other_bytes(o):
    o.see("the whole for a range, once", [{"action": "whole", "nth": 3}], (UNSUPPORTED, "the whole"))
    o.see("the whole for ranges, small", [{"action": "whole"}], 0, "small.csv")
    got = o.see("other bytes, once", [{"action": "range", "shift": 7, "nth": 3}], 0, asked=1, again=1)
    report("again" in got[2], f"{o.name}: and it is told")
    o.see("other bytes, for ever", [{"action": "range", "shift": 7}], (PROTOCOL, "3 tries"))
    o.see("fewer bytes, once", [{"action": "range", "grow": -100, "nth": 3}], 0, asked=1)
    o.see("more bytes, once", [{"action": "range", "grow": 100, "nth": 3}], 0, asked=1)
    o.see("no Content-Range", [{"action": "headers", "remove": ["Content-Range"], "range": True}],
          (PROTOCOL, "which bytes"), asked=3)
    o.see("a Content-Range of nothing", [{"action": "headers", "set": {"Content-Range": "bytes 9-3/1"}, "range": True}],
          (PROTOCOL, "which bytes"))
    o.see("a huge Content-Range", [{"action": "headers", "range": True, "set": {
        "Content-Range": "bytes 0-9223372036854775807/9223372036854775807"}}], PROTOCOL)
    o.see("a flipped bit", [{"action": "flip", "at": 20000, "nth": 3}], DATA)
    o.see("gzip", [{"action": "gzip"}], (UNSUPPORTED, "compressed"), "small.csv")
    o.see("gzip, later", [{"action": "gzip", "nth": 3}], (UNSUPPORTED, "compressed"))


def versions(o):
    o.see("another ETag in the middle", [{"action": "headers", "set": {"ETag": '"other"'}, "nth": 3}], (DATA, "changed"))
    none = {"action": "headers", "remove": ["ETag"]}
    o.see("no ETag", [none], 0, asked=0)
    o.see("no ETag, cut in the middle", [{"action": "drop", "after": 300000, "nth": 3}, none], 0, asked=1)
    later = {"action": "headers", "remove": ["ETag"], "set": {"Last-Modified": "Fri, 01 Jan 2100 00:00:00 GMT"}, "nth": 3}
    o.see("no ETag, another date in the middle", [later, none], (DATA, "changed"))
    weak = {"action": "headers", "set": {"ETag": 'W/"weak"'}}
    o.see("a weak ETag", [weak], 0, asked=0)
    o.see("a weak ETag that changes", [{"action": "headers", "set": {"ETag": 'W/"x"'}, "nth": 3}, weak], (DATA, "changed"))
    long = {"action": "headers", "set": {"Content-Range": "bytes 0-65535/99"}, "nth": 1}
    o.see("an end before the range", [long], 0)


def replaced(o, change):
    """The object itself changes while it is read: by a rule the third request is late, and finds another one."""
    o.faults.rules({"delay_ms": 1500, "nth": 3})
    t = threading.Timer(0.8, change)
    t.start()
    got = o.scan("t.parquet", "--tries", 3, "--timeout", 5)
    t.join()
    outcome(f"{o.name}: replaced while it is read", got, (DATA, "changed"))


def web_modes(right):
    for mode in ("no-ranges", "no-suffix", "no-length", "no-etag"):
        env = bench.up("faults", mode, "--root", files, "--modes", mode)
        o = Origin(mode, Faults(bench, mode, env["AWS_ENDPOINT_URL"]), env["AWS_ENDPOINT_URL"] + "/", {}, right)
        for file in ("t.parquet", "small.csv", "large.csv", "sky"):
            o.see(file, [], 0, file)
        if mode == "no-ranges":
            o.see("cut once while it is copied", [{"action": "drop", "after": 300000, "nth": 2}], 0)
            o.see("cut for ever", [{"action": "drop", "after": 300000}], (PROTOCOL, "tries"))
        bench.down(mode)


def lengths(o):
    for file in ("small.csv", "large.csv"):
        o.see(f"no length, in chunks, {file}", [{"action": "no-length"}], 0, file)
    o.see("no length, the whole until the end", [{"action": "whole", "nth": 9}, {"action": "no-length", "how": "close"}],
          0, "small.csv")
    suffix = {"path": "Npix", "range": True, "first": 1}
    o.see("a catalogue", [], 0, "sky")
    seen = len(o.faults.log())
    report(any(x["range"] == "bytes=-65536" for x in o.faults.log()), f"{o.name}: its last bytes are asked for")
    for status, headers in ((416, {"Content-Range": "bytes */*"}), (416, {}), (501, {}), (400, {})):
        o.see(f"a suffix is refused, {status}", [answer(status, headers=headers, **suffix)], 0, "sky")
        same(f"{o.name}: a suffix is refused, {status}: one request more", len(o.faults.log()) - seen, 1)


# --- the web ---

def redirects(web, secure):
    to = lambda url, path="/go", status=302: {"path": path, "action": "answer", "status": status,  # noqa: E731
                                              "headers": {"Location": url}}
    for status in (301, 302, 303, 307, 308):
        web.see(f"{status} to another path", [to("/t.parquet", status=status)], 0, "go.parquet", asked=web.honest)
    host = web.prefix.split(":", 1)[1]
    for text in ("t.parquet", "?x=/../t", host + "t.parquet", "./t.parquet"):
        rules = [to(text, "/go"), to("/t.parquet", "/t$")] if "?" not in text else [{**to(text, "/go"), "nth": 1}, to("/t.parquet")]
        web.see(f"to {text.replace(host, '//host/')}", rules, 0, "go.parquet")
    web.see("a chain of five", [to(f"/g{i + 1}.parquet", f"/g{i}") for i in range(4)] + [to("/t.parquet", "/g4")], 0, "g0.parquet")
    web.see("in circles", [to("/b.parquet", "/a"), to("/a.parquet", "/b")], (PROTOCOL, "circles"), "a.parquet", asked=6, seconds=5)
    web.see("to nowhere", [answer(302)], (PROTOCOL, "must not go"), asked=1)
    web.see("to a file", [to("file:///etc/passwd")], (PROTOCOL, "must not go"), "go.parquet", asked=1)
    web.see("to where a password is", [to("http://a:b@127.0.0.1:1/")], (PROTOCOL, "must not go"), "go.parquet", asked=1)
    web.see("after refusals", [answer(503, path="/go", first=2), to("/t.parquet")], 0, "go.parquet", args=("--tries", 4))
    if secure:
        secure.see("from TLS into the open", [to(web.prefix + "t.parquet")], (PROTOCOL, "must not go"), "go.parquet", asked=1)
        web.see("into TLS", [to(secure.prefix + "t.parquet")], 0, "go.parquet", args=(*QUICK, "--ca-file", secure.ca))
        secure.faults.rules(to(web.prefix + "t.parquet", "/back"))
        web.faults.rules(to(secure.prefix + "back.parquet"))
        got = web.scan("go.parquet", *QUICK, "--ca-file", secure.ca)
        outcome("web: into TLS and out again", got, (PROTOCOL, "must not go"))


def secrets(web, other):
    """What is for one host does not go to another, and nothing of it into messages."""
    with open(work + "/token", "w") as f:
        f.write(SECRET + "\n")
    netrc = bench.home + "/.netrc"
    here = web.prefix.replace("127.0.0.1", "localhost")
    with open(netrc, "w") as f:
        f.write(f"machine localhost login me password {SECRET}\n")
    os.chmod(netrc, 0o600)
    for what, args, wanted in (("bearer token", ("--bearer-file", work + "/token"), "Bearer " + SECRET),
                               (".netrc", (), "Basic ")):
        web.faults.rules({"path": "/go", "action": "answer", "status": 302, "headers": {"Location": other.url + "/t.parquet"}})
        other.rules()
        got = bench.run("cat-scan", here + "go.parquet", *QUICK, *args, env={})
        outcome(f"{what}: followed", got, 0, web.right["t.parquet"])
        sent = [x["headers"].get("authorization", "") for x in web.faults.log()]
        report(sent and all(x.startswith(wanted) for x in sent), f"{what}: sent to its host")
        report(other.log() and not any("authorization" in x["headers"] for x in other.log()), f"{what}: not to another host")
        web.faults.rules(answer(401))
        got = bench.run("cat-scan", here + "t.parquet", "-v", *QUICK, *args, env={})
        outcome(f"{what}: refused", got, (DENIED, "401", "--bearer-file"))
        report(SECRET not in got[2], f"{what}: not in messages")
    os.unlink(netrc)
    got = bench.run("cat-scan", "http://127.0.0.1.example.invalid/x", "--bearer-file", work + "/token", "--tries", 1,
                    env={"http_proxy": web.prefix, "no_proxy": ""})
    report(not any("authorization" in x["headers"] for x in web.faults.all()[-1:]), "bearer token: not in the open")
    for rules, status in (([answer(403)], DENIED), ([answer(503)], TEMPORARY), ([{"action": "drop"}], PROTOCOL),
                          ([{"action": "flip", "at": 20000, "nth": 3}], DATA), ([answer(404)], NOINPUT),
                          ([{"action": "headers", "set": {"ETag": '"x"'}, "nth": 3}], DATA)):
        web.faults.rules(*rules)
        for program in ("cat-scan", "cat-head", "cat-info"):
            got = bench.run(program, f"{web.prefix}t.parquet?sig={SECRET}", "-v", *QUICK, env={})
            report(SECRET not in got[2], f"a query is not in messages: {program}, {status}", got[2][-300:] if SECRET in got[2] else "")
    for address in ("http://u:" + SECRET + "@127.0.0.1/x", "https:///x?" + SECRET):
        got = bench.run("cat-scan", address, env={})
        report(got[0] == USAGE and SECRET not in got[2], "an address with a password is refused, without it", got[2])


class Proxy(threading.Thread):
    """A forward proxy for http: every host is the server at PORT. Counts its clients at work."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.hosts, self.now, self.most, self.lock = port, [], 0, 0, threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.socket.accept()[0],), daemon=True).start()

    def serve(self, s):
        head = b""
        while b"\r\n\r\n" not in head:
            got = s.recv(65536)
            if not got:
                return s.close()
            head += got
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        first, rest = head.split(b"\r\n", 1)
        method, target, _ = first.decode().split()
        url = urllib.parse.urlsplit(target)
        with self.lock:
            self.hosts.append(url.netloc)
        up = socket.create_connection(("127.0.0.1", self.port))
        path = url.path + ("?" + url.query if url.query else "")
        up.sendall(f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + rest)
        time.sleep(0.1)
        while got := up.recv(1 << 20):
            s.sendall(got)
        with self.lock:
            self.now -= 1
        up.close()
        return s.close()


def proxies(web):
    proxy = Proxy(int(web.prefix.rsplit(":", 1)[1].strip("/")))
    proxy.start()
    web.faults.rules()
    env = {"http_proxy": proxy.url, "no_proxy": ""}
    got = bench.run("cat-scan", "http://stars.example/t.parquet", *QUICK, env=env)
    outcome("http_proxy: used", got, 0, web.right["t.parquet"])
    same("http_proxy: for the host", set(proxy.hosts), {"stars.example"})
    seen = len(proxy.hosts)
    got = bench.run("cat-scan", web.prefix + "t.parquet", *QUICK, env={**env, "no_proxy": "127.0.0.1"})
    outcome("no_proxy: right", got, 0, web.right["t.parquet"])
    same("no_proxy: not used", len(proxy.hosts), seen)
    got = bench.run("cat-scan", "http://stars.example/t.parquet", *QUICK, env={"http_proxy": "http://127.0.0.1:1"})
    outcome("http_proxy: not there", got, (UNAVAILABLE, "3 tries"))
    return proxy


def paces(web, proxy):
    """A host is asked for no more at a time than it may be."""
    count = lambda url, *args, env=None: bench.run(  # noqa: E731
        "cat-group", "-a", "count(*)", "-f", "csv", url + "many", "-v", "-j", 8, *args, env=env or {})
    right = count(files + "/")[1]
    web.faults.rules({"delay_ms": 100})
    outcome("no bounds: right", count(web.prefix), 0, right)
    report(8 < web.faults.most_at_once() <= 32, "no bounds: many at a time", web.faults.most_at_once())
    for n in (1, 3):
        web.faults.rules({"delay_ms": 100})
        outcome(f"--connections {n}: right", count(web.prefix, "--connections", n), 0, right)
        report(web.faults.most_at_once() == n, f"--connections {n}: no more at a time", web.faults.most_at_once())
    proxy.most = 0
    outcome("a public host: right", count("http://stars.example/", env={"http_proxy": proxy.url, "no_proxy": ""}), 0, right)
    report(proxy.most == 8, "a public host: 8 at a time", proxy.most)
    web.faults.rules(answer(503, nth=12, delay_ms=100), {"delay_ms": 100})
    outcome("refused once: right", count(web.prefix, "--connections", 12), 0, right)
    lines = web.faults.log()
    refused = next(x for x in lines if x["status"] == 503)
    later = [x for x in lines if x["start"] > refused["end"]]
    most = max(sum(x["start"] <= t["start"] < x["end"] for x in later) for t in later)
    report(len(later) > 12 and most <= 6, "refused once: half as many at a time from then on", f"{most}, {len(later)} later")


def tls(secure, right):
    url = secure.prefix
    args = ("--ca-file", secure.ca)
    outcome("TLS: with its certificate", bench.run("cat-scan", url + "t.parquet", *args, env={}), 0, right)
    outcome("TLS: by AWS_CA_BUNDLE", bench.run("cat-scan", url + "t.parquet", env={"AWS_CA_BUNDLE": secure.ca}), 0, right)
    secure.faults.rules()
    outcome("TLS: not trusted", bench.run("cat-scan", url + "t.parquet", *QUICK, env={}), (PROTOCOL, "certificate", "--ca-file"))
    same("TLS: not trusted: nothing was asked", len(secure.faults.log()), 0)
    named = url.replace("127.0.0.1", "elsewhere.localhost")
    outcome("TLS: for another name", bench.run("cat-scan", named + "t.parquet", *args, *QUICK, env={}), (PROTOCOL, "--ca-file"))
    outcome("TLS: in the open, to a server that wants it",
            bench.run("cat-scan", url.replace("https", "http") + "t.parquet", *QUICK, env={}), PROTOCOL)
    outcome("TLS: no such file of certificates", bench.run("cat-scan", url + "t.parquet", "--ca-file", "/nowhere", *QUICK, env={}),
            PROTOCOL)


def nobody():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{s.getsockname()[1]}/x.parquet"
        outcome("nobody listens", bench.run("cat-scan", url, *QUICK, env={}), (UNAVAILABLE, "3 tries"))
    outcome("no such host", bench.run("cat-scan", "http://no.such.host.invalid/x", *QUICK, env={}), (UNAVAILABLE, "3 tries"))
    outcome("--offline", bench.run("cat-scan", "http://127.0.0.1:1/x", "--offline", env={}), (UNAVAILABLE, "--offline"))


# --- S3 ---

def keys(o, env):
    o.see("a wrong secret", [], (DENIED, "denied"), env={"AWS_SECRET_ACCESS_KEY": SECRET}, asked=1)
    o.see("an unknown key", [], DENIED, env={"AWS_ACCESS_KEY_ID": "nobody"}, asked=1)
    got = o.see("an expired token", [answer(400, "ExpiredToken")], (DENIED, "expired"), asked=1,
                env={"AWS_SESSION_TOKEN": SECRET})
    report(SECRET not in got[2], "s3: the token is not in messages")
    o.see("half a pair", [], (CONFIG, "only one"), env={"AWS_SECRET_ACCESS_KEY": ""}, asked=0)
    o.see("unsigned", [], DENIED, args=(*QUICK, "--no-sign"), asked=1)
    calls = work + "/calls"
    with open(work + "/keys", "w") as f:
        f.write(f"""#!/bin/sh
echo >>{calls}
echo '{{"Version": 1, "AccessKeyId": "{env["AWS_ACCESS_KEY_ID"]}", "SecretAccessKey": "{env["AWS_SECRET_ACCESS_KEY"]}",
"Expiration": "2100-01-01T00:00:00Z"}}'
""")
    os.chmod(work + "/keys", 0o755)
    with open(bench.home + "/.aws/config", "w") as f:
        f.write(f"[default]\ncredential_process = {work}/keys\n")
    fetched = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    o.see("keys of a program", [], 0, env=fetched, asked=0)
    same("s3: it is asked once", os.path.getsize(calls), 1)
    for status, code in ((400, "ExpiredToken"), (403, "ExpiredTokenException")):
        os.unlink(calls)
        o.see(f"{code}: renewed", [answer(status, code, nth=3)], 0, env=fetched, asked=1)
        same(f"s3: {code}: it is asked again", os.path.getsize(calls), 2)
    os.unlink(calls)
    o.see("renewed in vain", [answer(400, "ExpiredToken")], (DENIED, "expired"), env=fetched, asked=3)
    os.unlink(bench.home + "/.aws/config")


def clocks(o):
    if not shutil.which("faketime") or bench.run("cat-scan", "--version", env={}, wrap=("faketime", "-f", "+1h"))[0]:
        return skip("s3: clocks", "no faketime, or not with these programs")
    skewed = "s3: a clock that is an hour off"
    for by in ("+1h", "-1h"):
        o.see(f"a clock {by} off", [], 0, asked=1, wrap=("faketime", "-f", by))
        same(f"{skewed}: refused once ({by})", [x["status"] for x in o.faults.log()].count(403), 1)
    return o.see("a clock nobody agrees with", [answer(403, "RequestTimeTooSkewed", {"Date": "Fri, 01 Jan 2100 00:00:00 GMT"})],
                 (DENIED, "clock"), asked=2)


def regions(o):
    o.see("the wrong region", [], 0, env={"AWS_REGION": "eu-west-1"}, asked=1)
    signed = [x["headers"]["authorization"].split("/")[2] for x in o.faults.log()]
    same("s3: the wrong region: mended once", signed.count("eu-west-1"), 1)
    o.see("301 with a region", [answer(301, "PermanentRedirect", {"x-amz-bucket-region": "eu-west-1"}, nth=1)], 0, asked=2)
    o.see("307 with a region", [answer(307, "TemporaryRedirect", {"x-amz-bucket-region": "eu-west-1"}, nth=1)], 0, asked=2)
    o.see("301 for ever", [answer(301, "PermanentRedirect", {"x-amz-bucket-region": "eu-west-1"})], (PROTOCOL, "301"), seconds=5)
    report(len(o.faults.log()) <= 5, "s3: 301 for ever: a few times only", len(o.faults.log()))
    o.see("a region that is none", [answer(301, "PermanentRedirect", {"x-amz-bucket-region": "evil.example/"})],
          (PROTOCOL, "301"), asked=1)
    o.see("no region at all", [], (CONFIG, "region"), env={"AWS_REGION": "a/b"}, asked=0)


def addressing(o, env):
    o.see("by path", [], 0, args=(*QUICK, "--addressing", "path"))
    report(all(x["path"].startswith("/first/") for x in o.faults.log()), "s3: by path: the bucket is in it")
    url = env["AWS_ENDPOINT_URL"].replace("127.0.0.1", "s3.localhost")
    o.see("by host", [], 0, args=(*QUICK, "--addressing", "virtual", "--endpoint", url))
    report(all(x["headers"]["host"].startswith("first.s3.") for x in o.faults.log()), "s3: by host: the bucket is in it")


def main():
    right = write_files()
    env = bench.up("faults", "web", "--root", files)
    web = Origin("web", Faults(bench, "web", env["AWS_ENDPOINT_URL"]), env["AWS_ENDPOINT_URL"] + "/", {}, right)
    env = bench.up("faults", "other", "--root", files)
    other = Faults(bench, "other", env["AWS_ENDPOINT_URL"])
    env = bench.up("faults-tls", "secure", "--root", files)
    secure = Origin("TLS", Faults(bench, "secure", env["AWS_ENDPOINT_URL"]), env["AWS_ENDPOINT_URL"] + "/",
                    {"AWS_CA_BUNDLE": env["AWS_CA_BUNDLE"]}, right)
    secure.ca = env["AWS_CA_BUNDLE"]
    origins = [web]
    env = bench.up("versitygw", "s3")
    if env:
        s3 = client(env)
        s3.create_bucket(Bucket="first")
        for folder, _, names in os.walk(files):
            for n in names:
                s3.upload_file(f"{folder}/{n}", "first", os.path.relpath(f"{folder}/{n}", files))
        behind = bench.up("faults", "bad", "--to", env["AWS_ENDPOINT_URL"], env=env)
        keyed = {**env, **behind}
        store = Origin("s3", Faults(bench, "bad", behind["AWS_ENDPOINT_URL"]), "s3://first/", keyed, right)
        origins.append(store)
    else:
        skip("s3", "no versitygw")
    for o in origins:
        o.count()
        for test in (refusals, broken_connections, other_bytes, versions, lengths):
            test(o)
    web_modes(right)
    redirects(web, secure)
    tls(secure, right["t.parquet"])
    secrets(web, other)
    paces(web, proxies(web))
    nobody()
    if env:
        keys(store, env)
        clocks(store)
        regions(store)
        addressing(store, keyed)
        replaced(store, lambda: s3.upload_file(files + "/small.csv", "first", "t.parquet"))
    replaced(web, lambda: os.utime(files + "/t.parquet"))
    bench.down()


if __name__ == "__main__":
    main()
    from tap import count
    print(f"1..{count}")
