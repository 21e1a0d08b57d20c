/* crc -- cyclic redundancy checks that object stores keep: CRC-32 (ISO-HDLC), CRC-32C (Castagnoli), CRC-64/NVME.
 *
 * Layer: base. Source: RFC 1952 (CRC-32), RFC 3720 appendix B.4 (CRC-32C), NVM Express base specification 2.0,
 * 5.2.1.3.4 (CRC-64/NVME).
 * Thread rule: any thread.
 */
#ifndef CAT_BASE_CRC_H
#define CAT_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

enum cat_crc { CAT_CRC_NONE, CAT_CRC_32, CAT_CRC_32C, CAT_CRC_64NVME };
/* The check of N bytes more behind those whose check is CRC, which is 0 at the beginning. KIND is one. */
uint64_t cat_crc_add(enum cat_crc kind, uint64_t crc, const void *data, size_t n);
/* CRC as it is sent, the highest byte first; gives how many bytes that are. */
size_t cat_crc_bytes(enum cat_crc kind, uint64_t crc, uint8_t out[8]);

#endif
