# `curl -s http://ADDRESS:PORT/PATH` in bash, for machines without curl; and an empty screen.
curl() {
    local rest=${2#http://} line
    local host=${rest%%/*}
    exec 3<>"/dev/tcp/${host%:*}/${host##*:}"
    printf 'GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "${rest#*/}" "$host" >&3
    while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do :; done
    cat <&3
    exec 3>&-
}
printf '\e[2J\e[H'
