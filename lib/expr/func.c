#include <string.h>

#include "expr/func.h"
#include "expr/node.h"

static const struct cat_func table[] = {
	/* mathematics: ADQL 2.1 section 2.3 */
	{"ABS", "s", 's', CAT_F_ABS, cat_kernel_same1},
	{"CEILING", "s", 's', CAT_F_CEIL, cat_kernel_same1},
	{"CEIL", "s", 's', CAT_F_CEIL, cat_kernel_same1},
	{"FLOOR", "s", 's', CAT_F_FLOOR, cat_kernel_same1},
	{"SIGN", "s", 's', CAT_F_SIGN, cat_kernel_same1},
	{"ROUND", "s?i", 's', CAT_F_ROUND, cat_kernel_round},
	{"TRUNCATE", "s?i", 's', CAT_F_TRUNC, cat_kernel_round},
	{"TRUNC", "s?i", 's', CAT_F_TRUNC, cat_kernel_round},
	{"MOD", "ss", 'm', CAT_OP_REM, cat_kernel_arith},
	{"SQRT", "n", 'd', CAT_F_SQRT, cat_kernel_math1},
	{"CBRT", "n", 'd', CAT_F_CBRT, cat_kernel_math1},
	{"EXP", "n", 'd', CAT_F_EXP, cat_kernel_math1},
	{"LOG", "n", 'd', CAT_F_LOG, cat_kernel_math1},
	{"LN", "n", 'd', CAT_F_LOG, cat_kernel_math1},
	{"LOG10", "n", 'd', CAT_F_LOG10, cat_kernel_math1},
	{"LOG2", "n", 'd', CAT_F_LOG2, cat_kernel_math1},
	{"SIN", "n", 'd', CAT_F_SIN, cat_kernel_math1},
	{"COS", "n", 'd', CAT_F_COS, cat_kernel_math1},
	{"TAN", "n", 'd', CAT_F_TAN, cat_kernel_math1},
	{"COT", "n", 'd', CAT_F_COT, cat_kernel_math1},
	{"ASIN", "n", 'd', CAT_F_ASIN, cat_kernel_math1},
	{"ACOS", "n", 'd', CAT_F_ACOS, cat_kernel_math1},
	{"ATAN", "n", 'd', CAT_F_ATAN, cat_kernel_math1},
	{"SINH", "n", 'd', CAT_F_SINH, cat_kernel_math1},
	{"COSH", "n", 'd', CAT_F_COSH, cat_kernel_math1},
	{"TANH", "n", 'd', CAT_F_TANH, cat_kernel_math1},
	{"DEGREES", "n", 'd', CAT_F_DEGREES, cat_kernel_math1},
	{"RADIANS", "n", 'd', CAT_F_RADIANS, cat_kernel_math1},
	{"ATAN2", "nn", 'd', CAT_F_ATAN2, cat_kernel_math2},
	{"POWER", "nn", 'd', CAT_F_POWER, cat_kernel_math2},
	{"POW", "nn", 'd', CAT_F_POWER, cat_kernel_math2},
	{"HYPOT", "nn", 'd', CAT_F_HYPOT, cat_kernel_math2},
	{"PI", "", 'd', 0, cat_kernel_pi},
	{"ISNAN", "s", 'b', 0, cat_kernel_isnan},
	/* choices: bind.c knows them by their code */
	{"LEAST", "aa*", 'c', CAT_OP_LT, cat_kernel_extreme},
	{"GREATEST", "aa*", 'c', CAT_OP_GT, cat_kernel_extreme},
	{"NULLIF", "aa", 'c', 0, cat_kernel_nullif},
	{"COALESCE", "a*", 'c', CAT_F_COALESCE, NULL},
	{"IFNULL", "aa", 'c', CAT_F_COALESCE, NULL},
	{"IF", "aaa", 'c', CAT_F_IF, NULL},
	/* text */
	{"UPPER", "t", 't', CAT_F_UPPER, cat_kernel_case_text},
	{"LOWER", "t", 't', CAT_F_LOWER, cat_kernel_case_text},
	{"LENGTH", "t", 'i', 0, cat_kernel_length},
	{"CHAR_LENGTH", "t", 'i', 0, cat_kernel_length},
	{"SUBSTRING", "ti?i", 't', 0, cat_kernel_substring},
	{"SUBSTR", "ti?i", 't', 0, cat_kernel_substring},
	{"TRIM", "t", 't', CAT_F_TRIM, cat_kernel_trim},
	{"LTRIM", "t", 't', CAT_F_LTRIM, cat_kernel_trim},
	{"RTRIM", "t", 't', CAT_F_RTRIM, cat_kernel_trim},
	{"REPLACE", "ttt", 't', 0, cat_kernel_replace},
	{"STARTS_WITH", "tt", 'b', CAT_F_STARTS, cat_kernel_starts},
	{"ENDS_WITH", "tt", 'b', CAT_F_ENDS, cat_kernel_starts},
	{"CONCAT", "T*", 't', CAT_F_CONCAT, cat_kernel_concat},
	/* positions: ADQL 2.1 section 4.2; degrees */
	{"POINT", "", 'p', CAT_F_POINT, NULL},
	{"CIRCLE", "", 'p', CAT_F_CIRCLE, NULL},
	{"BOX", "", 'p', CAT_F_BOX, NULL},
	{"POLYGON", "", 'p', CAT_F_POLYGON, NULL},
	{"CONTAINS", "", 'p', CAT_F_CONTAINS, NULL},
	{"INTERSECTS", "", 'p', CAT_F_INTERSECTS, NULL},
	{"DISTANCE", "", 'p', CAT_F_DISTANCE, NULL},
	{"RAND", "", 'p', CAT_F_RAND, NULL},
	/* lists */
	{"LIST_MIN", "l", 'e', CAT_F_MIN, cat_kernel_list},
	{"LIST_MAX", "l", 'e', CAT_F_MAX, cat_kernel_list},
	{"LIST_SUM", "l", 'q', CAT_F_SUM, cat_kernel_list},
	{"LIST_MEAN", "l", 'd', CAT_F_MEAN, cat_kernel_list},
	{"LIST_AVG", "l", 'd', CAT_F_MEAN, cat_kernel_list},
	{"LIST_MEDIAN", "l", 'd', CAT_F_MEDIAN, cat_kernel_list},
	{"LIST_COUNT", "l", 'i', CAT_F_COUNT, cat_kernel_list},
	{"LIST_COUNT_IF", "B", 'i', CAT_F_COUNT_IF, cat_kernel_list},
	{"LIST_LENGTH", "l", 'i', CAT_F_LENGTH, cat_kernel_list},
	{"ARRAY_LENGTH", "l", 'i', CAT_F_LENGTH, cat_kernel_list},
};

const struct cat_func *cat_func_row(size_t i)
{
	return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const struct cat_func *cat_func_find(const char *name)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (cat_equal_nocase(name, table[i].name))
			return &table[i];
		/* MIN(x) over a list is LIST_MIN(x). */
		if (strncmp(table[i].name, "LIST_", 5) == 0 && table[i].code != CAT_F_LENGTH &&
		    cat_equal_nocase(name, table[i].name + 5))
			return &table[i];
	}
	return NULL;
}
