#include "net/engine.h"

int cat_net_engine(const struct cat_net_engine **out, struct cat_error *err)
{
	const void *table;

	CAT_TRY(cat_backend_open("net", &table, err));
	*out = table;
	return CAT_OK;
}
