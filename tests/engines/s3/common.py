"""What the servers of this folder that are written in Python share."""
import hashlib
import hmac
import os
import time
from urllib.parse import parse_qsl, quote


def announce(listener, path):
    """Says, once LISTENER answers, at what port: on standard output and, whole, in the file PATH if that is not None."""
    port = listener.getsockname()[1]
    if path:
        with open(path + ".new", "w") as f:
            f.write(f"{port}\n")
        os.rename(path + ".new", path)
    print(port, flush=True)


def signed(method, target, host, extra, body=b"", service="s3"):
    """Headers of a request: those of EXTRA and, when the environment has a key, its signature (version 4).

    TARGET has its path as it goes on the wire; for services other than S3 it must be plain.
    """
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    headers = {"Host": host, **extra}
    if not key or not secret:
        return headers
    now, digest = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), hashlib.sha256(body).hexdigest()
    scope = f"{now[:8]}/{os.environ.get('AWS_REGION', 'us-east-1')}/{service}/aws4_request"
    headers.update({"x-amz-date": now, "x-amz-content-sha256": digest})
    path, _, query = target.partition("?")
    pairs = sorted((quote(n, "-_.~"), quote(v, "-_.~")) for n, v in parse_qsl(query, keep_blank_values=True))
    low = sorted((n.lower(), v) for n, v in headers.items())
    names = ";".join(n for n, _ in low)
    canonical = "\n".join([method, path, "&".join(f"{n}={v}" for n, v in pairs),
                           "".join(f"{n}:{v}\n" for n, v in low), names, digest])
    mac = ("AWS4" + secret).encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{now}\n{scope}\n" + hashlib.sha256(canonical.encode()).hexdigest()):
        mac = hmac.new(mac, part.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={mac.hex()}"
    return headers
