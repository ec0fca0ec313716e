/* SPDX-License-Identifier: Apache-2.0 */
/* Every file of the library includes this, by base/float_gates.py: the contract's values need each
 * operation rounded by itself, in the order in which it is written. */
#ifndef AUGSI_STRICT_MATH_H
#define AUGSI_STRICT_MATH_H

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||     \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error                                                                                             \
    "augstream cannot be built with -ffast-math, -Ofast or a part of them: it would make other values"
#endif

#endif
