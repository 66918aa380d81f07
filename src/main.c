#include <stdio.h>

int main(void)
{
    puts("dialtone " DIALTONE_VERSION);
    return 0;
}
