"""Reads what the library wrote with pyarrow and Polars and compares values and metadata; prints TAP."""
import glob
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

recode, work, data = sys.argv[1:4]
tests = failed = 0
OUT = os.path.join(work, "out")
BIN = os.environ.get("CATPIPE_BIN", "build/bin")


def ok(good, name, why=""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}" + (f"\n# {why}" if why and not good else ""))


def run(source, target, path):
    return subprocess.run([recode, source, target, path, OUT], capture_output=True, text=True)


def read(path):
    try:
        return ipc.open_stream(path).read_all()
    except pa.ArrowInvalid:
        return ipc.open_file(path).read_all()


def normal(t):
    """The type that a column becomes."""
    p = pa.types
    if p.is_dictionary(t):
        return normal(t.value_type)
    if t == pa.string_view():
        return pa.string()
    if t == pa.binary_view():
        return pa.binary()
    if p.is_float16(t):
        return pa.float32()
    if p.is_large_list(t) or p.is_list(t):
        f = t.value_field
        make = pa.large_list if p.is_large_list(t) else pa.list_
        return make(pa.field(f.name, normal(f.type), f.nullable, f.metadata))
    if p.is_map(t):
        return pa.map_(normal(t.key_type), normal(t.item_type))
    if p.is_fixed_size_list(t):
        return pa.list_(normal(t.value_type), t.list_size)
    if p.is_struct(t):
        return pa.struct([pa.field(f.name, normal(f.type), f.nullable, f.metadata) for f in t])
    return t


def values(c):
    t = c.type
    if pa.types.is_temporal(t):
        bits = pa.int32() if t.bit_width == 32 else pa.int64()
        return [v for k in c.chunks
                for v in pa.Array.from_buffers(bits, len(k), k.buffers(), offset=k.offset).to_pylist()]
    if pa.types.is_struct(t) and len({f.name for f in t}) < t.num_fields:
        return [values(x) for x in c.flatten()]
    return c.to_pylist()


def differences(a, b):
    if [(f.name, f.nullable, f.metadata or None) for f in a.schema] != \
       [(f.name, f.nullable, f.metadata or None) for f in b.schema]:
        return "fields differ"
    if (a.schema.metadata or None) != (b.schema.metadata or None):
        return "schema metadata differs"
    for i, f in enumerate(a.schema):
        if not normal(f.type).equals(b.schema.field(i).type):
            return f"{f.name}: {f.type} became {b.schema.field(i).type}"
        if repr(values(a.column(i))) != repr(values(b.column(i))):
            return f"{f.name}: values differ"
    return ""


def check_file(path, name):
    why, refused = "", 0
    ways = [(s, t) for s in ("arrow", "pipe") for t in ("stream", "file", "lz4", "zstd")]
    for source, target in ways:
        r = run(source, target, path)
        if r.returncode == 79:
            refused += 1
            continue
        if r.returncode:
            why = f"{source} {target}: {r.stderr}"
            break
        b = read(OUT)
        b.validate(full=True)
        try:
            a = read(path)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            continue
        why = differences(a, b)
        if why:
            break
    note = " (refused by name)" if refused == len(ways) else ""
    ok(not why, name + note, why)


def write(name, table, rows=500, **options):
    path = os.path.join(work, name)
    o = ipc.IpcWriteOptions(**options)
    with (ipc.new_file if name.endswith(".file") else ipc.new_stream)(path, table.schema, options=o) as w:
        for b in table.to_batches(max_chunksize=rows):
            w.write_batch(b)
    return path


def generated():
    rng = np.random.default_rng(1)
    n = 2000
    few = lambda k: rng.integers(0, k, n)
    mask = rng.random(n) < .2
    t = pa.table({
        "half": pa.array(rng.normal(size=n).astype("f2"), mask=mask),
        "text_view": pa.array(["x" * int(k) if k > 3 else None for k in few(40)], pa.string_view()),
        "bytes_view": pa.array([b"y" * int(k) if k > 3 else None for k in few(40)], pa.binary_view()),
        "large": pa.array(["é" * int(k) if k > 3 else None for k in few(40)], pa.large_string()),
        "large_bytes": pa.array([b"y" * int(k) if k > 3 else None for k in few(40)], pa.large_binary()),
        "large_parts": pa.array([{"a": [b"x" * int(k)], "b": {"c": "z" * int(k)}} if k else None for k in few(9)], pa.struct(
            [("a", pa.large_list(pa.large_binary())), ("b", pa.struct([("c", pa.large_string())]))])),
        "large_in_fixed": pa.array([["a", None]] * n, pa.list_(pa.large_string(), 2)),
        "large_in_map": pa.array([[("k", "v" * int(k))] for k in few(9)], pa.map_(pa.large_string(), pa.large_string())),
        "large_codes": pa.array([str(k) for k in few(50)], pa.large_string()).dictionary_encode(),
        "large_list": pa.array([[str(j) for j in range(k)] if k else None for k in few(9)],
                               pa.large_list(pa.large_string())),
        "fixed": pa.array([[1.5, None, 3.] if k else None for k in few(3)], pa.list_(pa.float64(), 3)),
        "nested": pa.array([{"a": int(k), "b": [{"c": "z" * int(k)}] * int(k)} if k else None for k in few(5)]),
        "map": pa.array([[(f"k{j}", float(j)) for j in range(k)] if k else None for k in few(5)],
                        pa.map_(pa.string(), pa.float64())),
        "codes": pa.array([str(k) for k in few(50)]).dictionary_encode(),
        "list_codes": pa.DictionaryArray.from_arrays(pa.array(few(3).astype("u1"), mask=mask),
                                                     pa.array([[1, 2], None, [3]], pa.list_(pa.int64()))),
        "null": pa.nulls(n),
        "flag": pa.array(rng.random(n) < .5, mask=mask),
        "decimal": pa.array([int(k) for k in few(10**9)], pa.decimal128(20, 0)),
    })
    plain = t.select(["large", "large_parts", "fixed", "nested", "map", "codes", "flag"])
    yield write("wide.stream", t)
    yield write("wide_zstd.stream", t, compression="zstd")
    yield write("wide_lz4.file", t, compression="lz4", unify_dictionaries=True)
    yield write("v4.stream", plain, metadata_version=ipc.MetadataVersion.V4)
    yield write("legacy.stream", plain, use_legacy_format=True)
    yield write("slice.stream", t.slice(37, 1501))
    grow = [pa.record_batch({
        "d": pa.array(list("abc"[:k]) + [None]).dictionary_encode(),
        "n": pa.array([[x] for x in "abc"[:k]] + [None]).cast(pa.list_(pa.dictionary(pa.int8(), pa.string())))})
        for k in (1, 2, 3)]
    for name, deltas in (("delta.stream", True), ("replaced.stream", False), ("delta.file", True)):
        yield write(name, pa.Table.from_batches(grow), emit_dictionary_deltas=deltas)


def programs():
    """A column that passes through a program keeps its type, whatever that is called."""
    rng = np.random.default_rng(3)
    n = 3000
    t = pa.table({
        "id": np.arange(n), "ra": rng.uniform(0, 360, n), "dec": rng.uniform(-90, 90, n),
        "large": pa.array([f"J{k}" for k in rng.integers(0, 10**9, n)], pa.large_string()),
        "bytes": pa.array([b"x" * int(k) for k in rng.integers(0, 9, n)], pa.large_binary()),
        "lc": pa.array([{"mag": [1.5] * int(k), "band": ["r"] * int(k)} for k in rng.integers(0, 5, n)],
                       pa.struct([("mag", pa.large_list(pa.float64())), ("band", pa.large_list(pa.large_string()))])),
        "small": [f"S{k}" for k in range(n)]})
    path = write("programs.stream", t)
    folder = os.path.join(work, "catalogue")
    for line in ("cat-head -n 2500", "cat-select -c *", "cat-scan -w id>100", "cat-concat %s %s" % (path, path), "cat-xmatch -r 1 %s" % path,
                 "cat-write -f arrow", "cat-write -f parquet", "cat-partition -q --rows 500 -o %s" % folder):
        program, *args = line.split()
        with open(path, "rb") as f:
            r = subprocess.run([os.path.join(BIN, program), *args], stdin=f, capture_output=True)
        if program == "cat-partition":
            got = pq.read_schema(folder + "/dataset/_common_metadata")
            leaves = glob.glob(folder + "/dataset/*/*/*.parquet")
            r.returncode |= not leaves or any(pq.read_schema(p) != got for p in leaves)
        elif "parquet" in line:
            got = pq.read_schema(pa.BufferReader(r.stdout))
        else:
            got = read(pa.BufferReader(r.stdout)).schema if r.returncode == 0 else None
        parquet = "parquet" in line or program == "cat-partition"
        same = got is not None and all(
            str(got.field(f.name).type).replace("element: ", "item: ") == str(f.type).replace("element: ", "item: ")
            if parquet else got.field(f.name).type == f.type for f in t.schema)
        ok(r.returncode == 0 and same, f"types pass through {program}", f"{r.stderr.decode()} {got}")
    with open(path, "rb") as f:
        r = subprocess.run([os.path.join(BIN, "cat-select"), "-c", "large AS a, lc.band AS b, lower(large) AS c"], stdin=f,
                           capture_output=True)
    got = read(pa.BufferReader(r.stdout))
    ok(got.schema.types == [pa.large_string(), pa.large_list(pa.large_string()), pa.string()] and
       got["a"].equals(t["large"]) and got["c"].to_pylist() == [x.lower() for x in t["large"].to_pylist()],
       "parts and new columns", str(got.schema))


def polars_round_trip():
    try:
        import polars as pl
    except ImportError:
        ok(True, "Polars # SKIP no polars")
        return
    df = pl.DataFrame({
        "a": [1, 2, None], "s": ["short", "a string longer than twelve bytes", None], "l": [[1, 2], None, []],
        "c": pl.Series(["x", "y", "x"], dtype=pl.Categorical), "b": [b"1", b"22", None]})
    path = os.path.join(work, "polars.arrow")
    for how in ("uncompressed", "lz4", "zstd"):
        df.write_ipc(path, compression=how)
        r = run("arrow", "file", path)
        same = r.returncode == 0 and pl.read_ipc(OUT).with_columns(pl.col("c").cast(pl.String)).rows() == \
            df.with_columns(pl.col("c").cast(pl.String)).rows()
        ok(same, f"Polars writes {how}, reads what became of it", r.stderr)


def csv_round_trip():
    rng = np.random.default_rng(2)
    n = 5000
    bits = rng.integers(0, 2**64, n, dtype=np.uint64).view("f8")
    words = ["".join(rng.choice(list("ab,\"\n\r é#\\N1."), rng.integers(0, 9))) for _ in range(n)]
    t = pa.table({"f": pa.array(np.where(np.isfinite(bits), bits, 0.5), mask=rng.random(n) < .1),
                  "i": rng.integers(-2**63, 2**63 - 1, n), "s": words, "b": rng.random(n) < .5})
    path = write("table.stream", t)
    r = run("arrow", "csv", path)
    csv = os.path.join(work, "table.csv")
    os.replace(OUT, csv)
    r2 = run("csv", "stream", csv)
    ok(r.returncode == 0 and r2.returncode == 0 and read(OUT).to_pydict() == t.to_pydict(),
       "CSV reads back to the same values", r.stderr + r2.stderr)


if data and os.path.isdir(os.path.join(data, "arrow-ipc")):
    root = os.path.join(data, "arrow-ipc")
    for p in sorted(glob.glob(root + "/*/*")):
        if p.endswith((".stream", ".arrow_file", ".feather", ".ipc")):
            check_file(p, os.path.relpath(p, root))
else:
    ok(True, "golden files # SKIP no CATPIPE_DATA")
for p in generated():
    check_file(p, os.path.basename(p))
programs()
polars_round_trip()
csv_round_trip()
print(f"1..{tests}")
sys.exit(failed > 0)
