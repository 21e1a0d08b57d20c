#include "draw/axes.h"

#include <math.h>
#include <stdio.h>

/* The smallest of 1, 2, 5 times a power of ten that is not below RAW. */
static double round_step(double raw)
{
	const double power = pow(10, floor(log10(raw)));
	const double m = raw / power;

	return power * (m <= 1.0000001 ? 1 : m <= 2.0000001 ? 2 : m <= 5.0000001 ? 5 : 10);
}

int cat_axis_ticks(double min, double max, int max_ticks, double *first, double *step)
{
	*step = round_step((max - min) / max_ticks);
	*first = ceil(min / *step - 1e-9) * *step;
	return (int)floor((max - *first) / *step + 1e-9) + 1;
}

void cat_axis_number(double v, double step, char *out, size_t size)
{
	int digits = 0;

	/* As many as the step itself needs: 0.025 has three. */
	for (double scaled = step; digits < 7 && fabs(scaled - round(scaled)) > 1e-6 * scaled; scaled *= 10)
		digits++;

	if (fabs(v) < step * 1e-6)
		v = 0;
	if (fabs(v) >= 1e7 || digits > 6)
		snprintf(out, size, "%.3g", v);
	else
		snprintf(out, size, "%.*f", digits, v);
}
