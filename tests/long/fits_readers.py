"""FITS tables through cat-scan against astropy, STILTS and fitsverify; prints TAP."""
import glob
import json
import math
import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
from astropy.io import fits

scan, work, data = sys.argv[1:4]
tests = failed = 0


def ok(good, name, why=""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}" + (f"\n# {why}" if why and not good else ""))


def skip(name, why):
    global tests
    tests += 1
    print(f"ok {tests} - {name} # SKIP {why}")


def run(*args, **more):
    return subprocess.run([scan, *args], capture_output=True, **more)


def flat(v):
    return [x for e in v for x in flat(e)] if isinstance(v, list) else [v]


def same_value(got, want, column):
    """WANT as astropy gives it, without nulls: those are told from the column's TNULL."""
    if isinstance(want, bytes):
        want = want.decode("latin-1")
    null = column.get("null")
    if "L" in column["tform"].split("(")[0] and isinstance(want, int) and not isinstance(want, bool):
        want = {84: True, 70: False, 0: None}[want]
    if got is None:
        if want in (None, "", False) or null == want:
            return True
        if isinstance(null, str):
            return want == 0
        return null is not None and want == null * column.get("bscale", 1) + column.get("bzero", 0)
    if isinstance(got, str) and not isinstance(want, str) or isinstance(want, str) and want in ("NaN", "nan"):
        return str(got).lower() == str(want).lower()
    if isinstance(want, float):
        if "E" in column["tform"] or "C" in column["tform"]:
            return np.float32(got) == np.float32(want) or math.isclose(got, want, rel_tol=1e-6)
        return got == want or math.isclose(got, want, rel_tol=1e-15)
    return got == want


def check_expected(path):
    name, hdu, _ = os.path.basename(path).rsplit(".", 2)
    with open(path) as f:
        columns, *rows = [json.loads(line) for line in f]
    columns = {c["name"]: c for c in columns["_columns"]}
    out = run(os.path.join(data, "fits", name), "--hdu", hdu[3:], "-f", "jsonl", "-n", str(len(rows)))
    got = [json.loads(line) for line in out.stdout.splitlines()]
    why = out.stderr.decode()
    good = out.returncode == 0 and len(got) == len(rows)
    for i, (g, w) in enumerate(zip(got, rows)):
        for key, want in w.items():
            a, b = flat(g[key]) if g[key] is not None else [None], flat(want)
            if len(a) != len(b) and not (a == [None] and flat(want)[:1] in ([], [""])):
                good, why = False, f"row {i} {key}: {a} for {b}"
            for x, y in zip(a, b):
                if not same_value(x, y, columns[key]):
                    good, why = False, f"row {i} {key}: {x!r} for {y!r}"
    ok(good, f"{name} HDU {hdu[3:]} as astropy reads it", why)


def mixed_table(n):
    """Every type that FITS has, with nulls where they can be told."""
    rng = np.random.default_rng(1)
    null = rng.random(n) < 0.1
    ints = {t: rng.integers(np.iinfo(t).min // 2, np.iinfo(t).max // 2, n).astype(t)
            for t in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")}
    cols = {f"c_{t}": pa.array(v, mask=null) for t, v in ints.items()}
    cols["f4"] = pa.array(rng.normal(size=n).astype("f4"))
    cols["f8"] = pa.array(rng.normal(size=n), mask=null)
    cols["flag"] = pa.array(rng.random(n) < 0.5, mask=null)
    cols["name"] = pa.array([None if m else "x" * int(k) + "'" for m, k in zip(null, rng.integers(0, 40, n))])
    cols["vec"] = pa.FixedSizeListArray.from_arrays(pa.array(rng.normal(size=3 * n)), 3)
    cols["lc"] = pa.array([rng.normal(size=k).astype("f4") for k in rng.integers(0, 9, n)], pa.list_(pa.float32()))
    cols["bits"] = pa.array([rng.random(k) < 0.5 for k in rng.integers(0, 5, n)], pa.list_(pa.bool_()))
    cols["when"] = pa.array(rng.integers(0, 10**15, n), pa.timestamp("us"))
    fields = [pa.field(k, v.type, metadata={"unit": "mag", "ucd": "phot.mag;em.opt", "description": "d" * 100}
                       if k == "f8" else None) for k, v in cols.items()]
    return pa.table(list(cols.values()), schema=pa.schema(fields)), null


def check_written(n):
    table, null = mixed_table(n)
    arrow, path = os.path.join(work, "m.arrows"), os.path.join(work, f"m{n}.fits")
    with ipc.new_stream(arrow, table.schema) as w:
        w.write_table(table, max_chunksize=7000)
    r = run(arrow, "-o", path)
    ok(r.returncode == 0, f"{n} rows of every type are written", r.stderr.decode())
    piped = run(arrow, "-f", "fits", "-j", "1")
    with open(path, "rb") as f:
        ok(piped.stdout == f.read(), "and the same bytes go into a pipe")
    back = run(path, "-f", "jsonl").stdout
    ok(back == run("-f", "jsonl", input=piped.stdout).stdout and back.count(b"\n") == n, "a pipe reads as a file does")
    bad = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*contains NULL .undefined. values")
        with fits.open(path) as h:
            h.verify("exception")
            t, c = h[1].data, h[1].columns
            for name in table.column_names:
                want, got = table[name].to_pylist(), t[name]
                for i in range(len(want)):
                    w, g = want[i], got[i]
                    if w is None:
                        if name == "f8":
                            good = np.isnan(g)
                        elif name in ("name",):
                            good = g == ""
                        elif name == "flag":
                            good = not g
                        else:
                            good = int(g) == c[name].null + int(c[name].bzero or 0)
                    elif isinstance(w, list):
                        good = list(g) == w if name == "vec" else [x for x in g] == [x for x in w]
                        if name == "bits":
                            good = list(map(bool, g)) == w
                    elif name == "when":
                        good = g == w.isoformat(timespec="microseconds")
                    else:
                        good = g == w
                    if not good:
                        bad.append(f"{name} row {i}: {g!r} for {w!r}")
            ok(c["f8"].unit == "mag" and h[1].header["TUCD10"] == "phot.mag;em.opt" and
               h[1].header["TCOMM10"] == "d" * 100, "units, UCDs and long descriptions")
    ok(not bad, "astropy reads the values", "; ".join(bad[:3]))
    return path


def judges(paths):
    verify, stilts = shutil.which("fitsverify"), shutil.which("stilts")
    for p in paths:
        name = os.path.basename(p)
        if verify:
            r = subprocess.run([verify, "-q", p], capture_output=True, text=True)
            ok(r.returncode == 0 and "OK" in r.stdout, f"fitsverify has no complaint of {name}", r.stdout)
        else:
            skip(f"fitsverify of {name}", "no fitsverify")
        if stilts:
            r = subprocess.run([stilts, "tpipe", f"in={p}", "omode=count"], capture_output=True, text=True)
            with fits.open(p) as h:
                want = f"columns: {len(h[1].columns)} rows: {h[1].header['NAXIS2']}"
            ok(" ".join(r.stdout.split()) == want, f"STILTS counts {name}", r.stdout + r.stderr)
        else:
            skip(f"STILTS of {name}", "no stilts")


def main():
    for path in sorted(glob.glob(os.path.join(data, "fits", "expected", "*.jsonl"))) if data else []:
        check_expected(path)
    paths = [check_written(n) for n in (1, 20000)]
    for path in sorted(glob.glob(os.path.join(data, "fits", "*.fits"))) if data else []:
        again = os.path.join(work, os.path.basename(path))
        r = run(path, "-o", again)
        ok(r.returncode == 0, f"{os.path.basename(path)} is written again", r.stderr.decode())
        paths.append(again)
    judges(paths)
    return failed > 0


sys.exit(main())
