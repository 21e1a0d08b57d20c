"""One job of one peer on one thread, for tests/bench/run.

Usage: peers.py JOB [ARGUMENT...]; JOB "start-PEER" only starts the peer.
"""
import sys


def duck(query):
    import duckdb
    duckdb.execute("set threads=1; set enable_progress_bar=false")
    print(duckdb.execute(open(query).read()).fetchall())


def polars_filter(path, out):
    import polars as pl
    pl.scan_parquet(path).filter((pl.col("r") < 18) & (pl.col("dec") > -30)) \
        .select("id", "ra", "dec", "r").sink_parquet(out, compression="zstd", compression_level=1)


def polars_csv(path, out):
    import polars as pl
    f = pl.Float32
    pl.scan_csv(path, schema={"id": pl.Int64, "ra": pl.Float64, "dec": pl.Float64, "g": f, "r": f, "i": f, "z": f,
                              "cls": pl.String}).sink_parquet(out, compression="zstd", compression_level=1)


def astropy_fits(path, out):
    from astropy.table import Table
    t = Table.read(path)
    t[(t["r"] < 18) & (t["dec"] > -30)]["id", "ra", "dec", "r"].write(out, format="fits", overwrite=True)


def lsdb_open(path, **options):
    import dask
    import lsdb
    dask.config.set(scheduler="synchronous")
    return lsdb.open_catalog(path, **options)


def lsdb_match(a, b, out):
    both = lsdb_open(a).crossmatch(lsdb_open(b), n_neighbors=1, radius_arcsec=1, suffixes=("", "_2"),
                                   require_right_margin=False)
    both.write_catalog(out, overwrite=True)


def lsdb_cone(path, ra, dec, radius):
    print(len(lsdb_open(path).cone_search(float(ra), float(dec), float(radius)).compute()))


def start_duck():
    import duckdb
    duckdb.execute("select 1").fetchall()


def start_polars():
    import polars as pl
    pl.select(pl.lit(1))


def start_astropy():
    import astropy.table  # noqa: F401


def start_lsdb():
    import lsdb  # noqa: F401


globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
