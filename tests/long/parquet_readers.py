"""Copies Parquet files through the library and compares the copies with the originals, as other readers see both.

Usage: parquet_readers.py FOLDER [DATA]; FOLDER/copy is the program parquet_copy. Prints TAP.
"""
import math
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

work = sys.argv[1]
data = sys.argv[2] if len(sys.argv) > 2 else ""
made = os.path.join(work, "made.parquet")
copied = os.path.join(work, "copied.parquet")
count = 0


def report(ok, name, note=""):
    global count
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} - {name}{' # ' + note if note else ''}", flush=True)


def copy(path, *options):
    return subprocess.run([work + "/copy", path, copied, *options], capture_output=True, text=True, timeout=120)


def plain(x):
    """Values that compare: every NaN is one."""
    if isinstance(x, float):
        return "nan" if math.isnan(x) else x
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return x


def values(column):
    try:
        return plain(column.to_pylist())
    except (OverflowError, ValueError):  # times that Python does not know
        if pa.types.is_struct(column.type):
            return [values(c) for c in column.flatten()]
        return column.cast("int64").to_pylist()


def difference(a, b):
    if a.column_names != b.column_names or a.num_rows != b.num_rows:
        return "shape"
    for name, x, y in zip(a.column_names, a.columns, b.columns):
        if x.type == y.type and x.equals(y):
            continue
        if pa.types.is_timestamp(x.type) and x.type != y.type:
            x = x.cast(y.type, safe=False)
        if values(x) != values(y):
            return f"column {name}"
    return ""


def read(path):
    return pq.ParquetFile(path, coerce_int96_timestamp_unit="us", page_checksum_verification=True).read()


def make_table(n):
    rng = np.random.default_rng(1)

    def some(x, share):
        return pa.array(x, mask=rng.random(n) < share)

    lengths = rng.integers(0, 5, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("int32")
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(rng.normal(size=offsets[-1])))
    return pa.table({
        "_healpix_29": np.sort(rng.integers(0, 12 * 4**29, n)),
        "id": np.arange(n), "ra": rng.uniform(0, 360, n), "dec": some(rng.uniform(-90, 90, n), 0.01),
        "g": some(rng.normal(20, 2, n).astype("float32"), 0.3), "flag": some(rng.random(n) < 0.5, 0.1),
        "cls": some(rng.choice(["STAR", "GALAXY", "", "QSO ü"], n), 0.1),
        "name": [f"J{i:09d}" for i in rng.integers(0, 10**9, n)],
        "i8": some(rng.integers(-128, 127, n).astype("int8"), 0.1), "u16": rng.integers(0, 65535, n).astype("uint16"),
        "u32": rng.integers(0, 2**32, n).astype("uint32"), "u64": rng.integers(0, 2**63, n).astype("uint64") * 2,
        "t": pa.array(rng.integers(0, 2**50, n)).cast(pa.timestamp("us")),
        "tn": pa.array(rng.integers(0, 2**60, n)).cast(pa.timestamp("ns", "UTC")),
        "d": pa.array(rng.integers(0, 20000, n).astype("int32")).cast(pa.date32()),
        "dec128": pa.array(rng.integers(-10**12, 10**12, n)).cast(pa.decimal128(20, 0)),
        "lc": lists, "nothing": pa.nulls(n),
        "large": pa.array([f"J{i}" for i in rng.integers(0, 10**9, n)], pa.large_string()),
        "larges": pa.array([[b"x" * k] * k for k in rng.integers(0, 4, n)], pa.large_list(pa.large_binary())),
    })


def bounds(path, table):
    """What DuckDB finds by statistics is what is there."""
    import duckdb
    lo, hi = sorted(table["_healpix_29"].to_pylist()[i] for i in (1000, 1500))
    where = f"from '{path}' where _healpix_29 between {lo} and {hi}"
    found = duckdb.sql(f"select count(*) {where}").fetchall()[0][0]
    return found == sum(lo <= v <= hi for v in table["_healpix_29"].to_pylist())


def made_table():
    table = make_table(30000)
    pq.write_table(table, made)
    for options in ([], ["7000"], ["100000"], ["50000", "plain"]):
        run = copy(made, *options)
        label = "written with " + (" ".join(options) or "defaults")
        report(run.returncode == 0, label, run.stderr.strip())
        if run.returncode:
            continue
        problem = difference(table, read(copied))
        report(not problem, f"pyarrow reads {label}", problem)
        types = [(f.name, f.type, t) for f, t in zip(table.schema, pq.read_schema(copied).types)
                 if t != f.type and f.name.startswith("large")]
        report(not types, f"names of large types, {label}", str(types))
        index = pq.ParquetFile(copied).metadata.row_group(0).column(2)
        report(index.has_offset_index and index.has_column_index, f"page indexes of {label}")
        try:
            import duckdb
            differing = duckdb.sql(f"select count(*) from (select * from '{made}' except all select * from '{copied}')")
            report(differing.fetchall() == [(0,)] and bounds(copied, table), f"DuckDB reads {label}")
        except ImportError:
            report(True, f"DuckDB reads {label}", "SKIP duckdb is missing")
        try:
            import polars
            report(polars.read_parquet(made).equals(polars.read_parquet(copied)), f"polars reads {label}")
        except ImportError:
            report(True, f"polars reads {label}", "SKIP polars is missing")


# Spark wrote a date beyond 64 bits of microseconds; pyarrow and DuckDB give two other readings of it.
OTHER_READING = {"int96_from_spark.parquet"}


def files():
    for folder in ("parquet-testing", "parquet-wild", "producers", "hats", "hats-0.11"):
        for path, _, names in os.walk(os.path.join(data, folder)):
            for name in names:
                if name.endswith((".parquet", ".parq")) and name not in OTHER_READING:
                    yield os.path.join(path, name)


def originals():
    compared, wrong = 0, []
    for path in sorted(files()):
        run = copy(path)
        if run.returncode < 0 or run.returncode not in (0, 65, 79):
            wrong.append(f"{path}: status {run.returncode}")
        if run.returncode:
            continue
        try:
            original = read(path)
        except Exception:  # pyarrow refuses it: no second opinion
            continue
        problem = difference(original, read(copied))
        compared += 1
        if problem:
            wrong.append(f"{path}: {problem}")
    for line in wrong:
        print("# " + line)
    report(not wrong and compared > 300, f"{compared} files of other writers are the same after us")


def said(path):
    """What stands in the footer as Arrow's field metadata, for pyarrow."""
    return {f.name: {k.decode(): v.decode() for k, v in (f.metadata or {}).items() if not k.startswith(b"PARQUET")}
            for f in pq.read_schema(path)}


def votable_of(path):
    return pq.ParquetFile(path).metadata.metadata.get(b"IVOA.VOTable-Parquet.content")


def described_table(types, blank):
    fields, columns = [], []
    for i, (t, v) in enumerate(types):
        words = {"unit": ("deg", "mag", "m s-1")[i % 3], "ucd": "meta.id;meta.main", "description": f"<{t}> & \"é\" {i}"}
        fields.append(pa.field(f"c{blank}{i}", t, metadata=words))
        columns.append(pa.array([v, v], t))
    return pa.table(columns, pa.schema(fields))


NUMBERS = [(pa.bool_(), True)] + [(getattr(pa, t)(), 1) for t in (
    "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64")] + [
    (pa.list_(pa.float64()), [1.0, 2.0]), (pa.list_(pa.float32(), 3), [1.0, 2.0, 3.0])]
OTHERS = [(pa.string(), "x"), (pa.uint64(), 1), (pa.timestamp("us"), 1), (pa.date32(), 1), (pa.binary(), b"x"),
          (pa.list_(pa.string()), ["x"]), (pa.struct([("a", pa.int32())]), {"a": 1}), (pa.list_(pa.list_(pa.int32(), 2)), [[1, 2]])]


def we_describe():
    """Units, UCDs and descriptions of ours, as astropy and STILTS see them."""
    from astropy.io.votable import parse_single_table
    from astropy.table import Table
    import io
    import shutil
    import warnings
    warnings.simplefilter("ignore")
    table = described_table(NUMBERS, "")
    pq.write_table(table, made)
    copy(made)
    got = Table.read(copied, format="parquet.votable")
    wrong = [f.name for f in table.schema if (str(got[f.name].unit), got[f.name].description) != (
        f.metadata[b"unit"].decode().replace("m s-1", "m / s"), f.metadata[b"description"].decode())]
    report(not wrong and len(got) == 2 and got["c9"].tolist() == [1, 1], "astropy reads units and descriptions of ours", str(wrong))
    # UCDs, which that reader drops, and text, where it cannot join what it makes of arraysize="*" with the text
    # itself: the reader of VOTables is asked.
    table = described_table(NUMBERS + OTHERS, " ")
    pq.write_table(table, made)
    copy(made)
    fields = parse_single_table(io.BytesIO(votable_of(copied))).fields
    wrong = [f.name for f, v in zip(table.schema, fields) if (f.name, f.metadata[b"description"].decode(), "meta.id;meta.main") != (
        v.name, v.description, v.ucd)]
    report(not wrong and len(fields) == len(table.schema), "astropy reads our VOTable header of every type", str(wrong))
    report(said(copied) == said(made), "ARROW:schema says the same")
    if shutil.which("stilts"):
        header = os.path.join(work, "header.xml")
        with open(header, "wb") as f:
            f.write(votable_of(copied))
        lint = subprocess.run(["stilts", "votlint", header], capture_output=True, text=True)
        report(lint.returncode == 0 and not lint.stdout.strip(), "STILTS finds nothing wrong in the header", lint.stdout.strip())
    else:
        report(True, "STILTS finds nothing wrong in the header", "SKIP stilts is missing")
    pq.write_table(table.replace_schema_metadata(None).cast(pa.schema([pa.field(f.name, f.type) for f in table.schema])), made)
    copy(made)
    report(votable_of(copied) is None, "no VOTable where nothing is said")


def astropy_describes():
    from astropy.coordinates import SkyCoord
    from astropy.table import Table
    from astropy.time import Time
    import astropy.units as u
    import contextlib
    t = Table({"a": np.array([1.5, 2.5]) * u.deg, "s": ["é", "x"], "n": np.array([1, 2])})
    t["a"].description = "a description that is: long enough to be wrapped, \"quoted\" & <escaped> # in YAML and XML alike, twice"
    t["n"].unit = u.mag
    want = {"a": ("deg", t["a"].description), "s": (None, None), "n": ("mag", None)}

    def have(path):
        return {n: (m.get("unit"), m.get("description")) for n, m in said(path).items()}

    with contextlib.redirect_stdout(sys.stderr):  # it prints warnings there
        t.write(made, format="parquet.votable", overwrite=True, metadata={
            n: {"unit": want[n][0], "ucd": f"meta.{n}"} for n in t.colnames})
    copy(made)
    report(have(copied) == want and [m["ucd"] for m in said(copied).values()] == ["meta.a", "meta.s", "meta.n"],
           "what astropy writes as VOParquet is read", str(said(copied)))
    t["time"] = Time([50000.0, 50001.0], format="mjd")
    t["place"] = SkyCoord([1, 2], [3, 4], unit="deg")
    t.meta["origin"] = "here"
    t.write(made, format="parquet", overwrite=True)
    copy(made)
    got = have(copied)
    again = Table.read(copied, format="parquet")
    report(all(got[n] == want[n] for n in want), "what astropy writes as Parquet is read", str(got))
    report(again.meta == t.meta and (again["time"] == t["time"]).all() and again["place"].dec[1].deg == 4 and
           again["a"].unit == u.deg and again["a"].description == t["a"].description,
           "and astropy reads its own metadata after us")


def vo_tables():
    try:
        import astropy  # noqa: F401
        import pandas  # noqa: F401
    except ImportError:
        report(True, "astropy reads and writes descriptions", "SKIP astropy or pandas is missing")
        return
    we_describe()
    astropy_describes()


def bloom_filters():
    """Files of DuckDB's, which has filters for what it writes by dictionary; DuckDB is the judge of the rows."""
    try:
        import duckdb
    except ImportError:
        report(True, "Bloom filters of DuckDB", "SKIP duckdb is missing")
        return
    folder = os.environ.get("CATPIPE_BIN", "build/bin")
    value = "((i * 7919) % 500) * 10 + i // 20480"
    kinds = {"bigint": "({})", "smallint": "({})", "uinteger": "({})", "double": "({}) * 0.5", "float": "({}) * 0.25",
             "varchar": "'n' || ({})"}
    columns = ", ".join(f"({e.format(value)})::{t} as c_{t}" for t, e in kinds.items())
    duckdb.sql(f"copy (select {columns}, i as n from range(102400) t(i) order by i) to '{made}' "
               "(format parquet, row_group_size 20480)")
    wrong, read = [], 0
    for t, e in kinds.items():
        for v in list(range(0, 40)) + list(range(4950, 5000)):
            one = duckdb.sql(f"select ({e.format(v)})::{t}").fetchall()[0][0]
            where = f"c_{t} = '{one}'" if t == "varchar" else f"c_{t} = {one}"
            truth = duckdb.sql(f"select count(*) from '{made}' where {where}").fetchall()[0][0]
            got = subprocess.run([folder + "/cat-group", "-a", "count(*)", "-w", where, made, "-f", "csv"],
                                 capture_output=True, text=True)
            if got.stdout != f"count\n{truth}\n":
                wrong.append(f"{where}: {got.stdout} {got.stderr}, not {truth}")
            costs = subprocess.run([folder + "/cat-scan", "--explain", "-w", where, made], capture_output=True, text=True)
            read += int(costs.stdout.split()[2])
    report(not wrong, "Bloom filters hide no rows", str(wrong[:3]))
    # Half of the values are in one of five groups each, the others in none; by bounds alone nearly all would be read.
    report(read < 6 * 60, f"{read} row groups of {6 * 90 * 5} are read for {6 * 90} values")


made_table()
vo_tables()
bloom_filters()
if data and os.path.isdir(os.path.join(data, "parquet-testing")):
    originals()
else:
    report(True, "files of other writers", "SKIP no test data")
print(f"1..{count}")
