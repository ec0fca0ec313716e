/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSTREAM_EXPORT_H
#define AUGSTREAM_EXPORT_H

#if defined(__GNUC__)
#define AUGS_API __attribute__((visibility("default")))
#else
#define AUGS_API
#endif

#ifdef __cplusplus
#define AUGS_BEGIN_DECLS extern "C" {
#define AUGS_END_DECLS }
#else
#define AUGS_BEGIN_DECLS
#define AUGS_END_DECLS
#endif

#endif
