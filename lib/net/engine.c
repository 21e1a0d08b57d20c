#include "net/engine.h"

#include <stdatomic.h>

int cat_net_engine(const struct cat_net_engine **out, struct cat_error *err)
{
	/* Looked for once: a program that runs is not disturbed by the next version's installation. */
	static _Atomic(const struct cat_net_engine *) opened;
	const void *table;

	*out = atomic_load(&opened);
	if (*out)
		return CAT_OK;
	CAT_TRY(cat_backend_open("net", &table, err));
	*out = table;
	atomic_store(&opened, *out);
	return CAT_OK;
}
