// sonda.c: ¿qué se puede hacer desde aquí dentro? Imprime una línea por intento; no rompe nada.
//
//     gcc -O1 -static -pthread -o sonda sonda.c
//
// Cada llamada lleva argumentos imposibles: si el kernel la deja pasar, falla por ellos (EFAULT, EBADF…)
// y no hace nada; si la niega, responde EPERM o ENOSYS. Quien puntúa es tests/host_aislamiento.rs.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MALO ((long)1) // un puntero que no apunta a nada

static const char *nombre_de(int error) {
    const char *nombre = strerrorname_np(error);
    return nombre ? nombre : "0";
}

// Lo que dice el kernel de este proceso.
static void estado(void) {
    static const char *campos[] = {"Cap", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups", "NSpid"};
    char linea[512];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(linea, sizeof linea, f)) {
        for (unsigned i = 0; i < sizeof campos / sizeof *campos; i++) {
            if (strncmp(linea, campos[i], strlen(campos[i])) != 0) continue;
            linea[strcspn(linea, "\n")] = 0;
            for (char *p = linea; *p; p++) if (*p == '\t') *p = ' ';
            printf("status %s\n", linea);
        }
    }
    if (f) fclose(f);
}

static void leer_enlace(const char *clave, const char *nombre, const char *ruta) {
    char destino[4096];
    ssize_t n = readlink(ruta, destino, sizeof destino - 1);
    destino[n < 0 ? 0 : n] = 0;
    printf("%s %s %s\n", clave, nombre, destino);
}

static void descriptores(void) {
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char ruta[64];
        int n = atoi(e->d_name);
        if (e->d_name[0] == '.' || n == dirfd(d)) continue;
        snprintf(ruta, sizeof ruta, "/proc/self/fd/%d", n);
        leer_enlace("fd", n > 2 ? "EXTRA" : "std", ruta);
    }
    if (d) closedir(d);
}

static void espacios(void) {
    static const char *nombres[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"};
    for (int i = 0; i < 8; i++) {
        char ruta[64];
        snprintf(ruta, sizeof ruta, "/proc/self/ns/%s", nombres[i]);
        leer_enlace("ns", nombres[i], ruta);
    }
}

static void senales(void) {
    sigset_t bloqueadas;
    int n = 0, ignoradas = 0;
    sigprocmask(SIG_BLOCK, 0, &bloqueadas);
    for (int i = 1; i < 32; i++) {
        struct sigaction accion;
        n += sigismember(&bloqueadas, i) == 1;
        ignoradas += !sigaction(i, 0, &accion) && accion.sa_handler == SIG_IGN;
    }
    printf("signals blocked=%d ignored=%d\n", n, ignoradas);
}

// 1. Ficheros por los que se ha salido de contenedores escribiendo.
static void escrituras(void) {
    static const char *rutas[] = {
        "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
        "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/hostname", "/proc/sys/fs/binfmt_misc/register",
        "/proc/irq/default_smp_affinity", "/proc/sys/net/ipv4/ip_forward", "/proc/acpi/wakeup",
        "/proc/bus/pci", "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/power/state", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/release_agent", "/sys/module/overlay/parameters/metacopy",
    };
    for (unsigned i = 0; i < sizeof rutas / sizeof *rutas; i++) {
        int f = open(rutas[i], O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        printf("write %s %s\n", rutas[i], f >= 0 ? "OPENED" : nombre_de(errno));
        if (f >= 0) close(f);
    }
    printf("cgmkdir %s\n", mkdir("/sys/fs/cgroup/sonda", 0755) == 0 ? "CREATED" : nombre_de(errno));
    rmdir("/sys/fs/cgroup/sonda");
}

// 2. Lo que habla de toda la máquina.
static void tapado(const char *ruta) {
    struct stat s;
    char b[16];
    if (stat(ruta, &s)) {
        printf("mask %s %s\n", ruta, nombre_de(errno));
    } else if (S_ISDIR(s.st_mode)) {
        DIR *d = opendir(ruta);
        int n = -2; // «.» y «..»
        while (d && readdir(d)) n++;
        printf("mask %s dir entries=%d %s\n", ruta, n, n > 0 ? "VISIBLE" : "empty");
        if (d) closedir(d);
    } else if (S_ISCHR(s.st_mode) && s.st_rdev == makedev(1, 3)) {
        printf("mask %s devnull\n", ruta);
    } else {
        int f = open(ruta, O_RDONLY | O_NONBLOCK);
        printf("mask %s %s\n", ruta, f < 0 ? nombre_de(errno) : read(f, b, sizeof b) > 0 ? "VISIBLE" : "empty");
        if (f >= 0) close(f);
    }
}

static void tapados(void) {
    static const char *rutas[] = {
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/proc/kallsyms",
        "/proc/kmsg", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
        "/sys/kernel/debug", "/sys/kernel/security", "/sys/fs/bpf", "/sys/kernel/tracing",
    };
    for (unsigned i = 0; i < sizeof rutas / sizeof *rutas; i++) tapado(rutas[i]);
}

// 3. /dev, y los dispositivos que se intente fabricar.
static void dispositivos(void) {
    static const struct { const char *nombre; mode_t tipo; int mayor, menor; } fabricados[] = {
        {"blk_254_0", S_IFBLK, 254, 0}, {"blk_8_0", S_IFBLK, 8, 0}, {"blk_7_0", S_IFBLK, 7, 0},
        {"mem_1_1", S_IFCHR, 1, 1}, {"port_1_4", S_IFCHR, 1, 4}, {"kmsg_1_11", S_IFCHR, 1, 11},
        {"fuse_10_229", S_IFCHR, 10, 229}, {"tun_10_200", S_IFCHR, 10, 200}, {"null_1_3", S_IFCHR, 1, 3},
    };
    DIR *d = opendir("/dev");
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char ruta[512];
        struct stat s;
        snprintf(ruta, sizeof ruta, "/dev/%s", e->d_name);
        if (e->d_name[0] == '.' || lstat(ruta, &s)) continue;
        if (!S_ISCHR(s.st_mode) && !S_ISBLK(s.st_mode)) continue;
        printf("dev %s %c %d:%d %o\n", e->d_name, S_ISBLK(s.st_mode) ? 'b' : 'c', major(s.st_rdev),
               minor(s.st_rdev), s.st_mode & 07777);
    }
    if (d) closedir(d);
    for (unsigned i = 0; i < sizeof fabricados / sizeof *fabricados; i++) {
        char ruta[64];
        snprintf(ruta, sizeof ruta, "/.%s", fabricados[i].nombre);
        unlink(ruta);
        int r = mknod(ruta, fabricados[i].tipo | 0600, makedev(fabricados[i].mayor, fabricados[i].menor));
        printf("mknod %s %s", fabricados[i].nombre, r ? nombre_de(errno) : "CREATED");
        if (r == 0) {
            int f = open(ruta, O_RDONLY | O_NONBLOCK);
            printf(" open=%s", f >= 0 ? "OPENED" : nombre_de(errno));
            if (f >= 0) close(f);
            unlink(ruta);
        }
        puts("");
    }
}

// 4. Llamadas al sistema: cada una en un hijo, por si la respuesta fuera matarlo.
static void llamada(const char *nombre, long numero, long a, long b, long c, long d, long e, long f) {
    int estado;
    fflush(stdout);
    pid_t hijo = fork();
    if (hijo == 0) {
        signal(SIGSYS, SIG_DFL);
        alarm(2);
        errno = 0;
        long r = syscall(numero, a, b, c, d, e, f);
        int error = errno;
        if (numero == SYS_clone && r == 0) _exit(0); // el que acaba de nacer
        printf("sys %s %s\n", nombre, r >= 0 ? "ALLOWED(ret>=0)" : nombre_de(error));
        fflush(stdout);
        _exit(0);
    }
    waitpid(hijo, &estado, 0);
    if (WIFSIGNALED(estado)) printf("sys %s KILLED(sig %d)\n", nombre, WTERMSIG(estado));
}
#define SYS(nombre, ...) SYS6(#nombre, SYS_##nombre, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define SYS6(nombre, numero, a, b, c, d, e, f, ...) llamada(nombre, numero, a, b, c, d, e, f)

static void llamadas(void) {
    SYS(mount, MALO, MALO, MALO, 0, MALO);
    SYS(umount2, MALO);
    SYS(pivot_root, MALO, MALO);
    SYS(setns, -1);
    SYS6("unshare0", SYS_unshare, 0, 0, 0, 0, 0, 0);
    SYS6("unshare_user", SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0, 0);
    SYS6("clone_newuser", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0, 0);
    SYS(clone3, 0);
    SYS(open_tree, -1, MALO);
    SYS(fsopen, MALO, 0xffff);
    SYS(fsmount, -1);
    SYS(move_mount, -1, MALO, -1, MALO, 0xffffffff);
    SYS(mount_setattr, -1, MALO, 0xffffffff, MALO);
    SYS(bpf, 0xffff, MALO, 8);
    SYS(perf_event_open, MALO, 0, 0, -1, -1L);
    SYS(userfaultfd, 0xff01);
    SYS(io_uring_setup, 1, MALO);
    SYS(add_key, MALO, MALO, MALO, 1);
    SYS(keyctl, -1);
    SYS(request_key, MALO, MALO, MALO);
    SYS(open_by_handle_at, -1, MALO);
    SYS(init_module, MALO, 0, MALO);
    SYS(finit_module, -1, MALO);
    SYS(delete_module, MALO);
    SYS(kexec_load, 0, 0, 0, 0xffffffff);
    SYS6("reboot_badmagic", SYS_reboot, 0, 0, 0, 0, 0, 0);
    SYS(swapon, MALO);
    SYS(swapoff, MALO);
    SYS(acct, MALO);
    SYS(syslog, -1);
    SYS(quotactl, -1, MALO);
#ifdef SYS_iopl
    SYS(iopl, 99);
    SYS(ioperm, 0, -1);
#else
    puts("sys iopl ENOSYS");
#endif
    SYS(kcmp, -1, -1);
    SYS(pidfd_getfd, -1, -1);
    SYS(clock_settime, 0, MALO);
    SYS(settimeofday, MALO);
    SYS(sethostname, MALO, -1);
    SYS(setdomainname, MALO, -1);
    SYS6("personality_bad", SYS_personality, 0x100, 0, 0, 0, 0, 0);
    SYS(move_pages, -1, -1);
    SYS(mbind, 1, 0, -1);
    SYS(fanotify_init, 0xffffffff);
    SYS(lookup_dcookie, 0, MALO);
    SYS6("ptrace", SYS_ptrace, 0xffff, -1, 0, 0, 0, 0);
    SYS6("socket_AF_ALG", SYS_socket, 38, SOCK_SEQPACKET, 0, 0, 0, 0);
    SYS6("socket_AF_VSOCK", SYS_socket, 40, SOCK_STREAM, 0, 0, 0, 0);
    SYS6("socket_AF_PACKET", SYS_socket, 17, SOCK_RAW, 0, 0, 0, 0);
    SYS6("socket_raw_icmp", SYS_socket, 2, SOCK_RAW, 1, 0, 0, 0);
    SYS6("socket_ping", SYS_socket, 2, SOCK_DGRAM, 1, 0, 0, 0);
    SYS6("socket_NETLINK_ROUTE", SYS_socket, 16, SOCK_RAW, 0, 0, 0, 0);
    SYS6("ioctl_TIOCSTI", SYS_ioctl, 0, 0x5412, (long)"x", 0, 0, 0);
}

// La puerta de atrás: la interfaz de 32 bits de un procesador de 64 (getpid es la 20).
static void de_32_bits(void) {
#ifdef __x86_64__
    int estado;
    fflush(stdout);
    pid_t hijo = fork();
    if (hijo == 0) {
        long r;
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");
        printf("sys i386_getpid %s\n", r > 0 ? "ALLOWED" : r == -EPERM ? "EPERM" : r == -ENOSYS ? "ENOSYS" : "?");
        fflush(stdout);
        _exit(0);
    }
    waitpid(hijo, &estado, 0);
    if (WIFSIGNALED(estado)) printf("sys i386_getpid KILLED(sig %d)\n", WTERMSIG(estado));
#else
    puts("sys i386_getpid ENOSYS");
#endif
}

// Lo que un programa corriente necesita: hilos, y poder ponerse su propio filtro.
static void *nada(void *que) { return que; }

static void corriente(void) {
    pthread_t hilo;
    int error = pthread_create(&hilo, 0, nada, 0), estado = 1;
    if (error == 0) pthread_join(hilo, 0);
    printf("thread %s\n", error ? nombre_de(error) : "ok");
    fflush(stdout);
    pid_t hijo = fork();
    if (hijo == 0) {
        struct sock_filter todo = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        struct sock_fprog programa = {1, &todo};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(1);
        _exit(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &programa) != 0);
    }
    waitpid(hijo, &estado, 0);
    printf("filter %s\n", estado == 0 ? "ok" : "no");
}

static void limites(void) {
    struct { const char *nombre; int cual; } todos[] = {{"core", RLIMIT_CORE}, {"nofile", RLIMIT_NOFILE},
        {"fsize", RLIMIT_FSIZE}, {"stack", RLIMIT_STACK}, {"cpu", RLIMIT_CPU}, {"as", RLIMIT_AS}};
    for (unsigned i = 0; i < sizeof todos / sizeof *todos; i++) {
        struct rlimit r;
        getrlimit(todos[i].cual, &r);
        printf("limit %s %ld %ld\n", todos[i].nombre, (long)r.rlim_cur, (long)r.rlim_max);
    }
    mode_t mascara = umask(0);
    umask(mascara);
    printf("umask %04o\n", mascara);
}

// 5. Los montajes, con las opciones que importan.
static void montajes(void) {
    static char linea[8192], raiz[4096], punto[4096], opciones[512];
    FILE *f = fopen("/proc/self/mountinfo", "r");
    while (f && fgets(linea, sizeof linea, f)) {
        char tipo[64] = "", *separador = strstr(linea, " - ");
        if (sscanf(linea, "%*d %*d %*u:%*u %4095s %4095s %511s", raiz, punto, opciones) != 3 || !separador) continue;
        sscanf(separador + 3, "%63s", tipo);
        *separador = 0;
        const char *comparte = strstr(linea, " shared:") ? "SHARED" : strstr(linea, " master:") ? "slave" : "private";
        printf("mnt %s %s %s %s root=%s\n", punto, tipo, opciones, comparte, raiz);
    }
    if (f) fclose(f);
}

int main(void) {
    char cwd[4096], nombre[80] = "";
    setvbuf(stdout, 0, _IOLBF, 0);
    estado();
    descriptores();
    espacios();
    printf("pid %d ppid %d\n", getpid(), getppid());
    gethostname(nombre, sizeof nombre - 1);
    printf("hostname %s\n", nombre);
    printf("cwd %s\n", syscall(SYS_getcwd, cwd, sizeof cwd) < 0 ? nombre_de(errno) : cwd);
    senales();
    escrituras();
    tapados();
    dispositivos();
    llamadas();
    de_32_bits();
    corriente();
    limites();
    montajes();
    puts("fin");
    return 0;
}
