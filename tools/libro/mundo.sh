# shellcheck shell=sh
# Un mundo aparte en esta máquina: red, procesos, montajes y cgroups propios.
#
#   sh -c "$(cat mundo.sh)" sh MICROPOD DIRECTORIO ORDEN...
set -eu
MICROPOD=$1
export MICROPOD
shift 2
punto=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
grupo=
if [ -n "$punto" ]; then
    grupo=$punto/micropod-libro-$$
    for controlador in +cpu +memory +pids; do
        # en una máquina híbrida no están, y no pasa nada
        echo "$controlador" >"$punto/cgroup.subtree_control" || true
    done 2>/dev/null
    mkdir -p "$grupo/_mundo"
fi
limpia() {
    [ -n "$grupo" ] || return 0
    echo 1 >"$grupo/cgroup.kill" || true
    find "$grupo" -depth -type d -exec rmdir {} \; 2>/dev/null || true
}
trap limpia EXIT
trap 'exit 130' INT TERM HUP
# quien crea el espacio de cgroups está dentro del que será su raíz
# shellcheck disable=SC2016  # lo expanden las shells de dentro
sh -c '
    [ -z "$1" ] || echo $$ >"$1/cgroup.procs"
    punto=$2; shift 2
    exec unshare --net --mount --pid --cgroup --fork --kill-child --mount-proc sh -c "
        set -e
        for dir in /run/micropod /var/lib/micropod /var/log/micropod; do
            mkdir -p \$dir
            mount -t tmpfs -o mode=700 micropod \$dir
        done
        if [ -n \"\$1\" ]; then
            umount \"\$1\"
            mount -t cgroup2 cgroup2 \"\$1\"
            echo \$\$ >\"\$1/_mundo/cgroup.procs\"
        fi
        ip link set lo up
        shift
        # sin exec: el PID 1 de este mundo es la shell, que recoge a los huérfanos
        \"\$@\"
        exit \$?
    " sh "$punto" "$@"
' sh "$grupo" "$punto" "$@"
