#!/bin/sh
# bare_debian.sh — runs ./dev in a Debian that has nothing but git, to see that the two commands of the README hold.
# Needs root and debootstrap; takes the mirror from this machine's apt. Leaves DIR behind for a look.
set -eu
usage() {
    cat <<'END'
usage: tools/bare_debian.sh [--suite bookworm] [--dir /tmp/m2w-bare] [--again] VERB [ARGUMENTS]
Makes a minimal Debian in DIR, clones HEAD of this repository into it and runs './dev VERB ARGUMENTS' there as root.
  --again    go on with the DIR of an earlier run, updating the clone
../shared is visible in it (read-only) where this checkout has one. The last line on stderr is the time that ./dev took.
END
}

suite=bookworm
dir=/tmp/m2w-bare
again=0
while [ $# -gt 0 ]; do
    case $1 in
        --suite) suite=$2 && shift ;;
        --dir) dir=$2 && shift ;;
        --again) again=1 ;;
        -h | --help) usage && exit 0 ;;
        *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || { usage >&2 && exit 1; }
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
say() { printf 'bare_debian: %s\n' "$*" >&2; }

mirror() {
    # shellcheck disable=SC2016 # apt's own placeholders
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' | head -n 1
}

make_base() {
    # Only what this script made is ever deleted.
    if [ -e "$dir" ]; then
        [ -e "$dir/.bare_debian" ] || { say "$dir is not one of mine" && exit 1; }
        rm -rf --one-file-system "$dir"
    fi
    mkdir -p "$dir"
    : >"$dir/.bare_debian"
    say "debootstrap $suite into $dir"
    debootstrap --variant=minbase --include=git "$suite" "$dir" "$(mirror)" >&2
    # How this machine reaches the mirror: proxies and the like, not its other habits.
    for conf in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
        [ -f "$conf" ] || continue
        ! grep -q '^ *Acquire::' "$conf" || cp "$conf" "$dir/etc/apt/apt.conf.d/"
    done
    for conf in /etc/npmrc /usr/local/share/ca-certificates/*.crt; do
        [ ! -e "$conf" ] || { mkdir -p "$dir${conf%/*}" && cp -L "$conf" "$dir$conf"; }
    done
    [ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf "$dir/etc/resolv.conf"
}

clone() {
    mkdir -p "$dir/src/shared"
    if [ -d "$dir/src/m2w" ]; then
        git -C "$dir/src/m2w" fetch -q "$top" HEAD
        git -C "$dir/src/m2w" reset -q --hard FETCH_HEAD
    else
        git clone -q --no-hardlinks "$top" "$dir/src/m2w"
        git -C "$dir/src/m2w" checkout -q --detach "$(git -C "$top" rev-parse HEAD)"
    fi
}

if [ "$again" = 0 ] || [ ! -e "$dir/.bare_debian" ]; then make_base; fi
clone
started=$(date +%s)
status=0
# A mount namespace of its own: whatever happens, nothing stays mounted.
# shellcheck disable=SC2016 # expanded inside
unshare --mount sh -c '
    set -e
    dir=$1
    shared=$2
    shift 2
    mount --make-rprivate /
    # Onto itself: inside of the chroot "/" is then a mount point, and tests may mount a small disk.
    mount --bind "$dir" "$dir"
    mount -t proc proc "$dir/proc"
    mount --rbind /dev "$dir/dev"
    [ ! -d "$shared" ] || mount -o bind,ro "$shared" "$dir/src/shared"
    exec chroot "$dir" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 ${CI:+CI=$CI} \
        sh -c "cd /src/m2w && exec ./dev \"\$@\"" dev "$@"
' sh "$dir" "$top/../shared" "$@" || status=$?
# On a busy machine the processor time (user, system) says more than the clock.
say "./dev $* took $(($(date +%s) - started)) s ($(times | tail -n 1)), exit status $status"
exit "$status"
