"""TAP and our programs, for the long tests that are written in Python."""
import os
import subprocess

count = 0


def report(ok, name, note=""):
    global count
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} - {name}{' # ' + str(note) if note else ''}", flush=True)
    return ok


def same(name, got, wanted):
    return report(got == wanted, name, "" if got == wanted else f"{got}, not {wanted}")


def skip(name, why):
    report(True, name, "SKIP " + why)


def check(name, test):
    """An exception in TEST is a failure with its text."""
    try:
        note = test()
        report(not note, name, note or "")
    except Exception as e:  # whatever a foreign reader throws
        report(False, name, f"{type(e).__name__}: {e}".replace("\n", " ")[:300])


class Programs:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, program, *args, status=0, timeout=300, stdin=None):
        """Runs a program; its standard output as bytes. Another status than STATUS is an exception."""
        r = subprocess.run([os.path.join(self.folder, program), *map(str, args)], capture_output=True,
                           timeout=timeout, stdin=stdin)
        self.messages = r.stderr.decode(errors="replace")
        if r.returncode != status:
            raise RuntimeError(f"{program} {' '.join(map(str, args))}: status {r.returncode}: {self.messages}")
        return r.stdout

    def table(self, program, *args):
        import pyarrow as pa
        return pa.ipc.open_stream(self(program, *args)).read_all()

    def rows(self, *args):
        return int(self("cat-group", "-a", "count(*)", "-f", "csv", *args).split()[-1])
