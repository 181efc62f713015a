/* core_effect.c - the ring of effects: the only way out of the core.
 *
 * Capacity: between two drains one apply or tick can tell each claim at most twice (NOTIFY and its
 * end) and touch each server at most four times (CHECK or RESET, CLOSE, and the OPEN of the slot's
 * next life after a LOST). The ring holds twice that; a host that does not drain is refused new
 * claims (core_claim.c) from the half on, so that the ring cannot overflow.
 *
 * Places restart at 0 whenever the ring is drained empty: a host that drains after each call keeps
 * using the same few cache lines and never touches the rest of the memory.
 * Test: tests/unit/core/.
 */
#include "core/core_internal.h"

struct core_effect *core_effect_push(struct core *core, enum core_effect_kind kind)
{
    INVARIANT(core->effect_count < core->effect_capacity);
    if (core->effect_count == 0)
        core->effect_first = 0;
    uint32_t place = core->effect_first + core->effect_count++;
    if (place >= core->effect_capacity)
        place -= core->effect_capacity;
    struct core_effect *effect = &core->effects[place];
    *effect = (struct core_effect){.kind = kind};
    return effect;
}

bool core_effect(struct core *core, struct core_effect *ret_effect)
{
    if (core->effect_count == 0)
        return false;
    *ret_effect = core->effects[core->effect_first];
    core->effect_count--;
    if (++core->effect_first == core->effect_capacity)
        core->effect_first = 0;
    return true;
}
