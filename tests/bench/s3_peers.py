"""One job of one peer against the server at AWS_ENDPOINT_URL, for tests/bench/s3.

Usage: s3_peers.py put FILE BUCKET KEY | get BUCKET KEY FILE | arrow BUCKET/KEY COLUMN | duck ENDPOINT QUERY
"""
import os
import sys
from urllib.parse import urlsplit


def put(path, bucket, key):
    import boto3
    boto3.client("s3").upload_file(path, bucket, key)


def get(bucket, key, path):
    import boto3
    boto3.client("s3").download_file(bucket, key, path)


def arrow(name, column):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyarrow.fs import S3FileSystem
    url = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    fs = S3FileSystem(endpoint_override=url.netloc, scheme=url.scheme)
    print(pc.sum(pq.read_table(name, columns=[column], filesystem=fs)[column]))


def duck(endpoint, query):
    import glob
    import duckdb
    import duckdb_extension_httpfs
    url = urlsplit(endpoint)
    duckdb.execute("load '%s'; set enable_progress_bar=false" % glob.glob(
        os.path.dirname(duckdb_extension_httpfs.__file__) + "/extensions/*/httpfs.duckdb_extension")[0])
    duckdb.execute("create secret (type s3, key_id ?, secret ?, region 'us-east-1', endpoint ?, url_style 'path', "
                   "use_ssl ?)".replace("?", "{}").format(
                       *(f"'{v}'" for v in (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"],
                                            url.netloc, str(url.scheme == "https").lower()))))
    print(duckdb.execute(query.replace('"', "'")).fetchall())


globals()[sys.argv[1]](*sys.argv[2:])
