"""Catalogues that cat-partition writes as LSDB, pyarrow, DuckDB and Polars read them, and catalogues of others as
our programs read them.

Usage: hats_readers.py BIN FOLDER DATA. Prints TAP.
"""
import csv
import json
import os
import shutil
import sys

import duckdb
import hats
import lsdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from hats.io.parquet_metadata import (write_per_partition_statistics_from_metadata,
                                      write_voparquet_in_common_metadata)
from hats.io.validation import is_valid_catalog

from tap import Programs, check, report, same, skip

run = Programs(sys.argv[1])
work, data = sys.argv[2], sys.argv[3]
rng = np.random.default_rng(20)


# --- made skies ---

def positions(n):
    """All over the sky, with a cluster, rows at both poles and on both sides of 0h."""
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    k = n // 4
    ra[:k], dec[:k] = rng.normal(83, 0.2, k), rng.normal(-5, 0.2, k)
    ra[k:k + 6], dec[k:k + 6] = [0, 0, 180, 360 - 1e-9, 1e-9, 0], [90, -90, 89.9999, 10, 10, -89.99999]
    return ra, dec


def table(ra, dec, nested=True):
    n = len(ra)
    some = lambda values, kind: pa.array(values, kind, mask=rng.random(n) < 0.1)  # noqa: E731
    cols = {"id": pa.array(np.arange(n) + 10 ** 17), "ra": pa.array(ra), "dec": pa.array(dec),
            "mag": some(rng.normal(18, 2, n).astype("f4"), pa.float32()),
            "small": some(rng.integers(0, 255, n).astype("u1"), pa.uint8()),
            "flag": some(rng.random(n) < 0.5, pa.bool_()),
            "name": some([f"étoile {i}" if i % 7 else "" for i in range(n)], pa.string()),
            "seen": some(rng.integers(0, 2 ** 50, n), pa.timestamp("us", tz="UTC"))}
    if nested:
        sizes = rng.integers(0, 6, n)
        offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
        m = int(sizes.sum())
        lists = [pa.ListArray.from_arrays(offsets, v) for v in (
            pa.array(rng.uniform(5e4, 6e4, m)), pa.array(rng.normal(18, 1, m).astype("f4")),
            pa.array(rng.choice(["g", "r", "i"], m)))]
        cols["lc"] = pa.StructArray.from_arrays(lists, ["mjd", "mag", "band"])
        cols["spectrum"] = pa.array([None if i % 11 == 0 else list(map(float, range(i % 4))) for i in range(n)],
                                    pa.list_(pa.float64()))
    return pa.table(cols)


def plain(t, types):
    """Rows by id, without the index: comparable whatever the exact types of lists, texts and times."""
    t = t.sort_by("id")
    cast = {c: t[c] if pa.types.is_struct(types.field(c).type) else t[c].cast(types.field(c).type)
            for c in t.column_names if c in types.names}
    return {c: (v.cast(pa.int64()) if pa.types.is_timestamp(v.type) else v).to_pylist() for c, v in cast.items()} | \
        {c: "not wanted" for c in t.column_names if c not in types.names and c != "_healpix_29"}


def difference(got, wanted):
    wanted = wanted.select([c for c in wanted.column_names if c != "_healpix_29"])
    got, wanted = plain(got, wanted.schema), plain(wanted, wanted.schema)
    if set(got) != set(wanted):
        return f"columns {sorted(got)}"
    return "; ".join(f"column {c} differs" for c in wanted if repr(got[c]) != repr(wanted[c]))


# --- ours, read by others ---

def leaves(path):
    return sorted(os.path.join(d, f) for d, _, files in os.walk(path + "/dataset") for f in files if "Npix" in f)


def by_pyarrow(path, wanted):
    t = ds.dataset(leaves(path), format="parquet").to_table()
    for f in leaves(path):
        cells = pq.read_table(f, columns=["_healpix_29"])["_healpix_29"].to_numpy()
        order, npix = (int(x.split("=")[1].split(".")[0]) for x in (f.split("/")[-3], f.split("/")[-1]))
        if (np.diff(cells) < 0).any() or (cells >> 2 * (29 - order) != npix).any():
            return f"{f}: rows of other cells, or out of order"
    return difference(t, wanted)


def by_duckdb(path, wanted):
    return difference(duckdb.sql(f"from read_parquet('{path}/dataset/Norder=*/Dir=*/Npix=*.parquet', "
                                 "hive_partitioning=false)").to_arrow_table(), wanted)


def by_polars(path, wanted):
    return difference(pl.scan_parquet(leaves(path), hive_partitioning=False).collect().to_arrow(), wanted)


def metadata(path, wanted):
    meta, common = pq.read_metadata(path + "/dataset/_metadata"), pq.read_schema(path + "/dataset/_common_metadata")
    seen, rows = {}, 0
    for g in range(meta.num_row_groups):
        group = meta.row_group(g)
        rows += group.num_rows
        files = {group.column(c).file_path for c in range(group.num_columns)}
        if len(files) != 1:
            return "a row group of several files"
        name = files.pop()
        own = seen.setdefault(name, [pq.ParquetFile(path + "/dataset/" + name), 0])
        mine = own[0].metadata.row_group(own[1])
        own[1] += 1
        if mine.total_byte_size != group.total_byte_size or mine.num_rows != group.num_rows:
            return f"{name}: sizes differ from the leaf's"
        for c in range(group.num_columns):
            col, leaf = group.column(c), mine.column(c)
            if (col.data_page_offset, col.total_compressed_size) != (leaf.data_page_offset, leaf.total_compressed_size):
                return f"{name}: {col.path_in_schema} lies elsewhere"
            if "list" not in col.path_in_schema and "." not in col.path_in_schema:
                values = own[0].read_row_group(own[1] - 1, [col.path_in_schema])[0]
                s = col.statistics
                if s is None or s.null_count != values.null_count:
                    return f"{name}: {col.path_in_schema}: nulls"
                if s.has_min_max and pa.types.is_integer(values.type) and \
                        (s.min, s.max) != tuple(pc.min_max(values).as_py().values()):
                    return f"{name}: {col.path_in_schema}: bounds"
    if sorted(path + "/dataset/" + n for n in seen) != leaves(path):
        return "_metadata names other files than there are"
    if any(not f.schema_arrow.equals(common, check_metadata=True) for f, _ in seen.values()):
        return "a leaf's schema differs from _common_metadata"
    with open(path + "/hats.properties") as p:
        properties = dict(line.strip().split("=", 1) for line in p if "=" in line)
    nrows = int(properties["hats_nrows"])
    return "" if nrows == rows == wanted.num_rows else f"{nrows} rows in the properties, {rows} in _metadata"


def statistics(path, wanted):
    """per_partition_statistics.parquet as pyarrow reads it is what hats makes of _metadata."""
    ours = pq.read_table(path + "/per_partition_statistics.parquet")
    other = work + "/statistics"
    os.makedirs(other + "/dataset", exist_ok=True)
    shutil.copy(path + "/dataset/_metadata", other + "/dataset/_metadata")
    write_per_partition_statistics_from_metadata(other)
    theirs = pq.read_table(other + "/per_partition_statistics.parquet")
    if ours.column_names != theirs.column_names:
        return "other columns"
    for name in ours.column_names:
        a, b = ours[name].to_pylist(), theirs[name].to_pylist()
        if a != b:
            return f"{name}: {next(x for x in zip(a, b) if x[0] != x[1])}"
    rows = pc.sum(ours["ra::row_count"]).as_py()
    return "" if rows == wanted.num_rows else f"{rows} rows"


def by_lsdb(path, wanted):
    frame = lsdb.open_catalog(path, columns="all").compute()
    if len(frame) != wanted.num_rows:
        return f"{len(frame)} rows"
    frame = frame.sort_values("id")
    wanted = wanted.sort_by("id")
    for name in wanted.column_names:
        if pa.types.is_struct(wanted[name].type):
            for f in wanted[name].type:
                a = frame[f"{name}.{f.name}"].to_list()
                if a != pc.list_flatten(pc.struct_field(wanted[name], f.name)).to_pylist():
                    return f"column {name}.{f.name} differs"
        elif repr(pa.array(frame[name], wanted[name].type, from_pandas=True).to_pylist()) != \
                repr(wanted[name].to_pylist()):
            return f"column {name} differs"
    return ""


def separation(ra, dec, ra0, dec0):
    ra, dec, ra0, dec0 = map(np.radians, (ra, dec, ra0, dec0))
    h = np.sin((dec - dec0) / 2) ** 2 + np.cos(dec) * np.cos(dec0) * np.sin((ra - ra0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.minimum(1, np.sqrt(h))))


def cones(path, wanted):
    ids, ra, dec = (wanted[c].to_numpy() for c in ("id", "ra", "dec"))
    catalogue = lsdb.open_catalog(path, columns=["id", "ra", "dec"])
    for at in ((83, -5, 0.15), (0, 89.9, 5), (359.99, 10, 3), (200, -40, 25)):
        right = sorted(ids[separation(ra, dec, *at[:2]) <= at[2]])
        ours = sorted(run.table("cat-scan", path, "-c", "id", "--cone", "%g,%g,%g" % at)["id"].to_pylist())
        theirs = sorted(catalogue.cone_search(at[0], at[1], at[2] * 3600).compute()["id"]) if right else []
        if ours != right or theirs != right:
            return f"cone {at}: ours {len(ours)}, LSDB's {len(theirs)}, right {len(right)}"
    return ""


def catalogue(name, t, rows, kind="parquet"):
    source, path = f"{work}/{name}.{kind}", f"{work}/{name}"
    if kind == "csv":
        pa.csv.write_csv(t, source)
    else:
        pq.write_table(t, source)
    run("cat-partition", source, "-o", path, "--rows", rows)
    return path


def read_by_all(name, t, rows, kind="parquet", partitions=None):
    path = catalogue(name, t, rows, kind)
    n = len(leaves(path))
    same(f"{name}: partitions", n, partitions) if partitions else report(n > 20, f"{name}: {n} partitions")
    check(f"{name}: strictly valid", lambda: "" if is_valid_catalog(path, strict=True, verbose=False) else "it is not")
    readers = [by_pyarrow, by_duckdb, by_polars, metadata, statistics, by_lsdb]
    if kind == "parquet" and n > 20:
        readers.append(cones)
    for r in readers:
        check(f"{name}: {r.__name__}", lambda r=r: r(path, t))
    return path


def ours_by_others():
    ra, dec = positions(6000)
    mixed = table(ra % 360, dec)
    path = read_by_all("mixed", mixed, 200)
    orders = {f.split("/Norder=")[1][:1] for f in leaves(path)}
    report(len(orders) > 2, f"partitions of orders {sorted(orders)}")
    read_by_all("flat", table(*positions(3000), nested=False).drop_columns(["seen"]), 100, "csv")
    read_by_all("whole", table(rng.normal(90, 3, 500), rng.normal(0, 3, 500)), 10 ** 6, partitions=1)
    read_by_all("one-row", table(np.array([0.0]), np.array([-90.0])), 10, partitions=1)
    read_by_all("edges", table(np.array([0, 360 - 1e-12, 90, 12, 0, 270.0]), np.array([90, 0, 90, -90, 1e-13, -90.0])), 1,
                partitions=6)
    again(path)


def again(path):  # lists, structs, times, metadata and history go through it as well
    """A catalogue that is partitioned again is the same."""
    other = f"{work}/again/{os.path.basename(path)}"
    os.mkdir(f"{work}/again")
    run("cat-partition", path, "-o", other, "--rows", 200)
    differ = [f for d, _, files in os.walk(path) for f in (os.path.join(d, x) for x in files)
              if open(f, "rb").read() != open(f.replace(path, other), "rb").read()]
    same("partitioned again: the same bytes", differ, [])


def crossmatch():
    """The nearest within 1 arcsec; RIGHT is one partition, so that LSDB needs no margin."""
    n = 4000
    ra, dec = 90 + rng.uniform(-15, 15, n), rng.uniform(-15, 15, n)
    a = table(ra, dec, nested=False)
    b = table(np.repeat(ra, 2) + rng.normal(0, 0.5 / 3600, 2 * n), np.repeat(dec, 2) + rng.normal(0, 0.5 / 3600, 2 * n),
              nested=False)
    left, right = catalogue("left", a, 300), catalogue("right", b, 10 ** 6)
    ours = run.table("cat-xmatch", "-r", "1", left, right, "-c", "id, id_2, _dist_arcsec").sort_by("id")
    theirs = lsdb.open_catalog(left).crossmatch(lsdb.open_catalog(right), radius_arcsec=1.0, suffixes=("_a", "_b"),
                                                suffix_method="all_columns").compute().sort_values("id_a")
    if list(theirs["id_a"]) != ours["id"].to_pylist() or list(theirs["id_b"]) != ours["id_2"].to_pylist():
        return f"{len(theirs)} pairs of LSDB's, {ours.num_rows} of ours, or other ones"
    d = np.abs(theirs["_dist_arcsec"].to_numpy() - ours["_dist_arcsec"].to_numpy()).max()
    return "" if d < 1e-6 else f"distances differ by {d} arcsec"


# --- others', read by us ---

def others_by_us():
    rows = {"small_sky": 131, "small_sky_o1_collection": 131, "small_sky_source": 17161, "small_sky_nested": 131,
            "small_sky_healpix13": 131, "small_sky_npix_as_dir": 131, "small_sky_npix_alt_suffix": 131,
            "square_map": 12, "small_sky_o1_collection/small_sky_order1_margin": 0}
    for name, n in rows.items():
        path = f"{data}/hats/{name}"
        if name.endswith("margin"):
            n = sum(pq.read_metadata(f).num_rows for f in leaves(path))
        check(f"{name}: rows", lambda: "" if run.rows(path) == n else f"not {n}")
    for name in ("small_sky_source_object_index", "small_sky_to_small_sky_order1"):
        check(f"{name} is refused by name", lambda: run("cat-scan", f"{data}/hats/{name}", status=79) and "")
    for name in ("bad_schemas", "info_only/catalog"):
        check(f"{name} is corrupt", lambda: run("cat-scan", f"{data}/hats/{name}", status=65) and "")
    check("small_sky_source: values", lambda: source_rows(f"{data}/hats/small_sky_source"))
    check("cone_search_expected: values", expected_cone)
    for name, extra in (("xmatch_correct", ["-r", "36"]), ("xmatch_correct_0_005", ["-r", "18"])):
        check(f"{name}: LSDB's answer", lambda: expected_match(name, extra))


def source_rows(path):
    ours = run.table("cat-scan", path, "-c", "* EXCEPT (_healpix_29)").sort_by("source_id")
    files = ds.dataset(leaves(path), format="parquet").to_table()
    theirs = files.select([c for c in files.column_names if c not in ("_healpix_29", "Norder", "Dir", "Npix")])
    return difference(ours.rename_columns(["id" if c == "source_id" else c for c in ours.column_names]),
                      theirs.rename_columns(["id" if c == "source_id" else c for c in theirs.column_names]))


def expected_cone():
    theirs = pa.csv.read_csv(f"{data}/hats/cone_search_expected/catalog.csv")
    ours = run.table("cat-scan", f"{data}/hats/small_sky_source", "-c", ", ".join(theirs.column_names))
    ours = ours.filter(pc.is_in(ours["source_id"], theirs["source_id"])).sort_by("source_id")
    theirs = theirs.sort_by("source_id")
    wrong = [c for c in theirs.column_names if c != "_healpix_29" and ours[c].to_pylist() != theirs[c].to_pylist()]
    return f"columns {wrong}" if wrong else ""


def expected_match(name, extra):
    with open(f"{data}/hats/xmatch/expected/{name}.csv") as f:
        wanted = sorted((int(r["ss_id"]), int(float(r["xmatch_id"])), float(r["dist"])) for r in csv.DictReader(f))
    got = run.table("cat-xmatch", f"{data}/hats/small_sky", f"{data}/hats/xmatch/small_sky_xmatch.csv", *extra)
    got = sorted(zip(got["id"].to_pylist(), got["id_2"].to_pylist(), got["_dist_arcsec"].to_pylist()))
    if [g[:2] for g in got] != [w[:2] for w in wanted]:
        return f"{len(got)} pairs, {len(wanted)} right"
    return "" if all(abs(g[2] / 3600 - w[2]) < 1e-9 for g, w in zip(got, wanted)) else "distances differ"


def todays_by_us():
    root = data + "/hats-0.11/"
    answers = json.load(open(root + "answers.json"))
    total = lambda path, column, *o: run.table("cat-group", path, "-a", f"count(*), sum({column})", *o).to_pylist()[0]  # noqa: E731
    for name in ("a_import", "a_acid"):
        t = run.table("cat-group", root + name, "-a", "count(*), sum(ra), sum(id)").to_pylist()[0]
        same(f"{name}: rows and ids", [t["count"], t["sum_id"]], [answers["rows_a"], answers["sum_id_a"]])
        report(abs(t["sum_ra"] - answers["sum_ra_a"]) < 1e-6, f"{name}: sum of ra")
    cone = total(root + "a_import", "id", "--cone", "266.4,-29,20")
    same("a_import: cone", list(cone.values()), [answers["cone_266.4_-29_20deg_rows"], answers["cone_sum_id"]])
    for a in ("a_import", "a_acid"):
        m = run.table("cat-xmatch", "-r", "1", root + a, root + "b_import")
        same(f"{a} x b_import", [m.num_rows, pc.sum(m["id"]).as_py(), pc.sum(m["id_2"]).as_py()],
             [answers["crossmatch_1arcsec_nearest_rows"], answers["crossmatch_sum_id_a"], answers["crossmatch_sum_id_b"]])
    x = run.table("cat-scan", root + "x_lsdb", "-c", "id_a, id_b").sort_by("id_a")
    report(x.equals(m.select(["id", "id_2"]).rename_columns(["id_a", "id_b"]).sort_by("id_a")), "x_lsdb: the pairs we find")
    n = run.table("cat-scan", root + "nested_lsdb")
    same("nested_lsdb: rows and detections", [n.num_rows, pc.sum(pc.list_value_length(pc.struct_field(n["det"], "id"))).as_py()],
         [answers["nested_rows"], answers["nested_detections"]])
    same("a_import_10arcs: rows", run.rows(root + "a_import_10arcs"),
         sum(pq.read_metadata(f).num_rows for f in leaves(root + "a_import_10arcs")))
    run("cat-partition", root + "nested_lsdb", "-o", work + "/nested", "--rows", 300)
    # pyarrow's own data set reader is the judge of what went in and what came out.
    inner = next(d for d, folders, _ in os.walk(root + "nested_lsdb") if "dataset" in folders)
    check("nested_lsdb, partitioned by us", lambda: by_pyarrow(work + "/nested", ds.dataset(leaves(inner), format="parquet").to_table()))


def described_by_hats():
    """HATS describes columns in _common_metadata alone, parts of nested ones by names such as det.mag."""
    path = f"{work}/described"
    shutil.copytree(next(d for d, folders, _ in os.walk(data + "/hats-0.11/nested_lsdb") if "dataset" in folders), path)
    nested = next(f for f in pq.read_schema(path + "/dataset/_common_metadata") if pa.types.is_struct(f.type))
    part = f"{nested.name}.{nested.type.field(nested.type.num_fields - 1).name}"
    write_voparquet_in_common_metadata(path, field_units={"ra": "deg", "dec": "deg", part: "mag"}, field_utypes={"ra": "x:y"},
                                       field_ucds={"ra": "pos.eq.ra;meta.main"}, field_descriptions={"dec": "north <of> it"})
    run("cat-verify", path)
    got = run.table("cat-scan", path).schema
    words = {n: {k.decode(): v.decode() for k, v in (got.field(n).metadata or {}).items()} for n in ("ra", "dec")}
    if words != {"ra": {"unit": "deg", "ucd": "pos.eq.ra;meta.main", "utype": "x:y"},
                 "dec": {"unit": "deg", "description": "north <of> it"}}:
        return str(words)
    inner = got.field(nested.name).type.field(part.split(".")[1])
    return "" if (inner.metadata or {}).get(b"unit") == b"mag" else f"{part}: {inner.metadata}"


def parts_of_others():
    """What cat-get makes of a region of others' catalogues is a catalogue to LSDB and pyarrow."""
    for name, inner in (("small_sky_source", ""), ("small_sky_nested", ""), ("small_sky_npix_as_dir", ""), ("small_sky_npix_alt_suffix", ""),
                        ("small_sky_o1_collection", "small_sky_order1"), ("small_sky_o1_collection", "small_sky_order1_margin")):
        path, part = f"{data}/hats/{name}", f"{work}/part_{name}"
        if not os.path.isdir(part):
            run("cat-get", "-q", "--cone", "310,-50,8", path, part)
        check(f"{name} {inner}: a part is a catalogue of its own", lambda: part_of(path, part, inner))


def part_of(path, part, inner):
    meta = pq.read_metadata(f"{part}/{inner}/dataset/_metadata")
    files = [os.path.join(d, f) for d, _, names in os.walk(f"{part}/{inner}/dataset") for f in names]
    footers = [pq.read_metadata(f) for f in files if "/Npix=" in f]
    if any(not meta.schema.equals(f.schema) for f in footers):
        return "another schema in _metadata than in a leaf"
    props = dict(line.split("=", 1) for line in open(f"{part}/{inner}/hats.properties").read().splitlines() if "=" in line)
    rows = [meta.num_rows, sum(f.num_rows for f in footers), int(props["hats_nrows"])]
    if len(set(rows)) != 1:
        return f"rows of _metadata, leaves and properties: {rows}"
    if not is_valid_catalog(f"{part}/{inner}", strict=True, verbose=False):
        return "not strictly valid"
    if inner.endswith("margin"):
        return ""
    got, whole = lsdb.open_catalog(part), lsdb.open_catalog(path)
    if len(got.compute()) != rows[0]:
        return "LSDB finds other rows"
    cones = [c.cone_search(310, -50, 8 * 3600).compute().sort_index() for c in (got, whole)]
    return "" if len(cones[0]) > 0 and cones[0].index.equals(cones[1].index) else "LSDB finds other rows in the cone"


if __name__ == "__main__":
    ours_by_others()
    check("crossmatch: LSDB's answer and ours", crossmatch)
    if os.path.isdir(data + "/hats"):
        others_by_us()
        todays_by_us()
        check("what HATS says of columns", described_by_hats)
        parts_of_others()
    else:
        skip("catalogues of others", "no data")
