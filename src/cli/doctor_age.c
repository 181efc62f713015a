/* doctor_age.c - how long something has been. */
#include "cli/doctor.h"

struct doctor_age doctor_age(double seconds)
{
    struct doctor_age out;
    if (seconds < 120)
        snprintf(out.text, sizeof(out.text), "%.0f s", seconds);
    else if (seconds < 7200)
        snprintf(out.text, sizeof(out.text), "%.0f min", seconds / 60);
    else
        snprintf(out.text, sizeof(out.text), "%.1f h", seconds / 3600);
    return out;
}
