/* main.c - the program `weir`: finds the verb and hands over. One file per verb in this folder. */
#include <stdio.h>

int main(void)
{
    puts("weir " WEIR_VERSION);
    return 0;
}
