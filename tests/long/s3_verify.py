"""cat-verify on catalogues broken in one way each, and cat-verify, cat-ls and cat-info on an object store.

Usage: s3_verify.py BIN FOLDER ENGINES. Prints TAP.
"""
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import urllib.request

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import tap
from tap import Programs, check, report, same, skip

run = Programs(sys.argv[1])
work, engines = sys.argv[2], sys.argv[3]
# The servers that were built once are in the cache that everybody uses.
outside = dict(os.environ)
os.environ["CATPIPE_CACHE"] = os.path.join(work, "cache")
good, bad = os.path.join(work, "good"), os.path.join(work, "bad")


def kinds(path, *args, status=1):
    """Kinds of faults found, with their numbers; requests and all else is in run.messages."""
    r = json.loads(run("cat-verify", "--json", *args, path, status=status))
    counts = {}
    for s in r["subjects"]:
        for k, n in s["counts"].items():
            if k != "note":
                counts[k] = counts.get(k, 0) + n
    return counts


def leaves(folder):
    return sorted(glob.glob(os.path.join(folder, "dataset/*/*/*.parquet")))


def broken(name, wanted, change, *args):
    """A copy of the good catalogue, changed: exactly the WANTED kinds are found."""
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(good, bad)
    n = change()
    found = kinds(bad, *args)
    same(name, sorted(found), sorted(wanted))
    for kind, count in (n or {}).items():
        same(f"{name}: so many {kind}", found.get(kind), count)


def rewrite(path, change, sorted_by=0):
    """A leaf through pyarrow; _metadata and the statistics file then are not about it: they are taken away."""
    t = pq.read_table(path, partitioning=None)
    pq.write_table(change(t), path, compression="zstd", row_group_size=50000,
                   sorting_columns=[pq.SortingColumn(sorted_by)], write_page_index=True)
    root = path[:path.index("/dataset/")]
    for f in ("dataset/_metadata", "per_partition_statistics.parquet"):
        if os.path.exists(os.path.join(root, f)):
            os.remove(os.path.join(root, f))


def forget_size(root):
    """hats_estsize is exact in our own catalogues; a leaf of another size is told of otherwise."""
    for name in ("hats.properties", "properties"):
        p = os.path.join(root, name)
        with open(p) as f:
            s = f.read()
        with open(p, "w") as f:
            f.write(re.sub("hats_estsize=.*\n", "", s))


def main_leaf(i=0):
    forget_size(os.path.join(bad, "good"))
    return sorted(leaves(os.path.join(bad, "good")), key=os.path.getsize)[-1 - i]


# --- broken in one way each ---

def shuffled():
    rng = np.random.default_rng(1)
    rewrite(main_leaf(), lambda t: t.take(pa.array(rng.permutation(len(t)))))


def unchanged():
    rewrite(main_leaf(), lambda t: t)


def two_swapped():
    def swap(t):
        order = np.arange(len(t))
        order[[100, 101]] = order[[101, 100]]
        return t.take(pa.array(order))
    rewrite(main_leaf(), swap)
    return {"order": 1}


def wrong_index():
    def change(t):
        v = t["_healpix_29"].to_numpy().copy()
        v[50] += 1 if v[50] + 1 < v[51] else -1
        return t.set_column(0, t.schema.field(0), pa.array(v))
    rewrite(main_leaf(), change)
    return {"healpix": 1}


def moved_row():
    """A row from one leaf put where it sorts in another."""
    a, b = main_leaf(0), main_leaf(1)
    ta, tb = pq.read_table(a, partitioning=None), pq.read_table(b, partitioning=None)
    row = ta.slice(5, 1)
    rewrite(a, lambda t: pa.concat_tables([t.slice(0, 5), t.slice(6)]))
    at = int(np.searchsorted(tb["_healpix_29"].to_numpy(), row["_healpix_29"][0].as_py()))
    rewrite(b, lambda t: pa.concat_tables([t.slice(0, at), row, t.slice(at)]))
    for name in ("skymap.fits",):  # it has no row for the stranger
        os.remove(os.path.join(bad, "good", name))
    for name in ("hats.properties", "properties"):
        p = os.path.join(bad, "good", name)
        s = open(p).read()
        open(p, "w").write(re.sub("hats_max_rows=.*\n|hats_skymap_order=.*\n", "", s))
    return {"membership": 1}


def no_position():
    def change(t):
        v = t["ra"].to_numpy().copy()
        v[7] = np.nan
        return t.set_column(t.schema.get_field_index("ra"), t.schema.field("ra"), pa.array(v))
    rewrite(main_leaf(), change)
    return {"position": 1}


def margin_root():
    return os.path.join(bad, "good_60arcs")


def margin_leaf():
    forget_size(margin_root())
    return sorted(leaves(margin_root()), key=os.path.getsize)[-1]


def set_rows(root, by):
    for name in ("hats.properties", "properties"):
        p = os.path.join(root, name)
        s = open(p).read()
        s = re.sub(r"hats_nrows=(\d+)", lambda m: f"hats_nrows={int(m[1]) + by}", s)
        open(p, "w").write(re.sub("hats_max_rows=.*\n", "", s))


def margin_lacks():
    rewrite(margin_leaf(), lambda t: t.slice(1))
    set_rows(margin_root(), -1)
    return {"margin-missing": 1}


def margin_twice():
    rewrite(margin_leaf(), lambda t: pa.concat_tables([t.slice(0, 1), t]))
    set_rows(margin_root(), 1)
    return {"margin-extra": 1}


def margin_leaf_gone():
    """With the list of partitions in agreement: only the primary knows."""
    leaf = margin_leaf()
    n = pq.read_metadata(leaf).num_rows
    order, pix = (int(re.search(k + r"=(\d+)", leaf)[1]) for k in ("Norder", "Npix"))
    os.remove(leaf)
    for f in ("dataset/_metadata", "per_partition_statistics.parquet"):
        os.remove(os.path.join(margin_root(), f))
    p = os.path.join(margin_root(), "partition_info.csv")
    s = open(p).read().replace(f"\n{order},{pix}\n", "\n")
    open(p, "w").write(s)
    set_rows(margin_root(), -n)
    for name in ("hats.properties", "properties"):
        p = os.path.join(margin_root(), name)
        s = open(p).read()
        open(p, "w").write(re.sub("moc_sky_fraction=.*\n|hats_order=.*\n", "", s))
    return {"margin-missing": n}


def false_statistics(column, width):
    """The least value of a column, where the footer has it, changed: all of its places there are."""
    def change():
        path = main_leaf()
        md = pq.read_metadata(path)
        low = next(md.row_group(0).column(i).statistics.min for i in range(md.num_columns)
                   if md.row_group(0).column(i).path_in_schema == column)
        b = bytearray(open(path, "rb").read())
        footer = len(b) - 8 - struct.unpack("<i", b[-8:-4])[0]
        old, new = struct.pack("<d", low), struct.pack("<d", low + width)
        at, n = b.find(old, footer), 0
        while at >= 0:
            b[at:at + 8] = new
            n += 1
            at = b.find(old, at + 1)
        assert n > 0
        open(path, "wb").write(b)
        for f in ("dataset/_metadata", "per_partition_statistics.parquet"):
            os.remove(os.path.join(bad, "good", f))
        return {"statistics": 1}
    return change


def broken_ones():
    run("cat-gen", "-n", 40000, "-o", os.path.join(work, "sky.parquet"))
    run("cat-partition", os.path.join(work, "sky.parquet"), "-o", good, "--rows", 8000, "--margin", 60)
    same("a good one is fine", kinds(good, status=0), {})
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(good, bad)
    unchanged()
    same("a leaf that pyarrow wrote anew is fine", kinds(bad, status=0), {})
    broken("rows in another order", ["order"], shuffled)
    broken("two rows changed places", ["order"], two_swapped)
    broken("a wrong spatial index", ["healpix"], wrong_index)
    broken("a row in another partition", ["membership"], moved_row)
    broken("a row without position", ["position"], no_position)
    broken("a least value that is too great", ["statistics"], false_statistics("parallax", 1e-3))
    broken("a least value that is too small", ["statistics"], false_statistics("parallax", -1.0))
    broken("a margin lacks a row", ["margin-missing"], margin_lacks)
    broken("a margin has a row twice", ["margin-extra"], margin_twice)
    broken("a margin lacks a leaf that nobody lists", ["margin-missing"], margin_leaf_gone)


def a_million():
    big = os.path.join(work, "big")
    run("cat-gen", "-n", 1000000, "-o", os.path.join(work, "big.parquet"))
    run("cat-partition", os.path.join(work, "big.parquet"), "-o", big, "--rows", 100000, "--margin", 10)
    same("a million rows: fine", kinds(big, status=0), {})
    one = run("cat-verify", "-j1", "-m", "64M", big)
    same("the same report for another -j and -m", run("cat-verify", "-j4", big), one)
    shutil.rmtree(big)


# --- an object store ---

def assignments(text):
    for line in text.decode().split("\n"):
        m = re.match(r"(?:export )?(\w+)='?([^']*)'?$", line)
        if m:
            os.environ[m[1]] = m[2]


def requests():
    m = re.search(r"network: ([\d,]+) requests", run.messages)
    return int(m[1].replace(",", "")) if m else None


def store():
    up = subprocess.run([os.path.join(engines, "up"), "versitygw", os.path.join(work, "s3")], capture_output=True, env=outside)
    if up.returncode == 75:
        return skip("an object store", "no server can be had")
    assignments(up.stdout)
    import boto3
    s3 = boto3.client("s3")
    for b in ("second", "first"):
        s3.create_bucket(Bucket=b)
    same("s3:// lists buckets", run("cat-ls", "s3://").decode().split(), ["first/", "second/"])
    for root, _, files in os.walk(good):
        for f in files:
            path = os.path.join(root, f)
            s3.upload_file(path, "first", "data/cat/" + os.path.relpath(path, good))
    for i in range(1200):
        s3.put_object(Bucket="first", Key=f"many/{i:05d}", Body=b"x")
    same("a collection is a line", re.sub(", [0-9]+ bytes", "", run("cat-ls", "s3://first/data").decode()),
         run("cat-ls", good).decode().replace(good + "/", "cat/").replace(", " + str(
             json.loads(run("cat-ls", "--json", good))[0]["bytes"]) + " bytes", ""))
    same("prefixes", run("cat-ls", "s3://first").decode().split(), ["data/", "many/"])
    same("many keys", run("cat-ls", "s3://first/many").decode().split(), [f"{i:05d}" for i in range(1200)])
    same("an object", json.loads(run("cat-ls", "--json", "s3://first/many/00007"))[0]["bytes"], 1)
    same("nothing there: 66", run("cat-ls", "s3://first/nothing", status=66), b"")

    def link():
        url = run("cat-ls", "--link", "5m", "s3://first/many/00007").decode().strip()
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as r:
            return None if r.read() == b"x" else "other bytes"
    check("a link is good without keys", link)
    same("a link to nothing: 66", run("cat-ls", "--link", "5m", "s3://first/nothing", status=66), b"")

    info = json.loads(run("cat-info", "-v", "--json", "s3://first/data/cat"))
    size = sum(os.path.getsize(os.path.join(r, f)) for r, _, fs in os.walk(os.path.join(good, "good")) for f in fs)
    same("cat-info: bytes in the store", info["bytes"], size)
    same("cat-info: margins", info["catalogue"]["margins"], [{"folder": "good_60arcs", "arcsec": 60.0}])
    report(requests() is not None and requests() <= 9, "cat-info: few requests", requests())

    # A list of positions: of each row group touched its index and its columns, no more.
    few = os.path.join(work, "few.parquet")
    run("cat-scan", good, "-c", "ra, dec", "-w", "id % 400 = 7", "-o", few)
    here = run("cat-xmatch", "-r", 2, few, good, "-f", "csv")
    same("a list of positions finds the same as here",
         run("cat-xmatch", "-v", "--cache", 0, "-r", 2, few, "s3://first/data/cat", "-f", "csv"), here)
    most = 2 * len(leaves(os.path.join(good, "good"))) + 8
    report(len(here.split(b"\n")) == 102 and requests() is not None and requests() <= most, "with few requests",
           f"{requests()}, at most {most}")

    run("cat-group", "-a", "count(*), sum(parallax)", "s3://first/data/cat", "-f", "csv")  # which a cache would keep
    same("a good one in the store is fine", kinds("s3://first/data/cat", status=0), {})
    quick = run("cat-verify", "-v", "--level", "quick", "s3://first/data/cat")
    report(b"fine" in quick, "quick too", f"{requests()} requests")
    # What the store keeps is changed behind its back: a byte of a file that has checksums of its own.
    stored = sorted(glob.glob(os.path.join(work, "s3/buckets/first/data/cat/good/dataset/*/*/*.parquet")),
                    key=os.path.getsize)[-1]
    with open(stored, "r+b") as f:
        f.seek(5000)
        b = f.read(1)
        f.seek(5000)
        f.write(bytes([b[0] ^ 1]))
    found = kinds("s3://first/data/cat")
    same("a byte changed behind the store's back", sorted(found), ["checksum", "page-crc"])
    s3.delete_object(Bucket="first", Key="data/cat/good/" + os.path.relpath(stored, os.path.join(
        work, "s3/buckets/first/data/cat/good")))
    same("an object that is gone", kinds("s3://first/data/cat"), {"leaf-missing": 1})


def web():
    up = subprocess.run([os.path.join(engines, "up"), "faults", os.path.join(work, "web"), "--root", good],
                        capture_output=True)
    if up.returncode == 75:
        return skip("a web server", "no server can be had")
    url = re.search(r"http://[\d.:]+", up.stdout.decode())[0]
    same("over http, where files cannot be listed", kinds(url + "/good", status=0), {})
    absent = os.path.join(work, "good", "absent")
    shutil.copytree(os.path.join(good, "good"), absent)
    rows = ["Norder,Npix"] + [f"6,{i}" for i in range(3000)]
    with open(os.path.join(absent, "partition_info.csv"), "w") as f:
        f.write("\n".join(rows) + "\n")
    found = kinds(url + "/absent", "-v")
    same("partitions that are not there", list(found), ["leaf-missing"])
    report(100 <= found["leaf-missing"] < 3000 and requests() < 400, "are not all asked for", requests())
    with open(os.path.join(absent, "hats.properties"), "ab") as f:
        f.write(b"# " + b"x" * 100_000_000)
    run("cat-verify", "-v", url + "/absent", status=65)
    received = int(re.search(r"([\d,]+) bytes in", run.messages)[1].replace(",", ""))
    report(received < 1_000_000, "a description of 100 MB is not read", received)
    shutil.rmtree(absent)
    same("and cat-info there", json.loads(run("cat-info", "--json", url))["rows"], 40000)
    same("cat-ls shows the catalogue", json.loads(run("cat-ls", "--json", url + "/good"))[0]["rows"], 40000)


broken_ones()
a_million()
store()
web()
print(f"1..{tap.count}")
