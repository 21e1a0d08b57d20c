"""The S3 servers and the faulty ones as boto3, s3fs, s3cmd, curl and a plain HTTP client see them.

Usage: selftest.py HERE WORK [KIND...]. Prints TAP.
"""
import calendar
import gzip
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

import boto3
from botocore import UNSIGNED
from botocore.client import Config
from botocore.exceptions import ClientError, SSLError

from tap import check, report, same, skip

here, work = sys.argv[1:3]
wanted = sys.argv[3:] or ["versitygw", "versitygw-tls", "radosgw", "radosgw-tls", "folder", "delay"]
BIG = bytes(range(256)) * 4096 * 11 + b"end"  # three parts of 5 MiB and less


def up(kind, name, *args):
    """The assignments of a server that is up; None, with a counted skip, when it cannot be had."""
    r = subprocess.run([here + "/up", kind, f"{work}/{name}", *map(str, args)], capture_output=True, text=True)
    if r.returncode == 75:
        skip(kind, (r.stderr.strip().splitlines() or ["it cannot be had"])[-1])
        return None
    if not report(r.returncode == 0, f"{kind} is up", r.stderr.strip().replace("\n", " ")[-300:]):
        return None
    return dict(line.split("=", 1) for line in r.stdout.splitlines())


def with_keys(env, *args):
    """up with a server's own keys in the environment."""
    os.environ.update(env)
    try:
        return up(*args)
    finally:
        for name in env:
            del os.environ[name]


def down(name):
    r = subprocess.run([here + "/down", f"{work}/{name}"], capture_output=True, text=True)
    left = [pid for pid in os.listdir("/proc") if pid.isdigit() and f"{work}/{name}/" in arguments(pid)]
    report(r.returncode == 0 and not left, f"{name} is down, nothing is left", f"{r.stderr} {left}".strip(" []"))


def arguments(pid):
    try:
        with open(f"/proc/{pid}/cmdline", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def client(env, secret=None, key=None, signature=None, style="path", url=None):
    # Checksum trailers only where they are required: radosgw 16 refuses them.
    return boto3.client(
        "s3", endpoint_url=url or env["AWS_ENDPOINT_URL"], region_name=env["AWS_REGION"],
        aws_access_key_id=key or env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=secret or env["AWS_SECRET_ACCESS_KEY"],
        verify=env.get("AWS_CA_BUNDLE"),
        config=Config(signature_version=signature or "s3v4", s3={"addressing_style": style}, retries={"max_attempts": 1},
                      request_checksum_calculation="when_required", response_checksum_validation="when_required"))


def refused(call, *codes):
    """"" when CALL fails with one of CODES, each a status or an error's name."""
    try:
        call()
    except ClientError as e:
        status, code = e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"]
        return "" if {status, code} & set(codes) else f"{status} {code}"
    return "it was accepted"


def fetch(url, method="GET", body=None, cafile=None, connection=None, **headers):
    """(status, headers, body, what broke) of one request; `_` in a header's name stands for `-`."""
    parts = urllib.parse.urlsplit(url)
    c = connection or connect(url, cafile)
    got = b""
    status, answer, broke = None, {}, ""
    try:
        c.request(method, parts.path + ("?" + parts.query if parts.query else ""), body,
                  {n.replace("_", "-"): v for n, v in headers.items()})
        r = c.getresponse()
        status, answer = r.status, {n.lower(): v for n, v in r.getheaders()}
        while piece := r.read1(1 << 16):
            got += piece
        if r.length:
            broke = "short"
        r.close()
    except http.client.IncompleteRead as e:
        got, broke = got + e.partial, "short"
    except http.client.RemoteDisconnected:
        broke = "closed"
    except ConnectionError as e:
        broke = "reset" if isinstance(e, (ConnectionResetError, BrokenPipeError)) else str(e)
    if not connection:
        c.close()
    return status, answer, got, broke


def connect(url, cafile=None):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20,
                                           context=ssl.create_default_context(cafile=cafile))
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)


# --- S3 ---

def objects(s3):
    keys = sorted(["a/Norder=1/Npix=3.parquet", "a/é ü+%&?#.txt", "b", "a/x y"])
    for k in keys:
        s3.put_object(Bucket="first", Key=k, Body=k.encode())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="first", PaginationConfig={"PageSize": 2})
    seen = [o["Key"] for p in pages for o in p.get("Contents", [])]
    if sorted(set(seen) - {"big", "digits"}) != keys:
        return f"listed {seen}"
    if [p["Prefix"] for p in s3.list_objects_v2(Bucket="first", Delimiter="/")["CommonPrefixes"]] != ["a/"]:
        return "the delimiter"
    return next((k for k in keys if s3.get_object(Bucket="first", Key=k)["Body"].read() != k.encode()), "")


def ranges(s3):
    s3.put_object(Bucket="first", Key="digits", Body=b"0123456789")
    for text, right in (("bytes=2-4", b"234"), ("bytes=-3", b"789"), ("bytes=8-", b"89")):
        r = s3.get_object(Bucket="first", Key="digits", Range=text)
        if r["Body"].read() != right or r["ResponseMetadata"]["HTTPStatusCode"] != 206:
            return text
    return refused(lambda: s3.get_object(Bucket="first", Key="digits", Range="bytes=10-"), 416)


def multipart(s3):
    at = {"Bucket": "first", "Key": "big"}
    upload = s3.create_multipart_upload(**at)["UploadId"]
    size, parts = 5 << 20, []
    for n in range(0, len(BIG), size):
        part = s3.upload_part(**at, UploadId=upload, PartNumber=n // size + 1, Body=BIG[n:n + size])
        parts.append({"PartNumber": n // size + 1, "ETag": part["ETag"]})
    listed = s3.list_parts(**at, UploadId=upload)["Parts"]
    s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts})
    if [p["Size"] for p in listed] != [size, size, len(BIG) - 2 * size] or s3.get_object(**at)["Body"].read() != BIG:
        return "other bytes or parts"
    upload = s3.create_multipart_upload(**at)["UploadId"]
    s3.abort_multipart_upload(**at, UploadId=upload)
    left = s3.list_multipart_uploads(Bucket="first").get("Uploads", [])
    return f"left {left}" if left else ""


def tampered(s3, env):
    url = s3.generate_presigned_url("get_object", {"Bucket": "first", "Key": "digits"})
    status, _, body, _ = fetch(url, cafile=env.get("AWS_CA_BUNDLE"))
    if (status, body) != (200, b"0123456789"):
        return f"untouched: {status} {body[:200]}"
    last = "0" if url[-1] != "0" else "1"
    for name, bad in (("signature", url[:-1] + last), ("key", url.replace("/digits?", "/big?"))):
        status = fetch(bad, cafile=env.get("AWS_CA_BUNDLE"))[0]
        if status != 403:
            return f"another {name}: {status}"
    return ""


def virtual_host(env):
    """curl takes every name below localhost for the loopback address."""
    url = env["AWS_ENDPOINT_URL"].replace("127.0.0.1", "s3.localhost")
    url = client(env, style="virtual", url=url).generate_presigned_url("get_object", {"Bucket": "first", "Key": "digits"})
    ca = ["--cacert", env["AWS_CA_BUNDLE"]] if "AWS_CA_BUNDLE" in env else []
    r = subprocess.run(["curl", "-sS", *ca, url], capture_output=True)
    return "" if "//first.s3." in url and r.stdout == b"0123456789" else f"{url.split('?')[0]}: {r.stdout[:200]} {r.stderr}"


def s3cmd(env):
    parts = urllib.parse.urlsplit(env["AWS_ENDPOINT_URL"])
    ca = ["--ca-certs=" + env["AWS_CA_BUNDLE"]] if "AWS_CA_BUNDLE" in env else ["--no-ssl"]
    r = subprocess.run(["s3cmd", "-c", "/dev/null", "--host=" + parts.netloc, "--host-bucket=" + parts.netloc, *ca,
                        "--access_key=" + env["AWS_ACCESS_KEY_ID"], "--secret_key=" + env["AWS_SECRET_ACCESS_KEY"],
                        "ls", "s3://first/"], capture_output=True, text=True)
    return "" if "s3://first/digits" in r.stdout else r.stdout + r.stderr


def s3fs_reads(env):
    import s3fs
    fs = s3fs.S3FileSystem(endpoint_url=env["AWS_ENDPOINT_URL"], key=env["AWS_ACCESS_KEY_ID"],
                           secret=env["AWS_SECRET_ACCESS_KEY"],
                           client_kwargs={"verify": env.get("AWS_CA_BUNDLE"), "region_name": env["AWS_REGION"]})
    with fs.open("first/digits") as f:
        f.seek(7)
        return "" if f.read(2) == b"78" and "first/big" in fs.ls("first") else "other bytes or names"


def server(kind):
    env = up(kind, kind)
    if not env:
        return
    s3 = client(env)
    s3.create_bucket(Bucket="first")
    for test in (objects, ranges, multipart):
        check(f"{kind}: {test.__name__}", lambda: test(s3))
    unsigned = client(env, signature=UNSIGNED)
    check(f"{kind}: a wrong secret", lambda: refused(client(env, secret="0" * 32).list_buckets, 403))
    check(f"{kind}: an unknown key", lambda: refused(client(env, key="nobody").list_buckets, 403, 404))
    check(f"{kind}: no signature", lambda: refused(lambda: unsigned.get_object(Bucket="first", Key="digits"), 403))
    check(f"{kind}: tampered", lambda: tampered(s3, env))
    check(f"{kind}: no such key", lambda: refused(lambda: s3.get_object(Bucket="first", Key="none"), "NoSuchKey"))
    check(f"{kind}: If-None-Match: *", lambda: refused(
        lambda: s3.put_object(Bucket="first", Key="digits", Body=b"", IfNoneMatch="*"), 412))
    check(f"{kind}: virtual host", lambda: virtual_host(env))
    if shutil.which("s3cmd"):
        check(f"{kind}: s3cmd", lambda: s3cmd(env))
    else:
        skip(f"{kind}: s3cmd", "it is not installed")
    check(f"{kind}: s3fs", lambda: s3fs_reads(env))
    if kind.endswith("-tls"):
        def unknown_authority():
            try:
                client({**env, "AWS_CA_BUNDLE": True}).list_buckets()
            except SSLError:
                return ""
            return "it was trusted"
        check(f"{kind}: refused without its certificate", unknown_authority)
        proxy = with_keys(env, "faults", kind + "-faults", "--to", env["AWS_ENDPOINT_URL"])
        if proxy:
            check(f"{kind}: ranges through a proxy", lambda: ranges(client({**env, **proxy})))
            down(kind + "-faults")
    if kind == "radosgw":
        check(f"{kind}: sessions of STS", lambda: sessions(env))
        check("creds", lambda: creds(env))
    if not kind.endswith("-tls"):
        behind(kind, env, s3)
        second(kind, env)
    down(kind)


def second(kind, env):
    """Another server of the kind beside the first one."""
    other = up(kind, kind + "-2")
    if other:
        check(f"{kind}: two at once", lambda: refused(
            lambda: client(other, secret=env["AWS_SECRET_ACCESS_KEY"]).list_buckets(), 403)
            or ("" if client(other).list_buckets()["Buckets"] == [] else "they share buckets"))
        down(kind + "-2")


# --- faults ---

class Faults:
    """A faulty server: its URL of an object, signed where need be, its rules, its log."""

    def __init__(self, name, url, head=None):
        self.name, self.url, self.head, self.start = name, url, head or url, 0

    def fetch(self, method="GET", **headers):
        return fetch(self.head if method == "HEAD" else self.url, method, **headers)

    def rules(self, *rules):
        with open(f"{work}/{self.name}/new", "w") as f:
            json.dump(rules, f)
        os.rename(f"{work}/{self.name}/new", f"{work}/{self.name}/rules.json")
        self.start = len(self.all())

    def all(self):
        with open(f"{work}/{self.name}/requests") as f:
            return [json.loads(line) for line in f]

    def log(self):
        """What was asked since the rules were set."""
        return self.all()[self.start:]


def every_rule(f, right):
    """Each rule by a plain client; F's URL is that of an object with the bytes RIGHT."""
    mid, half = "bytes=1000-1999", right[1000:2000]
    n = len(right)

    def see(name, rule, test, method="GET", **headers):
        f.rules(rule)
        status, answer, body, broke = f.fetch(method, **headers)
        note = test(status, answer, body, broke)
        lines = f.log()
        if [(x["method"], x["status"], x["sent"], x["rule"]) for x in lines] != [(method, status, len(body), 0)]:
            note = f"{note or ''} logged {[(x['method'], x['status'], x['sent'], x['rule']) for x in lines]}"
        report(note in (True, None, ""), f"{f.name}: {name}", "" if note is True else note or f"{status} {answer} {len(body)} {broke}")

    whole = lambda s, a, b, x: (s, b, x) == (200, right, "")  # noqa: E731
    part = lambda s, a, b, x: (s, b, x) == (206, half, "")  # noqa: E731
    see("no fault, whole", {}, whole)
    see("no fault, a range", {}, lambda *r: part(*r) and r[1]["content-range"] == f"bytes 1000-1999/{n}", Range=mid)
    see("no fault, HEAD", {}, lambda s, a, b, x: (s, a["content-length"]) == (200, str(n)), "HEAD")
    see("503 SlowDown", {"action": "answer", "status": 503, "code": "SlowDown"},
        lambda s, a, b, x: s == 503 and b"<Code>SlowDown</Code>" in b)
    see("429 with Retry-After", {"action": "answer", "status": 429, "headers": {"Retry-After": "2"}},
        lambda s, a, b, x: s == 429 and a["retry-after"] == "2")
    see("500", {"action": "answer", "status": 500, "code": "InternalError"}, lambda s, *r: s == 500)
    see("301 with the region", {"action": "answer", "status": 301, "code": "PermanentRedirect",
                                "headers": {"x-amz-bucket-region": "eu-west-1"}, "xml": {"Endpoint": "s3.example.org"}},
        lambda s, a, b, x: s == 301 and a["x-amz-bucket-region"] == "eu-west-1" and b"<Endpoint>s3.example.org<" in b)
    see("307 with Location", {"action": "answer", "status": 307, "headers": {"Location": "http://127.0.0.1:1/"}},
        lambda s, a, b, x: s == 307 and a["location"] == "http://127.0.0.1:1/")
    see("drop before the answer", {"action": "drop"}, lambda s, a, b, x: s is None and x == "reset")
    see("short by 10", {"action": "short", "by": 10},
        lambda s, a, b, x: (a["content-length"], b, x) == (str(n), right[:-10], "short"))
    started = time.time()
    see("stall", {"action": "stall", "after": 500, "seconds": 0.4},
        lambda *r: whole(*r) and time.time() - started >= 0.4)
    started = time.time()
    see("delay of one rule", {"delay_ms": 300}, lambda *r: whole(*r) and time.time() - started >= 0.3)
    see("200 and the whole object for a range", {"action": "whole"}, whole, Range=mid)
    see("another range", {"action": "range", "shift": 7},
        lambda s, a, b, x: (s, b, a["content-range"]) == (206, right[1007:2007], f"bytes 1007-2006/{n}"), Range=mid)
    see("fewer bytes than asked", {"action": "range", "grow": -100},
        lambda s, a, b, x: (s, b, a["content-range"]) == (206, right[1000:1900], f"bytes 1000-1899/{n}"), Range=mid)
    see("another ETag", {"action": "headers", "set": {"ETag": '"other"'}},
        lambda *r: whole(*r) and r[1]["etag"] == '"other"')
    see("no ETag", {"action": "headers", "remove": ["etag"]}, lambda *r: whole(*r) and "etag" not in r[1])
    see("no length: chunked", {"action": "no-length"},
        lambda *r: whole(*r) and "content-length" not in r[1] and r[1]["transfer-encoding"] == "chunked")
    see("no length: until the end", {"action": "no-length", "how": "close"},
        lambda *r: whole(*r) and not {"content-length", "transfer-encoding"} & set(r[1]))
    see("a flipped bit", {"action": "flip", "at": 1234},
        lambda s, a, b, x: b == right[:1234] + bytes([right[1234] ^ 1]) + right[1235:])
    see("gzip", {"action": "gzip"}, lambda s, a, b, x: a["content-encoding"] == "gzip" and gzip.decompress(b) == right)
    dropped(f, right)
    turns(f)


def dropped(f, right):
    """A reset may take bytes with it that the client has not read: the log says what was sent."""
    f.rules({"action": "drop", "after": 700})
    status, _, body, broke = fetch(f.url)
    line = f.log()[0]
    report((status, broke, line["sent"]) == (200, "reset", 700) and right[:700].startswith(body),
           f"{f.name}: drop after 700 bytes", f"{status} {broke} {len(body)} bytes, {line['sent']} sent")


def turns(f):
    """Which requests a rule is for."""
    def statuses(*rules, ask=({},) * 6):
        f.rules(*(dict({"action": "answer", "status": 500}, **r) for r in rules))
        return [f.fetch(**a)[0] for a in ask]
    same(f"{f.name}: nth", statuses({"nth": [2, 5]}), [200, 500, 200, 200, 500, 200])
    same(f"{f.name}: every", statuses({"every": 3}), [200, 200, 500, 200, 200, 500])
    same(f"{f.name}: first", statuses({"first": 2}), [500, 500, 200, 200, 200, 200])
    few = statuses({"chance": 0.5, "seed": 3}, ask=({},) * 40)
    report(8 < few.count(500) < 32 and few == statuses({"chance": 0.5, "seed": 3}, ask=({},) * 40),
           f"{f.name}: chance, the same each time", f"{few.count(500)} of 40")
    mixed = ({}, {"Range": "bytes=0-9"}, {"method": "HEAD"})
    same(f"{f.name}: range", statuses({"range": True}, ask=mixed), [200, 500, 200])
    same(f"{f.name}: method", statuses({"method": "HEAD,PUT"}, ask=mixed), [200, 206, 500])
    same(f"{f.name}: path", statuses({"path": "nothing"}, {"path": "big", "status": 503}, ask=mixed), [503] * 3)


def many(f):
    """Eight at once on eight connections, then five on one."""
    f.rules()
    threads = [threading.Thread(target=fetch, args=(f.url,)) for _ in range(8)]
    started = time.time()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took, lines = time.time() - started, f.log()
    most = max(sum(x["start"] <= t["start"] < x["end"] for x in lines) for t in lines)
    report(len(lines) == most == len({x["connection"] for x in lines}) == 8 and 0.25 <= took < 1.5,
           f"{f.name}: eight at once", f"{len(lines)} logged, {most} at once, {took:.2f} s")
    f.rules()
    one = connect(f.url)
    for _ in range(5):
        fetch(f.url, connection=one)
    same(f"{f.name}: five on one connection", [len(f.log()), len({x["connection"] for x in f.log()})], [5, 1])


def behind(kind, env, s3):
    """The proxy before a real server: signatures hold, and what must not reach the server does not."""
    proxy = with_keys(env, "faults", kind + "-faults", "--to", env["AWS_ENDPOINT_URL"])
    slow = with_keys(env, "faults", kind + "-slow", "--to", env["AWS_ENDPOINT_URL"], "--latency", 250)
    if not proxy or not slow:
        return
    mine = client({**env, **proxy})
    urls = [mine.generate_presigned_url(m, {"Bucket": "first", "Key": "big"}) for m in ("get_object", "head_object")]
    f = Faults(kind + "-faults", *urls)
    f.rules()
    check(f"{f.name}: a wrong secret", lambda: refused(client({**env, **proxy}, secret="0").list_buckets, 403))
    for test in (objects, ranges, multipart):
        check(f"{f.name}: {test.__name__}", lambda: test(mine))
    every_rule(f, BIG)
    uploads(f, mine, s3)
    slowly = client({**env, **slow})
    many(Faults(kind + "-slow", slowly.generate_presigned_url("get_object", {"Bucket": "first", "Key": "digits"})))
    down(f.name)
    down(kind + "-slow")


def exists(s3, key):
    return any(o["Key"] == key for o in s3.list_objects_v2(Bucket="first", Prefix=key).get("Contents", []))


def uploads(f, mine, s3):
    put = lambda key, **more: mine.put_object(Bucket="first", Key=key, Body=BIG[:1 << 20], **more)  # noqa: E731
    f.rules({"method": "PUT", "action": "answer", "status": 503, "code": "SlowDown"})
    report(not refused(lambda: put("up-1"), "SlowDown") and not exists(s3, "up-1"), f"{f.name}: a PUT refused is not done")
    f.rules({"method": "PUT", "action": "answer", "status": 500, "code": "InternalError", "done": True})
    report(not refused(lambda: put("up-2"), "InternalError") and exists(s3, "up-2"),
           f"{f.name}: a PUT done whose answer is an error")
    f.rules({"method": "PUT", "action": "drop", "nth": 1})
    url = mine.generate_presigned_url("put_object", {"Bucket": "first", "Key": "up-3"})
    report(fetch(url, "PUT", b"text")[3] == "reset" and exists(s3, "up-3"), f"{f.name}: a PUT done whose answer is lost")
    f.rules({"method": "PUT", "action": "cut", "after": 1000})
    url = mine.generate_presigned_url("put_object", {"Bucket": "first", "Key": "up-4"})
    cut, line = fetch(url, "PUT", BIG)[3], f.log()[-1]
    report(cut == "reset" and not exists(s3, "up-4") and 1000 <= line["received"] < len(BIG),
           f"{f.name}: an upload cut", f"{cut}, {line['received']} received")
    f.rules({"method": "POST", "action": "answer", "status": 200, "code": "InternalError"})
    status, _, body, _ = fetch(mine.generate_presigned_url(
        "complete_multipart_upload", {"Bucket": "first", "Key": "x", "UploadId": "u"}), "POST", b"<x/>")
    report(status == 200 and b"<Error>" in body, f"{f.name}: 200 with an error inside")
    f.rules()
    url = mine.generate_presigned_url("put_object", {"Bucket": "first", "Key": "up-5"})
    r = subprocess.run(["curl", "-sS", "-H", "Expect: 100-continue", "-T", "-", "-H", "Content-Length: 4", "-H", "Transfer-Encoding:", "-w",
                        "%{http_code}", url], input=b"text", capture_output=True)
    report(r.stdout == b"200" and s3.get_object(Bucket="first", Key="up-5")["Body"].read() == b"text",
           f"{f.name}: Expect: 100-continue", (r.stdout + r.stderr).decode())


def folder():
    """A plain web server, and what some of them cannot do."""
    os.mkdir(f"{work}/files")
    data = hashlib.shake_128(b"catpipe").digest(300000)
    with open(f"{work}/files/big", "wb") as out:
        out.write(data)
    env = up("faults", "web", "--root", f"{work}/files")
    if not env:
        return
    f = Faults("web", env["AWS_ENDPOINT_URL"] + "/big")
    every_rule(f, data)
    f.rules({"nht": 1, "action": "drop"})
    same("web: a rule that means nothing: no answer", fetch(f.url)[3], "closed")
    with open(f"{work}/web/log/faults.out") as said:
        report("nht" in said.read(), "web: and its name in the log")
    f.rules()
    plain = lambda **h: fetch(f.url, **h)  # noqa: E731
    same("web: a suffix", plain(Range="bytes=-3")[2], data[-3:])
    r = plain(Range=f"bytes={len(data)}-")
    same("web: beyond", (r[0], r[1]["content-range"]), (416, f"bytes */{len(data)}"))
    etag = plain()[1]["etag"]
    same("web: If-Match", [plain(If_Match=etag)[0], plain(If_Match='"x"')[0]], [200, 412])
    same("web: If-None-Match", [plain(If_None_Match=etag)[0], plain(If_None_Match='"x"')[0]], [304, 200])
    same("web: no such file, none outside", [fetch(f.url + "x")[0], fetch(f.url[:-3] + "../up")[0]], [404, 404])
    down("web")
    env = up("faults-tls", "web-tls", "--root", f"{work}/files", "--latency", 250)
    if env:
        same("web-tls: the bytes", fetch(env["AWS_ENDPOINT_URL"] + "/big", cafile=env["AWS_CA_BUNDLE"])[2], data)
        down("web-tls")
    env = up("faults", "web-slow", "--root", f"{work}/files", "--latency", 250)
    if env:
        many(Faults("web-slow", env["AWS_ENDPOINT_URL"] + "/big"))
        down("web-slow")
    for mode, test in (
            ("no-ranges", lambda u: (fetch(u, Range="bytes=5-8")[0], fetch(u)[1].get("accept-ranges")) == (200, None)),
            ("no-suffix", lambda u: (fetch(u, Range="bytes=-8")[0], fetch(u, Range="bytes=5-8")[0]) == (200, 206)),
            ("no-length", lambda u: "content-length" not in fetch(u)[1] and fetch(u)[2] == data),
            ("no-etag", lambda u: "etag" not in fetch(u)[1])):
        env = up("faults", mode, "--root", f"{work}/files", "--modes", mode)
        if env:
            report(test(env["AWS_ENDPOINT_URL"] + "/big"), f"web: {mode}")
            down(mode)


# --- delay ---

def best(test, enough, n=20):
    """The least time that TEST takes, of N tries or fewer: until it is below ENOUGH."""
    least = float("inf")
    for _ in range(n):
        started = time.monotonic()
        test()
        least = min(least, time.monotonic() - started)
        if least < enough:
            break
    return least


def delay():
    os.makedirs(f"{work}/files", exist_ok=True)
    with open(f"{work}/files/small", "w") as out:
        out.write("x")
    with open(f"{work}/files/wide", "wb") as out:
        out.truncate(100 << 20)
    plain, secure = up("faults", "near", "--root", f"{work}/files"), up("faults-tls", "near-tls", "--root", f"{work}/files")
    if not plain or not secure:
        return
    far = up("delay", "far", plain["AWS_ENDPOINT_URL"], 20)
    far_tls = up("delay", "far-tls", secure["AWS_ENDPOINT_URL"], 20)
    if not far or not far_tls:
        return
    small = far["AWS_ENDPOINT_URL"] + "/small"

    def about(name, test, trips):
        took = best(test, 0.04 * trips + 0.03)
        report(0.04 * trips <= took < 0.04 * trips + 0.03, f"delay: {name}: {trips} round trips of 40 ms", f"{took * 1e3:.1f} ms")
    about("connection and request", lambda: fetch(small), 2)
    kept = connect(small)
    fetch(small, connection=kept)
    about("request on an open connection", lambda: fetch(small, connection=kept), 1)
    ca = secure["AWS_CA_BUNDLE"]
    about("connection, TLS 1.3, request", lambda: fetch(far_tls["AWS_ENDPOINT_URL"] + "/small", cafile=ca), 3)

    def at_once():
        threads = [threading.Thread(target=fetch, args=(small,)) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    about("eight at once", at_once, 2)
    wide = lambda: subprocess.run(["curl", "-sS", "-o", "/dev/null", far["AWS_ENDPOINT_URL"] + "/wide"], check=True)  # noqa: E731
    took = best(wide, 0.6)
    report(took < 0.6, "delay: 100 MiB are not held up", f"{took * 1e3:.0f} ms")
    with socket.create_connection(("127.0.0.1", int(small.split(":")[2].split("/")[0]))) as s:
        s.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b""
        while piece := s.recv(1000):
            got += piece
        report(got.endswith(b"x"), "delay: the end of the connection comes through")
    for name in ("far", "far-tls", "near", "near-tls"):
        down(name)


# --- credentials ---

def sessions(env):
    """radosgw's own sessions: it looks at their token."""
    sts = boto3.client("sts", endpoint_url=env["AWS_ENDPOINT_URL"], region_name="us-east-1",
                       aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"])
    given = sts.assume_role(RoleArn=env["S3_ROLE_ARN"], RoleSessionName="selftest")["Credentials"]

    def buckets(token):
        return boto3.client("s3", endpoint_url=env["AWS_ENDPOINT_URL"], region_name="us-east-1",
                            aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
                            aws_session_token=token).list_buckets()["Buckets"]
    if [b["Name"] for b in buckets(given["SessionToken"])] != ["first"]:
        return "other buckets"
    return refused(lambda: buckets(None), 403) or refused(lambda: buckets(given["SessionToken"][:-8] + "AAAAAAAA"), 400, 403)


def creds(env):
    """boto3 finds credentials at each of the stand-ins, in its own way, and they open the real server."""
    token = f"{work}/token"
    with open(token, "w") as out:
        out.write("first.jwt.token")
    at = with_keys(env, "creds", "creds", "--token-file", token, "--role", env["S3_ROLE_ARN"])
    if not at:
        return
    s3 = {"AWS_ENDPOINT_URL_S3": env["AWS_ENDPOINT_URL"], "AWS_DEFAULT_REGION": "us-east-1"}
    metadata = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": at["AWS_EC2_METADATA_SERVICE_ENDPOINT"], "AWS_EC2_METADATA_DISABLED": "false"}
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": at["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                 "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token}
    identity = {"AWS_ENDPOINT_URL_STS": at["AWS_ENDPOINT_URL_STS"], "AWS_WEB_IDENTITY_TOKEN_FILE": token,
                "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/reader"}
    for name, more, method in (("instance", metadata, "iam-role"), ("container", container, "container-role"),
                               ("web identity", identity, "assume-role-with-web-identity")):
        check(f"creds: {name}", lambda: by_boto({**s3, **more}, method))
    with open(f"{work}/creds/requests") as f:
        seen = [(x["method"], x["path"].split("?")[0], x["status"]) for x in map(json.loads, f)]
    role = "/latest/meta-data/iam/security-credentials/"
    same("creds: what was asked", seen, [("PUT", "/latest/api/token", 200), ("GET", role, 200), ("GET", role + "catpipe-role", 200),
                                         ("GET", "/container", 200), ("POST", "/", 200)])
    url = at["AWS_ENDPOINT_URL_STS"]
    ask = url + "/?" + urllib.parse.urlencode({"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleSessionName": "ab",
                                               "RoleArn": identity["AWS_ROLE_ARN"], "WebIdentityToken": "first.jwt.token"})
    same("creds: refused without its token", [fetch(url + role)[0], fetch(url + "/container")[0], fetch(ask + "x")[0],
                                              fetch(ask)[0]], [401, 401, 400, 200])
    with open(token, "w") as out:
        out.write("second")
    same("creds: the token as it is now", [fetch(url + "/container", Authorization=t)[0] for t in ("first.jwt.token", "second")],
         [401, 200])
    short = with_keys(env, "creds", "creds-short", "--life", 60, "--fail", 1)
    if short:
        status = fetch(short["AWS_CONTAINER_CREDENTIALS_FULL_URI"])[0]
        given = json.loads(fetch(short["AWS_CONTAINER_CREDENTIALS_FULL_URI"])[2])
        left = calendar.timegm(time.strptime(given["Expiration"], "%Y-%m-%dT%H:%M:%SZ")) - time.time()
        report(status == 500 and 50 < left <= 60, "creds: one failure, then 60 seconds", f"{status}, {left:.0f} s")
        made_up = boto3.client("s3", endpoint_url=env["AWS_ENDPOINT_URL"], region_name="us-east-1",
                               aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
                               aws_session_token=given["Token"])
        check("creds: a made-up token opens nothing", lambda: refused(made_up.list_buckets, 400, 403))
        down("creds-short")
    down("creds")


def by_boto(more, method):
    """A fresh process: boto3 keeps what it has found. Its answer is the way it found credentials."""
    program = "import boto3; s = boto3.Session(); s.client('s3').list_buckets(); print(s.get_credentials().method)"
    r = subprocess.run([sys.executable, "-c", program], env={**os.environ, **more}, capture_output=True, text=True)
    return "" if r.stdout.strip() == method else f"{r.stdout} {r.stderr[-300:]}"


if __name__ == "__main__":
    for one in wanted:
        try:
            {"folder": folder, "delay": delay}.get(one, lambda: server(one))()
        except Exception as e:
            report(False, one, f"{type(e).__name__}: {e}".replace("\n", " "))
    left = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid() and work + "/" in arguments(pid)]
    same("nothing is left running", left, [])
