/* simd -- hot loops compiled more than once, the best one for the processor chosen when the program starts.
 *
 * Layer: base. Only for loops whose result does not depend on the width: integers, comparisons, element-wise
 * arithmetic, sums in fixed lanes. Sanitizers run before the choice can be made, so their builds have one.
 */
#ifndef CAT_BASE_SIMD_H
#define CAT_BASE_SIMD_H

#include <stdint.h>

/* The choice needs the dynamic linker of the GNU C library, which <stdint.h> makes known. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                            \
	!defined(__SANITIZE_THREAD__)
#if !defined(__clang__)
#define CAT_CLONES __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef CAT_CLONES
#define CAT_CLONES
#endif

#endif
