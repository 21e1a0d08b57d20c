#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/engine.h"

/* Symbols of this object stay inside, but for the table: memory is the C library's and no error is filled here. */

/* --- transfers --- */

#define MAX_HEAD ((size_t)512 << 10)
#define LANES 2 /* threads: one alone decrypts, digests and writes no faster than a processor does */

struct transfer {
	struct cat_exchange *x;
	CURL *easy;
	struct curl_slist *headers;
	struct lane *lane;
	struct transfer *next; /* in the inbox */
	bool cancelled, added;
	size_t head; /* bytes of the reply's head */
	curl_off_t moved;    /* bytes both ways, and since when they are so many */
	struct timespec since;
	bool stalled;
	char message[CURL_ERROR_SIZE];
};
/* A thread and its transfers. */
struct lane {
	pthread_mutex_t lock;
	CURLM *multi;
	struct transfer *inbox, *last; /* begun and not yet seen by the thread */
	struct transfer **cancelled;
	size_t ncancelled, cap;
	atomic_int load; /* transfers begun and not finished */
};
static struct lane lanes[LANES];
static CURLSH *share;

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n;

	/* A head without an end would keep the stall timer quiet and fill libcurl's own list. */
	t->head += len;
	if (t->head > MAX_HEAD)
		return 0;
	while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r'))
		len--;
	if (t->x->on_header)
		t->x->on_header(t->x->arg, data, len);
	return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	return t->x->on_body(t->x->arg, data, size * n) ? size * n : CURL_WRITEFUNC_ERROR;
}

/* Called at least once a second. libcurl's own low-speed limit looks at averages, which notice seconds later. */
static int on_progress(void *arg, curl_off_t total_in, curl_off_t in, curl_off_t total_out, curl_off_t out)
{
	struct transfer *t = arg;
	const curl_off_t moved = in + out + (curl_off_t)t->head;
	struct timespec now;

	(void)total_in;
	(void)total_out;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (moved != t->moved || t->since.tv_sec == 0) {
		t->moved = moved;
		t->since = now;
	} else if ((now.tv_sec - t->since.tv_sec) * 1000 + (now.tv_nsec - t->since.tv_nsec) / 1000000 >= t->x->stall_timeout_ms) {
		t->stalled = true;
	}
	return t->stalled;
}

static enum cat_trouble trouble_of(CURLcode code, const char *message)
{
	const int c = (int)code;

	switch (c) {
	case CURLE_SSL_CONNECT_ERROR:
		/* A connection that ends in the middle of it is like any other that cannot be made. */
		return strstr(message, "SSL_ERROR_SYSCALL") || strstr(message, "reset by peer") ? CAT_TROUBLE_CONNECT
		                                                                                : CAT_TROUBLE_TLS;
	case CURLE_OK:
		return CAT_TROUBLE_NONE;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return CAT_TROUBLE_RESOLVE;
	case CURLE_COULDNT_CONNECT:
		return CAT_TROUBLE_CONNECT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return CAT_TROUBLE_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return CAT_TROUBLE_STALL;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return CAT_TROUBLE_CUT;
	case CURLE_WRITE_ERROR:
	case CURLE_ABORTED_BY_CALLBACK:
		return CAT_TROUBLE_STOPPED;
	default:
		return CAT_TROUBLE_OTHER;
	}
}

static void transfer_free(struct transfer *t)
{
	if (!t)
		return;
	if (t->easy)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	free(t);
}

/* Takes the transfer out and tells its owner; T is gone afterwards. */
static void finish(struct transfer *t, enum cat_trouble trouble, const char *message)
{
	struct cat_exchange *const x = t->x;
	struct lane *const l = t->lane;
	long status = 0;
	char text[CURL_ERROR_SIZE];

	strncpy(text, message, sizeof text - 1);
	text[sizeof text - 1] = '\0';
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (t->added)
		curl_multi_remove_handle(l->multi, t->easy);
	/* A cancel that comes now finds no transfer. */
	pthread_mutex_lock(&l->lock);
	x->handle = NULL;
	for (size_t i = 0; i < l->ncancelled; i++)
		if (l->cancelled[i] == t)
			l->cancelled[i] = NULL;
	pthread_mutex_unlock(&l->lock);
	transfer_free(t);
	atomic_fetch_sub(&l->load, 1);
	x->on_done(x->arg, trouble, (int)status, text);
}

/* New transfers into the multi handle, cancelled ones out of it: never one that has not come in yet. */
static void take_orders(struct lane *l)
{
	for (;;) {
		struct transfer *t = NULL;
		bool is_new = false;

		pthread_mutex_lock(&l->lock);
		if (l->inbox) {
			t = l->inbox;
			l->inbox = t->next;
			l->last = l->inbox ? l->last : NULL;
			is_new = true;
		}
		while (!t && l->ncancelled > 0)
			t = l->cancelled[--l->ncancelled];
		pthread_mutex_unlock(&l->lock);
		if (!t)
			return;
		if (!is_new) {
			finish(t, CAT_TROUBLE_STOPPED, "cancelled");
			continue;
		}
		t->added = curl_multi_add_handle(l->multi, t->easy) == CURLM_OK;
		if (!t->added)
			finish(t, CAT_TROUBLE_OTHER, "out of memory");
	}
}

static void *drive(void *arg)
{
	struct lane *const l = arg;

	for (;;) {
		const CURLMsg *m;
		int running, left;

		take_orders(l);
		curl_multi_perform(l->multi, &running);
		while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
			struct transfer *t = NULL;
			const CURLcode code = m->data.result;

			if (m->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
			if (t->stalled)
				finish(t, CAT_TROUBLE_STALL, "no byte came or went for too long");
			else
				finish(t, trouble_of(code, t->message), t->message[0] ? t->message : curl_easy_strerror(code));
		}
		curl_multi_poll(l->multi, NULL, 0, 60000, NULL);
	}
	return NULL;
}

static pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];

static void share_lock(CURL *easy, curl_lock_data data, curl_lock_access access, void *arg)
{
	(void)easy;
	(void)access;
	(void)arg;
	pthread_mutex_lock(&share_locks[data]);
}

static void share_unlock(CURL *easy, curl_lock_data data, void *arg)
{
	(void)easy;
	(void)arg;
	pthread_mutex_unlock(&share_locks[data]);
}

static const char *start_lane(struct lane *l, int connections, const pthread_attr_t *attr)
{
	pthread_t thread;

	pthread_mutex_init(&l->lock, NULL);
	l->multi = curl_multi_init();
	if (!l->multi)
		return "out of memory";
	curl_multi_setopt(l->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, 2L * connections);
	curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return pthread_create(&thread, attr, drive, l) == 0 ? NULL : "the thread for transfers cannot be started";
}

static const char *start(int connections)
{
	pthread_attr_t attr;
	sigset_t all, before;
	const char *why = NULL;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return "libcurl cannot be set up";
	share = curl_share_init();
	if (!share)
		return "out of memory";
	for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
		pthread_mutex_init(&share_locks[i], NULL);
	curl_share_setopt(share, CURLSHOPT_LOCKFUNC, share_lock);
	curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, share_unlock);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < LANES && !why; i++)
		why = start_lane(&lanes[i], connections, &attr);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return why;
}

static bool set_headers(struct transfer *t)
{
	/* Nobody wants to be asked before a body is sent: it costs a round trip. Bodies are no forms unless we say so. */
	static const char *const always[] = {"Expect:", "Accept:", "Content-Type:", NULL};
	const char *const *lists[] = {always, t->x->headers};

	for (int k = 0; k < 2; k++)
		for (const char *const *h = lists[k]; h && *h; h++) {
			struct curl_slist *longer = curl_slist_append(t->headers, *h);

			if (!longer)
				return false;
			t->headers = longer;
		}
	return true;
}

static void set_method(CURL *c, const struct cat_exchange *x)
{
	if (strcmp(x->method, "HEAD") == 0) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (x->body || strcmp(x->method, "PUT") == 0 || strcmp(x->method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, x->body ? x->body : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body_len);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, x->method);
	} else if (strcmp(x->method, "GET") != 0) {
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, x->method);
	}
}

static void set_options(struct transfer *t)
{
	const struct cat_exchange *x = t->x;
	CURL *c = t->easy;

	curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->message);
	curl_easy_setopt(c, CURLOPT_URL, x->url);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "catpipe/" CAT_VERSION);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_SHARE, share);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 128L << 10);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)x->connect_timeout_ms);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)x->answer_timeout_ms);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)(x->stall_timeout_ms + 999) / 1000);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
	if (x->ca_file) {
		curl_easy_setopt(c, CURLOPT_CAINFO, x->ca_file);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL); /* nobody else is trusted then */
	}
	if (x->netrc)
		curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
	if (x->no_proxy)
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	set_method(c, x);
}

/* The first one, whose connections stay in use, unless it has more to do than another. */
static struct lane *lane_for_one_more(void)
{
	struct lane *best = &lanes[0];

	for (int i = 1; i < LANES; i++)
		if (atomic_load(&lanes[i].load) + 1 < atomic_load(&best->load))
			best = &lanes[i];
	atomic_fetch_add(&best->load, 1);
	return best;
}

static bool begin(struct cat_exchange *x)
{
	struct transfer *t = calloc(1, sizeof *t);
	struct lane *l;

	if (t) {
		t->x = x;
		t->easy = curl_easy_init();
	}
	if (!t || !t->easy || !set_headers(t)) {
		transfer_free(t);
		return false;
	}
	set_options(t);
	t->lane = l = lane_for_one_more();
	pthread_mutex_lock(&l->lock);
	x->handle = t;
	x->lane = (int)(l - lanes);
	if (l->last)
		l->last->next = t;
	else
		l->inbox = t;
	l->last = t;
	pthread_mutex_unlock(&l->lock);
	curl_multi_wakeup(l->multi);
	return true;
}

static void cancel(struct cat_exchange *x)
{
	struct lane *const l = &lanes[x->lane];
	struct transfer *t;

	pthread_mutex_lock(&l->lock);
	t = x->handle;
	if (t && !t->cancelled && l->ncancelled == l->cap) {
		const size_t cap = l->cap ? 2 * l->cap : 64;
		struct transfer **more = realloc(l->cancelled, cap * sizeof(struct transfer *));

		if (more) {
			l->cancelled = more;
			l->cap = cap;
		}
	}
	/* Without memory for it the exchange runs on to its own end. */
	if (t && !t->cancelled && l->ncancelled < l->cap) {
		t->cancelled = true;
		l->cancelled[l->ncancelled++] = t;
	}
	pthread_mutex_unlock(&l->lock);
	curl_multi_wakeup(l->multi);
}

/* --- digests --- */

static void sha256(const void *data, size_t n, uint8_t out[32])
{
	EVP_Digest(data, n, out, NULL, EVP_sha256(), NULL);
}

static void md5(const void *data, size_t n, uint8_t out[16])
{
	EVP_Digest(data, n, out, NULL, EVP_md5(), NULL);
}

static void hmac_sha256(const void *key, size_t nkey, const void *data, size_t n, uint8_t out[32])
{
	HMAC(EVP_sha256(), key, (int)nkey, data, n, out, NULL);
}

static void *digest_begin(bool is_sha256)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && EVP_DigestInit_ex(c, is_sha256 ? EVP_sha256() : EVP_md5(), NULL) != 1) {
		EVP_MD_CTX_free(c);
		return NULL;
	}
	return c;
}

static void digest_add(void *digest, const void *data, size_t n)
{
	EVP_DigestUpdate(digest, data, n);
}

static void digest_end(void *digest, uint8_t out[32])
{
	EVP_DigestFinal_ex(digest, out, NULL);
	EVP_MD_CTX_free(digest);
}

extern const struct cat_net_engine cat_backend_table;
CAT_BACKEND_EXPORT const struct cat_net_engine cat_backend_table = {
	.backend = {CAT_VERSION},
	.start = start,
	.begin = begin,
	.cancel = cancel,
	.sha256 = sha256,
	.hmac_sha256 = hmac_sha256,
	.md5 = md5,
	.digest_begin = digest_begin,
	.digest_add = digest_add,
	.digest_end = digest_end,
};
