/* header.cc - weir.h can be included by C++, and its functions linked. */
#include <weir/weir.h>

int main()
{
    weir_options options;
    weir_options_init(&options);
    return options.pool_size == 20 && weir_pool_close(nullptr, 0, nullptr) == WEIR_OK ? 0 : 1;
}
