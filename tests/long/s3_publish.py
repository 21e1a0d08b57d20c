"""cat-upload and cat-get against real S3 servers.

Usage: s3_publish.py BIN ENGINES WORK [KIND...]. Prints TAP.
"""
import base64
import filecmp
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config

import tap
from tap import Programs, check, report, same, skip

bin_, engines, work = sys.argv[1:4]
kinds = sys.argv[4:] or ["versitygw", "radosgw"]
cat = Programs(bin_)
os.chdir(work)
BUCKET = "pub"
PART = 8 << 20


def up(kind, name, *args):
    r = subprocess.run([engines + "/up", kind, f"{work}/{name}", *args], capture_output=True, text=True)
    if r.returncode == 75:
        skip(kind, (r.stderr.strip().splitlines() or ["it cannot be had"])[-1])
        return None
    if not report(r.returncode == 0, f"{kind} is up", r.stderr.strip().replace("\n", " ")[-300:]):
        return None
    return dict(line.split("=", 1) for line in r.stdout.splitlines())


def down(name):
    subprocess.run([engines + "/down", f"{work}/{name}"], capture_output=True)


def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def make_inputs():
    rng = random.Random(7)
    for i in range(3100):
        write(f"many/{i % 17}/file {i}+ä.bin", rng.randbytes(rng.randrange(0, 400)))
    write("small/hats.properties", b"obs_collection=x\n")
    write("big", rng.randbytes(12 * PART + 12345))
    cat("cat-gen", "-n", 40000, "-o", "sky.parquet")
    cat("cat-partition", "sky.parquet", "-o", "c1", "--rows", 900, "--margin", 60)
    cat("cat-partition", "sky.parquet", "-o", "c2", "--rows", 900, "--margin", 60, "-w", "id % 3 > 0")


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(d, f), folder) for d, _, names in os.walk(folder) for f in names)


def identical(a, b):
    """"" when two trees hold the same files with the same bytes."""
    x, y = files_below(a), files_below(b)
    if x != y:
        return f"{len(x)} files and {len(y)}: {sorted(set(x) ^ set(y))[:3]}"
    _, wrong, bad = filecmp.cmpfiles(a, b, x, shallow=False)
    return f"differ: {(wrong + bad)[:3]}" if wrong or bad else ""


class Server:
    """One real server, and our programs with its keys."""

    def __init__(self, kind, env):
        self.kind, self.env = kind, env
        os.environ.update(env)
        self.s3 = self.client()
        self.s3.create_bucket(Bucket=BUCKET)

    def client(self):
        # Not boto3's own session: that keeps the keys of the first server.
        return boto3.session.Session().client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2},
                                                                   request_checksum_calculation="when_required",
                                                                   response_checksum_validation="when_required"))

    def keys(self, prefix, bucket=BUCKET):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {o["Key"][len(prefix):]: o for p in pages for o in p.get("Contents", [])}

    def get(self, key, bucket=BUCKET):
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def unfinished(self, key=None):
        """Uploads that were begun and are neither put together nor taken back: all, or those of KEY."""
        ups = self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads") or []
        return [u for u in ups if key in (None, u["Key"])]

    def parts(self, key):
        """Bytes of KEY's unfinished upload that the server has."""
        ups = self.unfinished(key)
        if not ups:
            return 0
        return sum(p["Size"] for p in self.s3.list_parts(Bucket=BUCKET, Key=key, UploadId=ups[0]["UploadId"]).get("Parts", []))

    def there(self, prefix, folder):
        """"" when the objects below PREFIX are the files below FOLDER."""
        got, want = self.keys(prefix), files_below(folder)
        if sorted(got) != sorted(want):
            return f"{len(got)} objects, {len(want)} files: {sorted(set(got) ^ set(want))[:3]}"
        for name in want:
            with open(os.path.join(folder, name), "rb") as f:
                if f.read() != self.get(prefix + name):
                    return name + " differs"
        return ""


def network():
    """Requests, bytes in and bytes out of the last program with -v."""
    m = re.search(r"network: (\d+) requests, \d+ of them again, (\d+) bytes in, (\d+) out", cat.messages)
    return tuple(map(int, m.groups()))


def start(*args, env=None):
    return subprocess.Popen([os.path.join(bin_, args[0]), *map(str, args[1:])], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, **(env or {})})


def through(proxy, *args, **more):
    """A program of ours through a proxy."""
    old = os.environ["AWS_ENDPOINT_URL"]
    os.environ.update(proxy)
    try:
        return cat(*args, **more)
    finally:
        os.environ["AWS_ENDPOINT_URL"] = old


def until(what, seconds=30):
    end = time.time() + seconds
    while not what():
        if time.time() > end:
            raise RuntimeError("it did not come to that in time")
        time.sleep(0.02)


# --- trees ---

def trees(s):
    dst = f"s3://{BUCKET}/tree/many"
    s.s3.put_object(Bucket=BUCKET, Key="tree/many-not/x", Body=b"x")
    plan = json.loads(cat("cat-upload", "--plan", "--json", "many", dst))
    same("a plan sends nothing", (plan["send"]["files"], len(s.keys("tree/many/"))), (3100, 0))
    cat("cat-upload", "many/", dst)
    report(not (note := s.there("tree/many/", "many")), "3,100 files are there, byte for byte", note)
    cat("cat-upload", "-v", "many", dst)
    same("a second time: four pages of a list, nothing sent", network()[::2], (4, 0))

    os.rename("many/0/file 0+ä.bin", "many/0/moved")
    write("many/1/file 1+ä.bin", s.kind[0].encode() * os.path.getsize("many/1/file 1+ä.bin"))
    write("many/2/file 2+ä.bin", s.kind.encode() * 70)
    r = json.loads(cat("cat-upload", "--json", "--delete", "many", dst))
    same("what has changed is replaced, what has gone is deleted",
         [r[k]["files"] for k in ("send", "replace", "same", "delete")], [1, 2, 3097, 1])
    report(not (note := s.there("tree/many/", "many")), "then it is the same tree", note)
    same("what lies beside the target stays", list(s.keys("tree/many-not/")), ["x"])
    os.makedirs("empty", exist_ok=True)
    cat("cat-upload", "--delete", "empty", dst, status=64)
    same("an empty source deletes nothing", len(s.keys("tree/many/")), 3100)
    os.rename("many/0/moved", "many/0/file 0+ä.bin")


def others(s):
    """boto3 before and behind us."""
    for key, chunk in (("theirs/five", 5 << 20), ("theirs/eight", 8 << 20), ("theirs/whole", 1 << 30)):
        s.s3.upload_file("big", BUCKET, key, Config=TransferConfig(multipart_threshold=chunk, multipart_chunksize=chunk))
        cat("cat-upload", "-v", "big", f"s3://{BUCKET}/{key}")
        same(f"what boto3 sent is known again ({key})", network()[2], 0)
    s.s3.put_object(Bucket=BUCKET, Key="theirs/a folder/ü", Body=b"small")
    here = f"theirs-{s.kind}"
    cat("cat-get", f"s3://{BUCKET}/theirs", here)
    got = {n: hashlib.md5(open(f"{here}/{n}", "rb").read()).hexdigest() for n in files_below(here)}
    want = hashlib.md5(open("big", "rb").read()).hexdigest()
    same("cat-get fetches what boto3 sent", got,
         {"five": want, "eight": want, "whole": want, "a folder/ü": hashlib.md5(b"small").hexdigest()})
    cat("cat-upload", "big", f"s3://{BUCKET}/ours")
    same("boto3 reads what we sent in parts", s.get("ours") == open("big", "rb").read(), True)
    with open("big", "rb") as f:
        cat("cat-upload", "--content-type", "text/x", "-", f"s3://{BUCKET}/streamed", stdin=f)
    same("and what came through a pipe", s.get("streamed") == open("big", "rb").read(), True)
    write("tagged", b"x")
    cat("cat-upload", "--content-type", "text/y", "--tags", "a=b&c=d", "tagged", f"s3://{BUCKET}/tagged")
    types = [s.s3.head_object(Bucket=BUCKET, Key=k)["ContentType"] for k in ("streamed", "tagged")]
    tags = sorted((t["Key"], t["Value"]) for t in s.s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"])
    same("media types and tags", (types, tags), (["text/x", "text/y"], [("a", "b"), ("c", "d")]))


def conditions(s):
    dst = f"s3://{BUCKET}/conditions/x"
    write("x1", b"one")
    write("x2", b"two and more")
    cat("cat-upload", "--create", "x1", dst)
    cat("cat-upload", "--create", "x2", dst, status=73)
    cat("cat-upload", "--create", "-", dst, status=73, stdin=open("x2", "rb"))
    same("--create replaces nothing", s.get("conditions/x"), b"one")
    etag = s.s3.head_object(Bucket=BUCKET, Key="conditions/x")["ETag"]
    cat("cat-upload", "--if-match", '"0123456789abcdef0123456789abcdef"', "x2", dst, status=75)
    same("--if-match with another version replaces nothing", s.get("conditions/x"), b"one")
    for tag in (etag, etag.strip('"')):
        cat("cat-upload", "--if-match", tag, "x2", dst)
        same(f"--if-match with its version replaces it ({tag[0]})", s.get("conditions/x"), b"two and more")
        cat("cat-upload", "x1", dst)
    for name, right in (("x", b"one"), ("nothing", None)):
        cat("cat-upload", "--if-match", '"0123456789abcdef0123456789abcdef"', "big", f"s3://{BUCKET}/conditions/{name}", status=75)
        same(f"--if-match with another version, in parts: {name} is as it was, nothing is left of the upload",
             (s.get("conditions/" + name) if right else name in s.keys("conditions/"), s.unfinished()), (right or False, []))
    etag = s.s3.head_object(Bucket=BUCKET, Key="conditions/x")["ETag"]
    cat("cat-upload", "--if-match", etag, "big", dst)
    same("--if-match with its version, in parts", len(s.get("conditions/x")), os.path.getsize("big"))
    cat("cat-upload", "--tags", "a=b", "big", dst)
    report("stays as stored before" in cat.messages, "what is there already keeps its tags, and that is told", cat.messages)
    same("it has none", s.s3.get_object_tagging(Bucket=BUCKET, Key="conditions/x").get("TagSet", []), [])
    cat("cat-upload", "--tags", "a=b", "x1", dst)
    report("stays" not in cat.messages, "nothing is told of what is sent", cat.messages)


# --- interruptions ---

def slow(s):
    """A proxy through which each write takes a while."""
    with open("slow-rules.json", "w") as f:
        json.dump([{"method": "PUT", "delay_ms": 150}, {"method": "GET", "range": True, "delay_ms": 100}], f)
    env = up("faults", f"slow-{s.kind}", "--to", s.env["AWS_ENDPOINT_URL"])
    os.rename("slow-rules.json", f"slow-{s.kind}/rules.json")
    return env


def client_killed(s, proxy):
    key, size = "killed/big", os.path.getsize("big")
    args = ("cat-upload", "--json", "-m", "100M", "big", f"s3://{BUCKET}/{key}")
    p = start(*args, env=proxy)
    until(lambda: s.parts(key) >= 3 * PART)
    p.send_signal(signal.SIGKILL)
    p.communicate()
    time.sleep(0.5)  # what was on its way arrives or not
    had = s.parts(key)
    report(key not in s.keys("") and 3 * PART <= had < size, "a client is killed: the object is not seen", had)
    sent = json.loads(through(proxy, *args))["sent_bytes"]
    same("and taken up: only what is missing is sent", sent, size - had)
    report(s.get(key) == open("big", "rb").read(), "the object is right")
    same("nothing is left of the upload", s.unfinished(key), [])

    key = "ended/big"
    p = start("cat-upload", "-m", "100M", "big", f"s3://{BUCKET}/{key}", env=proxy)
    until(lambda: s.parts(key) >= PART)
    p.send_signal(signal.SIGTERM)
    p.communicate()
    same("SIGTERM: ended by it, the upload is taken back", (p.returncode, s.unfinished(key)), (-signal.SIGTERM, []))
    through(proxy, "cat-upload", "big", f"s3://{BUCKET}/{key}")
    same("and begun anew", s.get(key) == open("big", "rb").read(), True)

    # What is asked of the server when an upload begins cannot be asked later.
    key = "stored/big"
    p = start("cat-upload", "-m", "100M", "--tags", "a=old", "big", f"s3://{BUCKET}/{key}", env=proxy)
    until(lambda: s.parts(key) >= PART)
    p.send_signal(signal.SIGKILL)
    p.communicate()
    time.sleep(0.5)
    through(proxy, "cat-upload", "--tags", "a=new", "--content-type", "text/x", "big", f"s3://{BUCKET}/{key}")
    same("an upload that was to be stored otherwise is begun anew",
         (s.s3.head_object(Bucket=BUCKET, Key=key)["ContentType"], s.unfinished(key)), ("text/x", []))
    if s.kind != "radosgw":  # that forgets the tags of what comes in parts
        same("and has its tags", s.s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"], [{"Key": "a", "Value": "new"}])

    # The file has changed since: what was there of the old one is of no use, and goes.
    key = "changed/big"
    p = start("cat-upload", "-m", "100M", "big", f"s3://{BUCKET}/{key}", env=proxy)
    until(lambda: s.parts(key) >= PART)
    p.send_signal(signal.SIGKILL)
    p.communicate()
    time.sleep(0.5)
    with open("big", "r+b") as f:
        f.write(b"changed")
    through(proxy, "cat-upload", "big", f"s3://{BUCKET}/{key}")
    same("a file that has changed is sent anew, the old parts are gone",
         (s.get(key) == open("big", "rb").read(), s.unfinished(key)), (True, []))


def server_killed(s, proxy):
    """kill -9 of the server in mid-upload; the same command again when it is back."""
    name = "radosgw" if s.kind == "radosgw" else "versitygw"
    pid = next(int(p) for p in open(f"{s.kind}/pids").read().split()
               if os.path.basename(os.readlink(f"/proc/{p}/exe")).startswith(name))
    argv = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")[:-1]
    env = dict(v.split(b"=", 1) for v in open(f"/proc/{pid}/environ", "rb").read().split(b"\0") if b"=" in v)
    cwd = os.readlink(f"/proc/{pid}/cwd")
    key, size = "server/big", os.path.getsize("big")
    args = ("cat-upload", "--json", "-m", "100M", "--tries", 2, "big", f"s3://{BUCKET}/{key}")
    p = start(*args, env=proxy)
    until(lambda: s.parts(key) >= 3 * PART)
    os.kill(pid, signal.SIGKILL)
    err = p.communicate()[1].decode()
    report(p.returncode in (69, 75, 76), "the server is killed: the client says that it may be tried again", f"{p.returncode} {err.strip()}")
    again = subprocess.Popen(argv, env=env, cwd=cwd, start_new_session=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{s.kind}/pids", "a") as f:
        f.write(f"{again.pid}\n")
    until(lambda: subprocess.run(["curl", "-s", "--noproxy", "*", "-o", "/dev/null", s.env["AWS_ENDPOINT_URL"]]).returncode == 0, 60)
    s.s3 = s.client()
    had = s.parts(key)
    sent = json.loads(through(proxy, *args))["sent_bytes"]
    same("and goes on: only what is missing is sent", sent, size - had)
    report(had >= 2 * PART and s.get(key) == open("big", "rb").read(), "the object is right", had)
    same("nothing is left of the upload", s.unfinished(key), [])


def get_killed(s, proxy):
    cat("cat-upload", "c1", f"s3://{BUCKET}/get/c1")
    args = ("cat-get", "--json", "-j1", f"s3://{BUCKET}/get/c1", f"got-{s.kind}")
    listed = f".got-{s.kind}.catpipe-get/list"
    whole = lambda: open(listed).read().count("\nwhole ") if os.path.exists(listed) else 0
    p = start(*args, env=proxy)
    until(lambda: whole() >= 15)
    p.send_signal(signal.SIGKILL)
    p.communicate()
    had = whole()
    report(not os.path.exists(f"got-{s.kind}"), "cat-get is killed: nothing is seen")
    r = json.loads(cat(*args))
    report(r["kept_files"] >= had and r["files"] == len(files_below("c1")), "and goes on with what it has", f"{had} {r}")
    report(not (note := identical("c1", f"got-{s.kind}")), "the catalogue is the same, byte for byte", note)
    cat("cat-get", "--cone", "90,30,20", f"s3://{BUCKET}/get/c1", f"part-{s.kind}")
    cat("cat-get", "--cone", "90,30,20", "c1", f"local-{s.kind}")
    report(not (note := identical(f"part-{s.kind}", f"local-{s.kind}")), "a part is the same from there as from here", note)


# --- releases ---

def damaged(s):
    """Parts of an object arrive with a wrong bit: what the server knows of them by SHA-256 does not fit."""
    src, odd = f"s3://{BUCKET}/damaged/big", f"s3://{BUCKET}/damaged/odd"
    cat("cat-upload", "big", src)
    s.s3.upload_file("big", BUCKET, "damaged/odd", ExtraArgs={"ChecksumAlgorithm": "SHA256"},
                     Config=boto3.s3.transfer.TransferConfig(multipart_chunksize=7 * 1024 * 1024 + 13))
    env = up("faults", f"flip-{s.kind}", "--to", s.env["AWS_ENDPOINT_URL"])
    through(env, "cat-get", odd, "odd")
    same("parts of an odd size fit", open("odd", "rb").read() == open("big", "rb").read(), True)
    with open("rules", "w") as f:
        json.dump([{"method": "GET", "path": "damaged", "range": True, "every": 3, "action": "flip", "at": 7000}], f)
    os.rename("rules", f"flip-{s.kind}/rules.json")
    for address in (src, odd):
        through(env, "cat-get", address, "flipped", status=76)
        report("checksum" in cat.messages and not os.path.exists("flipped"), "damaged parts are refused", cat.messages)
    down(f"flip-{s.kind}")


def reflected(data, polynomial, ones):
    """A CRC, byte by byte."""
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (polynomial if i & 1 else 0)
        table.append(i)
    crc = ones
    for b in data:
        crc = crc >> 8 ^ table[(crc ^ b) & 255]
    return crc ^ ones


def other_checksums(s):
    """What other clients send with an object in parts is compared too, where its ETag settles nothing."""
    def text(crc, width):
        return base64.b64encode(crc.to_bytes(width, "big")).decode()

    def put(key, file, kind, size, whole, crc):
        """WHOLE: the CRC is one of all bytes; else one of the parts' CRCs."""
        at = {"Bucket": BUCKET, "Key": key}
        how = {"ChecksumAlgorithm": kind, "ChecksumType": "FULL_OBJECT" if whole else "COMPOSITE"}
        up = s.s3.create_multipart_upload(**at, **how)["UploadId"]
        parts = []
        with open(file, "rb") as f:
            while data := f.read(size):
                sums = {"Checksum" + kind: crc(data)}
                tag = s.s3.upload_part(**at, UploadId=up, PartNumber=len(parts) + 1, Body=data, **sums)["ETag"]
                parts.append({"PartNumber": len(parts) + 1, "ETag": tag, **sums})
        s.s3.complete_multipart_upload(**at, UploadId=up, MultipartUpload={"Parts": parts}, ChecksumType=how["ChecksumType"])

    with open("some", "wb") as f:
        f.write(open("big", "rb").read((6 << 20) + 7))
    whole = {"CRC32": lambda data: text(zlib.crc32(data), 4),
             "CRC32C": lambda data: text(reflected(data, 0x82F63B78, 0xFFFFFFFF), 4),
             "CRC64NVME": lambda data: text(reflected(data, 0x9A6C9329AC4BC9B5, (1 << 64) - 1), 8)}
    put("sums/big-CRC32", "big", "CRC32", PART - 7, True, whole["CRC32"])
    put("sums/big-CRC32-parts", "big", "CRC32", PART - 7, False, whole["CRC32"])
    for kind, crc in whole.items():
        put("sums/some-" + kind, "some", kind, PART, True, crc)
    env = up("faults", f"sums-{s.kind}", "--to", s.env["AWS_ENDPOINT_URL"])
    for key in sorted(s.keys("sums/")):
        through(env, "cat-get", f"s3://{BUCKET}/sums/{key}", "summed")
        same(f"{key}: right", (open("summed", "rb").read() == open(key.split("-")[0], "rb").read(), cat.messages), (True, ""))
    with open("rules", "w") as f:
        json.dump([{"method": "GET", "path": "sums", "range": True, "action": "flip", "at": 7000}], f)
    for key in sorted(s.keys("sums/")):
        shutil.copy("rules", "rules.new")
        os.rename("rules.new", f"sums-{s.kind}/rules.json")
        through(env, "cat-get", f"s3://{BUCKET}/sums/{key}", "flipped", status=76)
        report("checksum" in cat.messages and not os.path.exists("flipped"), f"{key}: damaged, refused", cat.messages)
    down(f"sums-{s.kind}")


def long_parts(s):
    """Of an object whose parts are long it is asked in pieces that are not: what is under way is lost with the process."""
    with open(f"{s.kind}/buckets/{BUCKET}/huge", "wb") as f:
        f.truncate(200 << 30)
    env = up("faults", f"huge-{s.kind}", "--to", s.env["AWS_ENDPOINT_URL"])
    with open("rules", "w") as f:
        json.dump([{"path": "huge", "action": "headers", "set": {
            "ETag": '"x-6400"', "x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode() + "-6400"}}], f)
    os.rename("rules", f"huge-{s.kind}/rules.json")
    through(env, "cat-get", f"s3://{BUCKET}/huge", "huge", status=65)  # that is not its ETag
    with open(f"huge-{s.kind}/requests") as f:
        ranges = [[int(n) for n in x["range"].split("=")[1].split("-")] for x in map(json.loads, f) if x["range"]]
    longest = max(b - a + 1 for a, b in ranges)
    report(1 << 20 <= longest <= 16 << 20, "parts of 32 MiB come in shorter pieces", longest)
    down(f"huge-{s.kind}")
    os.unlink(f"{s.kind}/buckets/{BUCKET}/huge")


def unknown(s):
    """Nothing that the store keeps can be compared: that is told, in one line."""
    s.s3.upload_file("big", BUCKET, "unknown/odd", Config=TransferConfig(multipart_chunksize=7 * 1024 * 1024 + 13))
    cat("cat-upload", "small", f"s3://{BUCKET}/unknown")
    env = up("faults", f"unknown-{s.kind}", "--to", s.env["AWS_ENDPOINT_URL"])
    with open("rules", "w") as f:
        json.dump([{"method": "HEAD", "query": "partNumber", "action": "answer", "status": 400},
                   {"method": "HEAD", "action": "headers", "remove": [n for n in (
                       "x-amz-checksum-sha256", "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme")]}], f)
    os.rename("rules", f"unknown-{s.kind}/rules.json")
    src = f"s3://{BUCKET}/unknown"
    for args, lines in ((("-q",), 0), (("--no-verify",), 0), ((), 1)):
        through(env, "cat-get", *args, src, f"unknown-{s.kind}{args[:1]}")
        same(f"what cannot be verified is told: {args}", cat.messages.count("1 of 2 files could not be verified"), lines)
        same(f"in one line: {args}", len(cat.messages.splitlines()), lines)
    down(f"unknown-{s.kind}")


def answer(address):
    return cat("cat-group", "-a", "count(*) AS n, sum(id) AS s, mean(ra) AS m", "-f", "csv", address)


def releases(s):
    dst = f"s3://{BUCKET}/rel"
    right = {answer("c1"), answer("c2")}
    cat("cat-upload", "--release", "v1", "c1", dst)
    same("readers of the address get the release", answer(dst), answer("c1"))
    seen, wrong, end = [], [], threading.Event()

    def read():
        reader = Programs(bin_)
        while not end.is_set():
            try:
                seen.append(reader("cat-group", "-a", "count(*) AS n, sum(id) AS s, mean(ra) AS m", "-f", "csv", dst))
                if seen[-1] not in right:
                    wrong.append(seen[-1])
            except Exception as e:
                wrong.append(str(e))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for t in readers:
        t.start()
    cat("cat-upload", "--release", "v2", "c2", dst)
    for i in range(8):
        cat("cat-upload", "--rollback", f"v{i % 2 + 1}", dst)
        time.sleep(0.15)
    end.set()
    for t in readers:
        t.join()
    report(not wrong and len(set(seen)) == 2 and len(seen) > 10,
           "readers met both releases, never a mix or a failure, while they were changed over", f"{len(seen)} {wrong[:2]}")
    same("the last one is the one that readers get", answer(dst), answer("c2"))
    cat("cat-upload", "--release", "v1", "c2", dst, status=73)
    cat("cat-upload", "--rollback", "v3", dst, status=66)
    report(not (note := s.there("rel/releases/v1/", "c1")), "a release is as it was", note)
    cat("cat-get", dst, f"released-{s.kind}")
    report(not (note := identical("c2", f"released-{s.kind}")), "cat-get follows it too", note)
    cat("cat-upload", "c1", dst, status=73)
    cat("cat-upload", "--release", "v1", "c1", f"s3://{BUCKET}/get/c1", status=73)
    write("plain/README", b"about it")
    r = json.loads(cat("cat-upload", "--json", "--delete", "plain", dst))
    same("--delete leaves releases alone", (r["delete"]["files"], s.get("rel/latest"), len(s.keys("rel/releases/v2/"))),
         (0, b"v2\n", len(files_below("c2"))))
    s.s3.delete_object(Bucket=BUCKET, Key="rel/releases/v1/" + next(f for f in files_below("c1") if "Npix" in f))
    cat("cat-upload", "--rollback", "v1", dst, status=65)
    report("Npix" in cat.messages and s.get("rel/latest") == b"v2\n", "a release that lacks a file is none to go back to", cat.messages.strip())


def release_killed(s, proxy):
    """The same command goes on with a release that was interrupted, also just before the last step."""
    dst = f"s3://{BUCKET}/half"
    p = start("cat-upload", "-j1", "--release", "v1", "c1", dst, env=proxy)
    until(lambda: len(s.keys("half/")) > 20)
    p.send_signal(signal.SIGKILL)
    p.communicate()
    cat("cat-info", dst, status=66)
    same("half a release is seen by nobody", "half/latest" in s.keys(""), False)
    through(proxy, "cat-upload", "--release", "v1", "small", dst, status=73)
    through(proxy, "cat-upload", "--release", "v1", "c1", dst)
    same("the same command completes it", answer(dst), answer("c1"))


def clients_at_once(s):
    names = [f"r{i}" for i in range(6)]
    s.s3.create_bucket(Bucket="versions")
    s.s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    bucket = "versions"
    if s.kind == "radosgw":
        # It heeds no conditions where it keeps versions.
        cat("cat-upload", "--release", "r", "small", "s3://versions/race", status=79)
        report("does not heed" in cat.messages, "a server that ignores conditions is found out", cat.messages.strip())
        cat("cat-upload", "--unsafe", "--release", "r", "small", "s3://versions/race")
        bucket = BUCKET
    clients = [start("cat-upload", "--json", "--release", n, "small", f"s3://{bucket}/race") for n in names]
    out = [(p.communicate(), p.returncode) for p in clients]
    same("six clients release at a time: each succeeds", [rc for _, rc in out], [0] * 6)
    if bucket == "versions":
        versions = [s.s3.get_object(Bucket=bucket, Key="race/latest", VersionId=v["VersionId"])["Body"].read().decode().strip()
                    for v in s.s3.list_object_versions(Bucket=bucket, Prefix="race/latest")["Versions"]]
        same("each was the latest once", sorted(versions), names)
    before = {json.loads(o[0])["release"]: json.loads(o[0])["previous"] for o, _ in out}
    chain, at = [], s.get("race/latest", bucket).decode().strip()
    while at:
        chain.append(at)
        at = before[at]
    same("each after another one: none was lost", sorted(chain), names)
    # The same release by several: one makes it, the others find it made or make the same.
    clients = [start("cat-upload", "--release", "same", "c1", f"s3://{BUCKET}/both") for _ in range(3)]
    codes = sorted((p.communicate(), p.returncode)[1] for p in clients)
    report(codes[0] == 0 and set(codes) <= {0, 73}, "three clients make one release: it is made", codes)
    same("and right", answer(f"s3://{BUCKET}/both"), answer("c1"))


def no_conditions(s):
    """A server that says that it knows no conditional writes."""
    env = up("faults", f"old-{s.kind}", "--to", s.env["AWS_ENDPOINT_URL"])
    with open("rules", "w") as f:
        json.dump([{"method": "PUT", "path": "(manifest|latest)$", "every": 2, "action": "answer", "status": 501, "code": "NotImplemented"},
                   {"method": "PUT", "path": "(manifest|latest)$", "first": 1, "action": "answer", "status": 501, "code": "NotImplemented"}], f)
    os.rename("rules", f"old-{s.kind}/rules.json")
    os.environ.update(env)
    try:
        cat("cat-upload", "--release", "v1", "small", f"s3://{BUCKET}/old", status=79)
        report("--unsafe" in cat.messages, "a server without conditional writes is told of", cat.messages.strip())
        cat("cat-upload", "--unsafe", "--release", "v1", "small", f"s3://{BUCKET}/old")
        same("and used with --unsafe", s.get("old/latest"), b"v1\n")
    finally:
        os.environ.update(s.env)
        down(f"old-{s.kind}")


def lsdb_opens(s):
    try:
        import lsdb
        import s3fs  # noqa: F401
        from upath import UPath
    except ImportError as e:
        skip("LSDB opens it", str(e))
        return
    cat("cat-upload", "c1", f"s3://{BUCKET}/lsdb/c1")
    where = UPath(f"s3://{BUCKET}/lsdb/c1", key=s.env["AWS_ACCESS_KEY_ID"], secret=s.env["AWS_SECRET_ACCESS_KEY"],
                  endpoint_url=s.env["AWS_ENDPOINT_URL"])
    c = lsdb.open_catalog(where)
    same("LSDB opens the catalogue at the server, with its margin", (len(c.compute()), c.margin is not None), (40000, True))


def full(s):
    """A bucket that takes no more: 74, and nothing of what was sent is left to fill it."""
    def quota(*args):
        subprocess.run(["radosgw-admin", "-c", f"{work}/{s.kind}/ceph.conf", "quota", *args, "--quota-scope=bucket",
                        "--bucket=full"], capture_output=True, check=True)
    s.s3.create_bucket(Bucket="full")
    quota("set", "--max-size=20M")
    quota("enable")
    cat("cat-upload", "small/hats.properties", "s3://full/first")
    for args in (("big", "s3://full/big"), ("-", "s3://full/stream")):
        with open("big", "rb") as f:
            cat("cat-upload", *args, status=74, stdin=f)
        report("full" in cat.messages.replace("s3://full", ""), f"{args[0]}: says that it is full", cat.messages.strip())
    cat("cat-gen", "-n", 600000, "-o", "s3://full/out.parquet", status=74)
    same("a full bucket has what it had", [o["Key"] for o in s.s3.list_objects_v2(Bucket="full")["Contents"]], ["first"])
    same("and no parts of uploads", s.s3.list_multipart_uploads(Bucket="full").get("Uploads", []), [])


def run(kind):
    env = up(kind, kind)
    if not env:
        return
    s = Server(kind, env)
    os.environ["CATPIPE_CACHE"] = f"{work}/cache-{kind}"
    for name, test in (("trees", trees), ("other clients", others), ("conditions", conditions), ("nothing to verify by", unknown)):
        check(f"{kind}: {name}", lambda: test(s))
    proxy = slow(s)
    if proxy:
        for name, test in (("a client that is killed", client_killed), ("a copy that is killed", get_killed),
                           ("a release that is killed", release_killed)):
            check(f"{kind}: {name}", lambda: test(s, proxy))
    for name, test in (("releases", releases), ("clients at once", clients_at_once), ("no conditions", no_conditions),
                       ("LSDB", lsdb_opens)):
        check(f"{kind}: {name}", lambda: test(s))
    if kind == "versitygw":
        check(f"{kind}: parts that are damaged", lambda: damaged(s))
        check(f"{kind}: checksums of other clients", lambda: other_checksums(s))
        check(f"{kind}: long parts", lambda: long_parts(s))
    if kind == "radosgw":
        check(f"{kind}: a bucket that is full", lambda: full(s))
    if proxy:
        check(f"{kind}: a server that is killed", lambda: server_killed(s, proxy))
        down(f"slow-{kind}")
    notes = [open(f"cache-{kind}/uploads/{n}").read() for n in os.listdir(f"cache-{kind}/uploads")]
    same(f"{kind}: no notes are left of what is done", notes, [])
    down(kind)


make_inputs()
for kind in kinds:
    run(kind)
print(f"1..{tap.count}")
