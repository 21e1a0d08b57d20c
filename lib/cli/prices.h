/* prices -- Amazon's list prices, by which plans say what they cost.
 *
 * Layer: cli. Of us-east-1, in US dollars. Source: https://aws.amazon.com/s3/pricing/, requests and data transfer.
 */
#ifndef CAT_CLI_PRICES_H
#define CAT_CLI_PRICES_H

#define CAT_PRICES_OF "January 2025"
#define CAT_PRICE_THOUSAND_READS 0.0004 /* of class STANDARD */
#define CAT_PRICE_GB_OUT 0.09 /* 10^9 bytes to the internet, of the first 10 TB a month */

#endif
