#!/bin/sh
# Las dos capas, en el volumen: la que se estrena, en un directorio nuevo cada vez.
exec unshare -U -r -m sh -ec '
    monta() {
        mkdir -p "$1" "$2/arriba" "$2/trabajo"
        mount -t overlay capa -o lowerdir=/imagen,workdir="$2/trabajo",upperdir="$2/arriba" "$1"
    }
    monta /obra/{{larga}} /obra/.larga
    monta /obra/{{corta}} "$(mktemp -d /obra/.vida-XXXXXX)"
    mkdir -p /obra/{{fija}} /obra/.nada
    mount -t overlay -o ro,lowerdir=/obra/.nada:/parche:/imagen fija /obra/{{fija}}
    exec "$@"
' capas "$@"
