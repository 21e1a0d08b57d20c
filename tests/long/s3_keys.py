"""Where our programs find keys for S3, and what uploads that do not end well leave behind.

Usage: s3_keys.py PROGRAMS WORK. Prints TAP.
"""
import json
import os
import signal
import subprocess
import sys
import time

import boto3
from botocore.client import Config

from s3_bench import Bench, Faults, outcome
from tap import report, same, skip

bench = Bench(*sys.argv[1:3])
work = bench.work
table = work + "/t.parquet"
QUICK = ("--tries", 3, "--timeout", 2)
DATA, UNAVAILABLE, PROTOCOL, DENIED, CONFIG, UNSUPPORTED = 65, 69, 76, 77, 78, 79


def client(env):
    return boto3.client("s3", endpoint_url=env["AWS_ENDPOINT_URL"], region_name=env["AWS_REGION"],
                        aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
                        verify=env.get("AWS_CA_BUNDLE"),
                        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required",
                                      response_checksum_validation="when_required"))


def write(path, text, mode=0o600):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


# --- where keys come from ---

class Chain:
    """Scans of one object with keys from elsewhere than the environment."""

    def __init__(self, env, right):
        self.env, self.right = env, right
        self.at = {n: env[n] for n in ("AWS_ENDPOINT_URL", "AWS_REGION")}
        self.key, self.secret = env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
        self.tokens = []

    def see(self, name, wanted=0, *args, **env):
        given = {**self.at, **env}
        got = bench.run("cat-scan", "s3://first/t.parquet", "-v", *(QUICK if "--tries" not in args else ()), *args,
                        env={n: v for n, v in given.items() if v is not None})
        outcome("keys: " + name, got, wanted, self.right)
        for secret in (self.secret, *self.tokens):
            if secret in got[2]:
                report(False, f"keys: {name}: no secrets in messages", got[2][-300:])
        return got


def profiles(c):
    config, credentials = bench.home + "/.aws/config", bench.home + "/.aws/credentials"
    pair = f"aws_access_key_id = {c.key}\naws_secret_access_key = {c.secret}\n"
    wrong = f"aws_access_key_id = {c.key}\naws_secret_access_key = {'0' * 32}\n"
    c.see("none anywhere", (DENIED, "no keys for S3", "--no-sign"))
    write(credentials, f"# comment\n[default]\n{pair}\n[wrong]\n{wrong}")
    c.see("the default profile")
    c.see("--profile", (DENIED, "denied"), "--profile", "wrong")
    c.see("AWS_PROFILE", (DENIED, "denied"), AWS_PROFILE="wrong")
    c.see("the environment before AWS_PROFILE", 0, AWS_PROFILE="wrong", AWS_ACCESS_KEY_ID=c.key, AWS_SECRET_ACCESS_KEY=c.secret)
    c.see("--profile before the environment", (DENIED, "denied"), "--profile", "wrong", AWS_ACCESS_KEY_ID=c.key,
          AWS_SECRET_ACCESS_KEY=c.secret)
    c.see("no such profile", (CONFIG, "'none'"), "--profile", "none")
    write(credentials, f"[default]\n{wrong}")
    write(config, f"[profile other]\nregion = us-east-1\ns3 =\n  max_concurrent_requests = 20\n{pair}")
    c.see("of the configuration file", 0, "--profile", "other")
    write(work + "/elsewhere", f"[default]\n{pair}")
    c.see("AWS_SHARED_CREDENTIALS_FILE", 0, AWS_SHARED_CREDENTIALS_FILE=work + "/elsewhere")
    write(config, f"[default]\nendpoint_url = {c.at['AWS_ENDPOINT_URL']}\nregion = us-east-1\n")
    write(credentials, f"[default]\n{pair}")
    c.see("endpoint and region of the profile", 0, AWS_ENDPOINT_URL=None, AWS_REGION=None)
    write(config, f"[default]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = {c.at['AWS_ENDPOINT_URL']}\n")
    c.see("endpoint of its services", 0, AWS_ENDPOINT_URL=None)
    os.unlink(credentials)
    write(config, "[profile a]\nsso_session = x\nsso_account_id = 1\n")
    c.see("SSO", (UNSUPPORTED, "SSO", "export-credentials --profile 'a'"), "--profile", "a")
    write(config, "[profile a]\nlogin_session = arn:aws:iam::1:user/x\n")
    c.see("aws login", (UNSUPPORTED, "aws login", "export-credentials"), "--profile", "a")
    write(config, f"[profile a]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = b\nmfa_serial = arn:aws:iam::1:mfa/x\n[profile b]\n{pair}")
    c.see("MFA", (UNSUPPORTED, "MFA", "export-credentials"), "--profile", "a")
    write(config, f"[profile other]\nendpoint_url = {c.at['AWS_ENDPOINT_URL']}\n{pair}")
    c.see("AWS_DEFAULT_PROFILE", 0, AWS_DEFAULT_PROFILE="other")
    c.see("AWS_PROFILE before AWS_DEFAULT_PROFILE", (CONFIG, "'none'"), AWS_DEFAULT_PROFILE="other", AWS_PROFILE="none")
    c.see("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, but not --endpoint", 0, "--endpoint", c.at["AWS_ENDPOINT_URL"],
                AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", AWS_DEFAULT_PROFILE="other", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    got = bench.run("cat-ls", "s3://first/", *QUICK, env={"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_REGION": "nowhere-1",
                    "AWS_ENDPOINT_URL": c.at["AWS_ENDPOINT_URL"], "AWS_ACCESS_KEY_ID": c.key, "AWS_SECRET_ACCESS_KEY": c.secret})
    outcome("keys: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: Amazon is asked", got, (UNAVAILABLE, "nowhere-1.amazonaws.com"))
    os.unlink(config)


def programs(c):
    config = bench.home + "/.aws/config"
    answer = {"Version": 1, "AccessKeyId": c.key, "SecretAccessKey": c.secret}
    write(work + "/my keys", f"#!/bin/sh\ntr '\\0' ' ' </proc/$$/cmdline >{work}/said\necho '{json.dumps(answer)}'\n", 0o700)
    write(config, f"[default]\ncredential_process = \"{work}/my keys\" --one 'two  three'\n")
    c.see("credential_process")
    with open(work + "/said") as f:
        report("--one two  three" in f.read(), "credential_process: its words")
    for what, script in (("fails", f"echo {c.secret}; exit 3"), ("says nothing", "exit 0"), ("says nonsense", f"echo {c.secret}"),
                         ("is ended", "kill -9 $$"), ("floods", "cat /dev/zero")):
        write(work + "/bad", "#!/bin/sh\n" + script + "\n", 0o700)
        write(config, f"[default]\ncredential_process = {work}/bad\n")
        c.see(f"credential_process {what}", (CONFIG, "credential_process"))
    write(config, "[default]\ncredential_process = /nowhere/at/all\n")
    c.see("credential_process that is not there", (CONFIG, "cannot be started"))
    os.unlink(config)


def roles(c):
    """Of radosgw's own STS."""
    config, role = bench.home + "/.aws/config", c.env["S3_ROLE_ARN"]
    pair = f"aws_access_key_id = {c.key}\naws_secret_access_key = {c.secret}\n"
    source = f"[profile base]\n{pair}\n[profile role]\nrole_arn = {role}\nrole_session_name = test\nsource_profile = base\n"
    write(config, source)
    c.see("source_profile", 0, "--profile", "role")
    write(config, f"[profile role]\nrole_arn = {role}\nsource_profile = role\n{pair}")
    c.see("a profile that is its own source", 0, "--profile", "role")
    write(config, f"[profile role]\nrole_arn = {role}\ncredential_source = Environment\n")
    c.see("credential_source", 0, "--profile", "role", AWS_ACCESS_KEY_ID=c.key, AWS_SECRET_ACCESS_KEY=c.secret)
    write(config, f"[profile a]\nrole_arn = {role}\nsource_profile = b\n[profile b]\nrole_arn = {role}\nsource_profile = a\n")
    c.see("circles", (CONFIG, "circles"), "--profile", "a")
    write(config, source.replace("role/all", "role/none"))
    c.see("no such role", (DENIED, "role/none"), "--profile", "role")
    write(config, source.replace(c.secret, "0" * 32))
    c.see("a source with a wrong secret", DENIED, "--profile", "role")
    write(config, f"[profile role]\nrole_arn = {role}\nsource_profile = nobody\n")
    c.see("a source without keys", (CONFIG, "no keys"), "--profile", "role")
    os.unlink(config)


def services(c, kind):
    token = work + "/token"
    text = "first.jwt.token-SECRET"
    write(token, text)
    c.tokens = [text]
    args = ["--token-file", token] + (["--role", c.env["S3_ROLE_ARN"]] if kind == "radosgw" else [])
    at = bench.up("creds", "creds", *args, env=c.env)
    machine = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": at["AWS_EC2_METADATA_SERVICE_ENDPOINT"], "AWS_EC2_METADATA_DISABLED": "false"}
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": at["AWS_CONTAINER_CREDENTIALS_FULL_URI"]}
    identity = {"AWS_ENDPOINT_URL_STS": at["AWS_ENDPOINT_URL_STS"], "AWS_WEB_IDENTITY_TOKEN_FILE": token,
                "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/reader"}
    c.see("of the machine", 0, **machine)
    c.see("of the machine, past a proxy", 0, **machine, http_proxy="http://127.0.0.1:1", no_proxy=c.at["AWS_ENDPOINT_URL"].split("/")[2].split(":")[0])
    c.see("of the machine, turned off", (DENIED, "no keys"), **{**machine, "AWS_EC2_METADATA_DISABLED": "true"})
    c.see("of the container, its token in a file", 0, **container, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=token)
    c.see("of the container, its token in the environment", 0, **container, AWS_CONTAINER_AUTHORIZATION_TOKEN=text)
    c.see("of the container, a wrong token", (DENIED, "container", "401"), **container, AWS_CONTAINER_AUTHORIZATION_TOKEN="no")
    c.see("of a container elsewhere", (CONFIG, "neither"), AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1.example.org/x")
    c.see("web identity", 0, **identity)
    c.see("web identity, another token", (DENIED, "web identity"), **{**identity, "AWS_WEB_IDENTITY_TOKEN_FILE": bench.home + "/other"}) \
        if not write(bench.home + "/other", "wrong") else None
    c.see("web identity, no token", (CONFIG, "holds no token"), **{**identity, "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"})
    write(bench.home + "/.aws/config", f"[profile w]\nrole_arn = {identity['AWS_ROLE_ARN']}\nweb_identity_token_file = {token}\n")
    c.see("web identity of a profile", 0, "--profile", "w", AWS_ENDPOINT_URL_STS=at["AWS_ENDPOINT_URL_STS"])
    os.unlink(bench.home + "/.aws/config")
    bench.down("creds")
    c.see("no service there", (DENIED, "no keys"), **machine)


def short_lives(c):
    """Sessions that say that they end while a scan runs: new ones are fetched before they do."""
    at = bench.up("creds", "brief", "--life", 1, "--role", c.env["S3_ROLE_ARN"], env=c.env)
    slow = bench.up("faults", "slow", "--to", c.at["AWS_ENDPOINT_URL"], "--latency", 1200, env=c.env)
    f = Faults(bench, "slow", slow["AWS_ENDPOINT_URL"])
    f.rules()
    got = c.see("that end while a scan runs", 0, "--connections", 1, "--timeout", 10, "--tries", 3, AWS_ENDPOINT_URL=f.url,
                AWS_CONTAINER_CREDENTIALS_FULL_URI=at["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    tokens = [x["headers"]["x-amz-security-token"] for x in f.log()]
    report(len(set(tokens)) >= 2, "keys: renewed on the way", f"{len(set(tokens))} sessions, {len(tokens)} requests, {got[3]:.1f} s")
    with open(work + "/brief/requests") as log:
        asked = len(log.readlines())
    report(asked < len(tokens), "keys: not fetched for each request", f"{asked} of {len(tokens)}")
    bench.down("slow", "brief")


def refused(c, kind):
    """Keys that this server does not know, in a catalogue, a list and a stream: never another fault."""
    token = "no-token-of-this-server-SECRET"
    c.tokens = [token]
    pair = {**c.at, "AWS_ACCESS_KEY_ID": c.key, "AWS_SECRET_ACCESS_KEY": c.secret}
    given = {**pair, "AWS_SESSION_TOKEN": token}
    for what, args, stdin in (("an object", ("cat-scan", "s3://first/t.parquet"), None), ("a catalogue", ("cat-scan", "s3://first/sky"), None),
                              ("a list", ("cat-ls", "s3://first/"), None), ("a copy", ("cat-get", "s3://first/t.parquet", work + "/copy"), None),
                              ("a file", ("cat-upload", table, "s3://first/u.parquet"), None),
                              ("a stream", ("cat-upload", "-", "s3://first/u.parquet"), b"x")):
        got = bench.run(*args, *QUICK, env=given, stdin=stdin)
        outcome(f"{kind}: a token that is none: {what}", got, (DENIED, "denied", "token"))
        report(token not in got[2], f"{kind}: a token that is none: {what}: it is not in messages")
    # radosgw gives the same answer to wrong keys and to what they may not read.
    for what, more in (("secret", {"AWS_SECRET_ACCESS_KEY": "0" * 32}), ("key", {"AWS_ACCESS_KEY_ID": "nobody"})):
        outcome(f"{kind}: a wrong {what}: a catalogue", bench.run("cat-scan", "s3://first/sky", *QUICK, env={**pair, **more}),
                (DENIED, "cat-ls s3://first/sky" if kind == "radosgw" else "aws configure list"))


# --- uploads that do not end well ---

class Uploads:
    def __init__(self, env, s3, faults, name):
        self.env, self.s3, self.faults, self.name = {**env, "AWS_ENDPOINT_URL": faults.url}, s3, faults, name

    def begun(self):
        return self.s3.list_multipart_uploads(Bucket="first").get("Uploads", [])

    def there(self, key):
        return bool(self.s3.list_objects_v2(Bucket="first", Prefix=key).get("Contents"))

    def nothing(self, name, key, uploads=0):
        end = time.monotonic() + 5
        while len(left := self.begun()) != uploads and time.monotonic() < end:
            time.sleep(0.1)
        report(len(left) == uploads and not self.there(key), f"{self.name}: {name}: nothing is left" if not uploads else
               f"{self.name}: {name}: one upload is left, no object", f"{len(left)} uploads" if len(left) != uploads else "")

    def ended(self, sig, when):
        """A program that writes and is told to end: in its first request, or with parts on their way."""
        slow = {"delay_ms": 4000, "method": "POST"} if when == "at its begin" else {"delay_ms": 1500, "method": "PUT"}
        self.faults.rules(slow)
        key = f"ended-{sig.name}"
        p = subprocess.Popen(bench.command("cat-gen", ["-n", 1500000, "-o", f"s3://first/{key}.parquet"]),
                             env=bench.environment(self.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if when == "at its begin":
            time.sleep(2.0)
        else:
            end = time.monotonic() + 60
            while not self.begun() and time.monotonic() < end:
                time.sleep(0.02)
            time.sleep(0.5)
        p.send_signal(sig)
        status = p.wait(60)
        messages = p.stderr.read().decode()
        same(f"{self.name}: {sig.name} {when}: its status", status, -sig)
        report("AWS" not in messages and self.env["AWS_SECRET_ACCESS_KEY"] not in messages, f"{self.name}: {sig.name} {when}: no secrets")
        if sig == signal.SIGKILL:
            self.nothing(f"{sig.name} {when}", key, 1)
            for u in self.begun():
                self.s3.abort_multipart_upload(Bucket="first", Key=u["Key"], UploadId=u["UploadId"])
        else:
            self.nothing(f"{sig.name} {when}", key)

    def write(self, name, rules, wanted, stdin=None, *args):
        self.faults.rules(*rules)
        key = "w" + str(abs(hash(name)))
        got = bench.run("cat-write", *args, "-o", f"s3://first/{key}.parquet", *QUICK, env=self.env, stdin=stdin)
        outcome(f"{self.name}: {name}", got, wanted)
        if wanted:
            self.nothing(name, key)
        else:
            body = self.s3.get_object(Bucket="first", Key=key + ".parquet")["Body"].read()
            with open(work + "/written.parquet", "rb") as f:
                report(body == f.read(), f"{self.name}: {name}: its bytes", len(body))

    def all(self):
        whole = subprocess.run(bench.command("cat-scan", [table]), check=True, capture_output=True).stdout
        answer = lambda status, code, **when: {"action": "answer", "status": status, "code": code, **when}  # noqa: E731
        self.write("honest", [], 0, whole)
        self.write("input that breaks off", [], DATA, whole[:-len(whole) // 3])
        self.write("503 once at each step", [answer(503, "SlowDown", every=2)], 0, whole)
        self.write("a part is refused", [answer(403, "AccessDenied", query="partNumber=2")], (DENIED, "denied"), whole)
        self.write("parts are refused as too many", [answer(503, "SlowDown", query="partNumber=2")], (75, "3 tries"), whole)
        self.write("the completion is refused", [answer(403, "AccessDenied", query="^uploadId", method="POST")], DENIED, whole)
        self.write("200 and then an error", [answer(200, "InternalError", query="^uploadId", method="POST")], (75, "together"), whole)
        self.write("an answer to a part is lost", [{"action": "drop", "query": "partNumber", "nth": 1}], 0, whole)
        self.write("an answer to the completion is lost", [{"action": "drop", "query": "^uploadId", "method": "POST", "nth": 1}],
                   0, whole)
        self.write("a part cut on its way", [{"action": "cut", "after": 100000, "query": "partNumber=1", "nth": 1}], 0, whole)


def spoiled(name, kind):
    """Over TLS the body is not signed: the checksum is what tells that it has changed on its way."""
    env = bench.up(kind + "-tls", "tls")
    if not env:
        return skip(f"{kind}-tls", "it cannot be had")
    s3 = client(env)
    s3.create_bucket(Bucket="first")
    proxy = bench.up("faults-tls", "tls-bad", "--to", env["AWS_ENDPOINT_URL"], env=env)
    # Each has a certificate of its own: the proxy's is what our programs see.
    up = Uploads({**env, "AWS_CA_BUNDLE": proxy["AWS_CA_BUNDLE"]}, s3, Faults(bench, "tls-bad", proxy["AWS_ENDPOINT_URL"]), name)
    whole = subprocess.run(bench.command("cat-scan", [table]), check=True, capture_output=True).stdout
    small = subprocess.run(bench.command("cat-scan", [table, "-n", 100]), check=True, capture_output=True).stdout
    up.write("honest", [], 0, whole)
    report(any(x["headers"].get("x-amz-content-sha256") == "UNSIGNED-PAYLOAD" and "x-amz-checksum-sha256" in x["headers"]
               for x in up.faults.log()), f"{name}: its bodies are not signed, and have checksums")
    up.write("a part with a flipped bit", [{"action": "spoil", "at": 5000, "query": "partNumber=1"}], PROTOCOL, whole)
    up.write("an object with a flipped bit", [{"action": "spoil", "at": 5000, "method": "PUT"}], PROTOCOL, small)
    return bench.down("tls-bad", "tls")


def main():
    subprocess.run(bench.command("cat-gen", ["-n", 200000, "-o", table]), check=True)
    right = subprocess.run(bench.command("cat-scan", [table]), check=True, capture_output=True).stdout
    subprocess.run(bench.command("cat-write", ["-o", work + "/written.parquet"]), check=True, input=right)
    for kind in ("versitygw", "radosgw"):
        env = bench.up(kind, kind)
        if not env:
            skip(kind, "it cannot be had")
            continue
        s3 = client(env)
        s3.create_bucket(Bucket="first")
        s3.upload_file(table, "first", "t.parquet")
        c = Chain(env, right)
        if kind == "versitygw":
            profiles(c)
            programs(c)
        else:
            roles(c)
            services(c, kind)
            short_lives(c)
        refused(c, kind)
        proxy = bench.up("faults", kind + "-bad", "--to", env["AWS_ENDPOINT_URL"], env=env)
        up = Uploads(env, s3, Faults(bench, kind + "-bad", proxy["AWS_ENDPOINT_URL"]), kind)
        up.all()
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            up.ended(sig, "with parts on their way")
        up.ended(signal.SIGTERM, "at its begin")
        up.ended(signal.SIGKILL, "with parts on their way")
        bench.down(kind + "-bad", kind)
    spoiled("versitygw, TLS", "versitygw")
    bench.down()


if __name__ == "__main__":
    main()
    from tap import count
    print(f"1..{count}")
