"""The right answers on made skies, by every way of matching.

Usage: answers.py BIN FOLDER GENERATOR CACHE. Prints TAP.
"""
import hashlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tap import Programs, check, report, same, skip

run = Programs(sys.argv[1])
work, generator, cache = sys.argv[2:5]

# Agreed by several other programs (astropy, scipy, Q3C, DuckDB, STILTS), seed 1.
RIGHT = {
    1: {"match": {"best": 799700, "best2": 799706, "mutual": 799697, "all": 799719}, "filter": 36260,
        "sum_ra": 210656234.8385, "counts": [748344, 938965, 875805, 678062, 980138],
        "cls": {"GAL": 219972, "QSO": 10204, "STAR": 699711, "VAR": 30033, "WD": 20218, None: 19862},
        "aid": [799995, 5, 200000]},
    10: {"match": {"best": 7997129, "best2": 7997097, "mutual": 7996428, "all": 7999484}, "filter": 359386,
         "sum_ra": 2103971208.917, "counts": [7479733, 9392327, 8758776, 6773523, 9800429]},
}


def digest(path):
    """Of a file, or of all files of a folder under their names."""
    h = hashlib.sha256()
    names = [path] if os.path.isfile(path) else sorted(
        os.path.join(d, f) for d, _, files in os.walk(path) for f in files)
    for name in names:
        h.update(name[len(path):].encode())
        with open(name, "rb") as f:
            while block := f.read(1 << 20):
                h.update(block)
    return h.hexdigest()


def made_sky(millions):
    folder = f"{cache}/sky-{millions}m"
    if not os.path.exists(folder + "/complete"):
        os.makedirs(folder, exist_ok=True)
        subprocess.run([sys.executable, generator, "--rows", f"{millions}e6", "--formats", "csv", "--out", folder],
                       check=True, stderr=subprocess.DEVNULL)
        for x in "ab":
            run("cat-write", f"{folder}/{x}_{millions}m.csv", "-o", f"{folder}/{x}.parquet")
        open(folder + "/complete", "w").close()
    return folder, [f"{folder}/{x}_{millions}m.csv" for x in "ab"], [f"{folder}/{x}.parquet" for x in "ab"]


# --- columns ---

def columns(a, b, right):
    t = run.table("cat-group", a, "-a", "count(g), count(r), count(i), count(z), count(cls), sum(ra)").to_pylist()[0]
    same("values that are there", list(t.values())[:5], right["counts"])
    report(abs(t["sum_ra"] / right["sum_ra"] - 1) < 1e-12, "sum of ra")
    same("r < 18 and dec > -30", run.rows("-w", "r < 18 AND dec > -30", a), right["filter"])
    if "cls" in right:
        cls = {c: run.rows("-w", f"cls = '{c}'" if c else "cls IS NULL", a) for c in right["cls"]}
        same("rows by class", cls, right["cls"])
    if "aid" in right:
        wheres = ("aid > 5", "NOT (aid > 5)", "aid IS NULL")
        same("three-valued logic", [run.rows("-w", w, b) for w in wheres], right["aid"])


# --- the same bytes ---

def partitions(csv, millions):
    """Catalogues of A and B: the same whatever the processors and the memory."""
    made = []
    for x, source in zip("ab", csv):
        digests = set()
        for i, options in enumerate((["-j1"], ["-j4"], ["-m", "100M", "-T", work], ["-j1", "-m", f"{60 * millions}M"])):
            path = f"{work}/{i}/{x}"
            os.makedirs(f"{work}/{i}", exist_ok=True)
            run("cat-partition", source, "-o", path, "--rows", 100000 * millions, *options)
            digests.add(digest(path))
            if i:
                subprocess.run(["rm", "-r", path], check=True)
        same(f"{x}: different catalogues", len(digests), 1)
        made.append(f"{work}/0/{x}")
    return made


def match(name, left, right, find, options, parts=None):
    """The digest of the result, and how many rows there are. PARTS: whether it must go part by part."""
    out = f"{work}/{name}.parquet"
    run("cat-xmatch", "-v", "-r", 1, "--find", find, left, right, "-o", out, *options)
    if parts is not None and ("part by part" in run.messages) != parts:
        report(False, f"{name} {find} {options}: part by part: {not parts}")
    return digest(out), pq.read_metadata(out).num_rows


def ways(files, catalogues, right):
    for find in right["match"]:
        for (ln, left), (rn, other) in itertools.product(
                zip(("file", "catalogue"), (files[0], catalogues[0])), zip(("file", "catalogue"), (files[1], catalogues[1]))):
            name = f"{ln} x {rn}"
            both_files = name == "file x file"
            got = [match("whole", left, other, find, o, p) for o, p in (
                (["-j1", "-m", "2G"], False if both_files else None), (["-j4"], None), (["-m", "100M", "-j4"], True if both_files else None),
                (["-m", "60M", "-j1", "-T", work], True if both_files else None))]
            same(f"{name}, {find}: rows", got[0][1], right["match"][find])
            same(f"{name}, {find}: different files", len({g[0] for g in got}), 1)
            if ln == rn:
                same(f"{name}, {find}: shards", shards(left, other, find), got[0][0])


def shards(left, right, find):
    for k in range(3):
        match(f"shard-{k}", left, right, find, ["--shard", f"{k}/3"])
    run("cat-concat", *(f"{work}/shard-{k}.parquet" for k in range(3)), "-o", f"{work}/joined.parquet")
    return digest(f"{work}/joined.parquet")


def streams(files, catalogues):
    """Arrow streams too are the same bytes."""
    for name, (left, right) in (("files", files), ("catalogues", catalogues)):
        digests = {hashlib.sha256(run("cat-xmatch", "-r", 1, left, right, "-c", "id, id_2, _dist_arcsec", *o)).hexdigest()
                   for o in (["-j1", "-m", "2G"], ["-j4", "-m", "2G"], ["-m", "64M"], ["-m", "60M", "-j1"])}
        same(f"streams of {name}: different ones", len(digests), 1)


def other_rows(csv, catalogues):
    """Where the borders of partitions lie does not matter."""
    for rows in (3000, 10 ** 7):
        os.mkdir(f"{work}/{rows}")
        for x, source in zip("ab", csv):
            run("cat-partition", source, "-o", f"{work}/{rows}/{x}", "--rows", rows)
    for find in ("best", "mutual"):
        whole = match("whole", *catalogues, find, [])[0]
        for rows in ((3000, 3000), (10 ** 7, 3000), (3000, 10 ** 7)):
            other = match("whole", f"{work}/{rows[0]}/a", f"{work}/{rows[1]}/b", find, [])[0]
            same(f"{find} with partitions of {rows} rows", other, whole)


# --- brute force ---

def nasty(n, seed, bad):
    """Poles, 0h, a tight cluster, a wide one, and the rest of the sky; BAD: some without a position."""
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    part = np.array_split(rng.permutation(n), 8)
    dec[part[0]] = rng.choice([-1, 1], len(part[0])) * (90 - np.abs(rng.normal(0, 0.3, len(part[0]))))
    ra[part[1]] = rng.normal(0, 0.01, len(part[1])) % 360
    dec[part[1]] = rng.normal(30, 0.01, len(part[1]))
    ra[part[2]], dec[part[2]] = rng.normal(45, 1e-3, (2, len(part[2])))
    ra[part[3]], dec[part[3]] = rng.normal(200, 3, len(part[3])), rng.normal(-60, 1.5, len(part[3]))
    ra[0:4], dec[0:4] = [0, 0, 123, 359.99999999], [90, -90, 90, 0]
    if bad:
        ra[4], dec[5] = np.nan, 91
    return ra, dec


def vectors(ra, dec):
    ra, dec = np.radians(ra), np.radians(dec)
    v = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], 1)
    v[np.abs(dec) > np.pi / 2] = np.nan
    return v


def all_pairs(a, b, radius_arcsec):
    """LEFT row, RIGHT row and separation of all pairs within the radius, by LEFT, separation and RIGHT."""
    limit, found = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2), []
    for i in range(len(a)):
        chord = np.sqrt(((b - a[i]) ** 2).sum(1))
        j = np.nonzero(chord <= limit)[0]
        j = j[np.lexsort((j, chord[j]))]
        found.append(np.stack([np.full(len(j), i), j, 2 * np.degrees(np.arcsin(chord[j] / 2)) * 3600], 1))
    return np.concatenate(found)


def chosen(pairs, find):
    if find == "all":
        return pairs
    rank = np.arange(len(pairs)) - np.searchsorted(pairs[:, 0], pairs[:, 0])
    if find.isdigit():
        return pairs[rank < int(find)]
    if find == "best":
        return pairs[rank == 0]
    back = pairs[np.lexsort((pairs[:, 0], pairs[:, 2], pairs[:, 1]))]
    back = back[np.concatenate([[True], np.diff(back[:, 1]) > 0])]
    back = back[np.lexsort((back[:, 1], back[:, 2], back[:, 0]))]
    return back if find == "best2" else np.array(sorted(set(map(tuple, back)) & set(map(tuple, pairs[rank == 0])))).reshape(-1, 3)


def joined(pairs, n, join):
    lone = np.setdiff1d(np.arange(n), pairs[:, 0].astype(int))
    if join == "anti":
        return [(int(i), None) for i in lone]
    rows = [(int(i), int(j)) for i, j, _ in pairs]
    return rows if join == "inner" else sorted(rows + [(int(i), None) for i in lone], key=lambda r: r[0])


def brute_force(bad, radii):
    n = 3000
    (ra, dec), (ra2, dec2) = nasty(n, 1, bad), nasty(n, 2, bad)
    # A fifth of RIGHT lies close to rows of LEFT, some exactly on them.
    rng = np.random.default_rng(3)
    take, put = rng.permutation(n)[:n // 5], rng.permutation(n)[:n // 5]
    scale = rng.choice([0, 0.05, 0.5, 30], len(take)) / 3600
    ra2[put], dec2[put] = (ra[take] + rng.normal(0, 1, len(take)) * scale) % 360, dec[take] + rng.normal(0, 1, len(take)) * scale
    dec2[put] = np.clip(dec2[put], -90, 90)
    a, b = f"{work}/nasty-a.parquet", f"{work}/nasty-b.parquet"
    for path, r, d in ((a, ra, dec), (b, ra2, dec2)):
        pq.write_table(pa.table({"id": np.arange(n), "ra": r, "dec": d}), path)
        run("cat-partition", path, "-o", path[:-8], "--rows", 40, "--overwrite", *(["--bad-coord", "drop"] if bad else []))
    left, right = vectors(ra, dec), vectors(ra2, dec2)
    ids = run.table("cat-scan", a[:-8], "-c", "id")["id"].to_numpy()
    for radius in radii:
        pairs = all_pairs(left, right, radius)
        for find in ("best", "best2", "mutual", "all", "3"):
            check(f"brute force, {radius} arcsec, {find}{', bad positions' if bad else ''}",
                  lambda: every_join(pairs, n, find, radius, a, b, ids))


PARTS = ["part by part"]


def every_join(pairs, n, find, radius, a, b, ids):
    picked = chosen(pairs, find)
    for join in ("inner", "left", "anti"):
        wanted = joined(picked, n, join)
        for left, right, options in ((a, b, []), (a, b, PARTS), (a, b[:-8], []), (a, b[:-8], PARTS),
                                     (a[:-8], b[:-8], []), (a[:-8], b[:-8], PARTS), (a[:-8], b, PARTS)):
            # Small tables would be matched whole: the variable makes them go part by part, so many rows at a time.
            os.environ.pop("CATPIPE_XMATCH_TILE_ROWS", None)
            if options is PARTS:
                os.environ["CATPIPE_XMATCH_TILE_ROWS"] = "100"
            t = run.table("cat-xmatch", "-r", radius, "--find", find, "--join", join, left, right,
                          "-c", "id" if join == "anti" else "id, id_2, _dist_arcsec", *([] if options is PARTS else options))
            os.environ.pop("CATPIPE_XMATCH_TILE_ROWS", None)
            got = list(zip(t["id"].to_pylist(), [None] * t.num_rows if join == "anti" else t["id_2"].to_pylist()))
            right_rows = wanted
            if not left.endswith(".parquet"):  # in the catalogue's order, without the rows that it does not have
                place = {int(v): i for i, v in enumerate(ids)}
                right_rows = sorted((w for w in wanted if w[0] in place), key=lambda w: place[w[0]])
            # Rows at one place are ties; in a catalogue the earlier one is another.
            if got != right_rows and not same_but_for_ties(t, right_rows, pairs, left, right):
                return f"{join}, {os.path.basename(left)} x {os.path.basename(right)} {options}: {len(got)} rows, {len(right_rows)} right"
    return ""


def same_but_for_ties(t, wanted, pairs, left, right):
    if (left.endswith(".parquet") and right.endswith(".parquet")) or t.num_rows != len(wanted) or "id_2" not in t.column_names:
        return False
    sep = {(int(i), int(j)): s for i, j, s in pairs}
    rows = list(zip(t["id"].to_pylist(), t["id_2"].to_pylist()))
    return [r[0] for r in rows] == [w[0] for w in wanted] and all(
        (g[1] is None) == (w[1] is None) and (g[1] is None or (g in sep and abs(sep[g] - sep[w]) < 1e-7)) for g, w in zip(rows, wanted))


def sky(millions):
    folder, csv, files = made_sky(millions)
    columns(files[0], files[1], RIGHT[millions])
    columns(csv[0], csv[1], RIGHT[millions])
    catalogues = partitions(csv, millions)
    ways(files, catalogues, RIGHT[millions])
    streams(files, catalogues)
    other_rows(csv, catalogues)


if __name__ == "__main__":
    brute_force(True, (0.1, 60, 36000))
    brute_force(False, (1, 3600))
    if os.path.exists(generator):
        sky(1)
        if os.environ.get("CATPIPE_LONG_10M") == "1":
            sky(10)
    else:
        skip("right answers on a sky of a million rows", "CATPIPE_GEN_SKY names no generator")
