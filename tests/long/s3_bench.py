"""Servers, faults between them and our programs, and what our programs do about it; for the long tests of the network."""
import json
import os
import subprocess
import time

from tap import report

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engines", "s3")


class Bench:
    """PROGRAMS: folder of ours. WORK: a folder that goes away."""

    def __init__(self, programs, work):
        self.programs, self.work, self.up_now = programs, work, []
        self.home = os.path.join(work, "home")
        os.makedirs(self.home + "/.aws")

    def up(self, kind, name, *args, env=None):
        """The assignments of a server that is up; None when it cannot be had."""
        r = subprocess.run([HERE + "/up", kind, f"{self.work}/{name}", *map(str, args)], capture_output=True, text=True,
                           env={**os.environ, **(env or {})})
        if r.returncode == 75:
            return None
        if r.returncode:
            raise RuntimeError(f"{kind} is not up: {r.stderr}")
        self.up_now.append(name)
        return dict(line.split("=", 1) for line in r.stdout.splitlines())

    def down(self, *names):
        for name in names or list(reversed(self.up_now)):
            subprocess.run([HERE + "/down", f"{self.work}/{name}"], capture_output=True)
            self.up_now.remove(name)

    def command(self, program, args):
        return [os.path.join(self.programs, program), *map(str, args)]

    def environment(self, env):
        """Nothing of ours that says where keys are, nothing kept from before, but for ENV."""
        plain = {n: v for n, v in os.environ.items() if not n.startswith("AWS_") and not n.lower().endswith("_proxy")}
        return {**plain, "HOME": self.home, "AWS_EC2_METADATA_DISABLED": "true", "CATPIPE_CACHE": "/dev/null", **env}

    def run(self, program, *args, env, wrap=(), stdin=None):
        """(status, standard output, messages, seconds); at most two minutes."""
        start = time.monotonic()
        r = subprocess.run([*wrap, *self.command(program, args)], capture_output=True, timeout=120,
                           env=self.environment(env), input=stdin)
        return r.returncode, r.stdout, r.stderr.decode(errors="replace"), time.monotonic() - start


class Faults:
    """A faulty server that is up as NAME."""

    def __init__(self, bench, name, url):
        self.folder, self.url, self.start = f"{bench.work}/{name}", url, 0

    def rules(self, *rules):
        with open(self.folder + "/new", "w") as f:
            json.dump(rules, f)
        os.rename(self.folder + "/new", self.folder + "/rules.json")
        self.start = len(self.all())

    def all(self):
        try:
            with open(self.folder + "/requests") as f:
                return [json.loads(line) for line in f if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def log(self, least=0):
        """What was asked since the rules were set. Waits for LEAST lines: those that nobody waited for come late."""
        end = time.monotonic() + 10
        while len(lines := self.all()[self.start:]) < least and time.monotonic() < end:
            time.sleep(0.05)
        return lines

    def most_at_once(self):
        lines = self.log()
        return max((sum(x["start"] <= t["start"] < x["end"] for x in lines) for t in lines), default=0)


def outcome(name, got, wanted, right=None, seconds=30):
    """WANTED: 0 and the bytes RIGHT, or a status with texts that the messages must hold."""
    status, out, messages, took = got
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    note = []
    if status != wanted[0]:
        note.append(f"status {status}, not {wanted[0]}")
    if wanted[0] == 0 and right is not None and out != right:
        note.append(f"{len(out)} other bytes, not {len(right)}")
    note += [f"without '{text}'" for text in wanted[1:] if text not in messages]
    if took > seconds:
        note.append(f"{took:.1f} s")
    if note:
        note.append(messages.replace("\n", " ")[-400:])
    return report(not note, name, "; ".join(note))
