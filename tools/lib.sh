# shellcheck shell=sh
# Lo que comparten los guiones de tools/ y de tests/vm/. Se carga con `.`, no se ejecuta.
# Quien lo carga ha puesto en `proyecto` el directorio del proyecto.

# Lo que se descarga o se prepara una vez vive fuera del proyecto: clonar otra vez no lo repite.
# shellcheck disable=SC2034  # la usan los guiones que cargan este
cache=${XDG_CACHE_HOME:-$HOME/.cache}/micropod

di() { printf '%s\n' "$*" >&2; }

# Título de una parte del trabajo, para encontrarla en una salida larga.
titulo() { printf '\n── %s ──\n' "$*" >&2; }

muere() {
    di "error: $*"
    exit 1
}

tengo() { command -v "$1" >/dev/null 2>&1; }

# ¿Podemos hacer algo como root, aunque haya que escribir la contraseña?
puedo_ser_root() {
    [ "$(id -u)" -eq 0 ] && return 0
    tengo sudo || return 1
    sudo -n true 2>/dev/null && return 0
    [ -t 0 ] && sudo -v -p 'sudo pide tu contraseña: '
}

# Ejecuta como root; sudo solo cuando hace falta.
como_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -- "$@"; fi
}

# root puede no tener /usr/sbin en el PATH (tras `su` sin guion), y un usuario de Debian, tampoco.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
