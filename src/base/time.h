/* time.h - the one time type.
 *
 * Time inside is an unsigned 64-bit count of nanoseconds on the monotonic clock. Nothing in the
 * pure folders reads a clock: time is an argument. Seconds and milliseconds exist only at the text
 * border. base_time_add() saturates at BASE_NEVER, so a deadline cannot wrap.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

typedef uint64_t base_time;

#define BASE_US     ((base_time)1000)
#define BASE_MS     ((base_time)1000 * 1000)
#define BASE_SECOND ((base_time)1000 * 1000 * 1000)
#define BASE_NEVER  UINT64_MAX

/* now + span, or BASE_NEVER when that is not representable or the span is BASE_NEVER. */
static inline base_time base_time_add(base_time now, base_time span)
{
    return span > BASE_NEVER - now ? BASE_NEVER : now + span;
}

/* later - earlier, or 0 when the order is the other way round. */
static inline base_time base_time_since(base_time later, base_time earlier)
{
    return later > earlier ? later - earlier : 0;
}

#endif
