#!/bin/sh
# glslc.sh — puts the glslc and Vulkan headers of Debian 13 into .deps/, for a Debian whose own are too old. Installs
# nothing into the system, needs no root, and uses apt's own client, keys and mirror. See docs/adr/0008-glslc-of-debian-13.md.
set -eu
top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
suite=trixie
packages='glslc libvulkan-dev'

say() { printf 'dev: %s\n' "$*" >&2; }

# apt's talk is shown only when it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        return 1
    }
}

# The machine's mirrors, as its own apt knows them: from its package lists, or where it has none from its sources.
mirrors() {
    # shellcheck disable=SC2016 # apt's own placeholders
    {
        apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Origin: Debian'
        apt-get update --print-uris 2>/dev/null | sed -n "s|^'\(.*\)dists/[^ ]*/InRelease'.*|\1|p"
    } | awk '!seen[$0]++' | grep -v '^cdrom:'
}

# apt-get with a state, a cache and a source list of its own. Keys and proxies stay the system's.
private_apt() {
    tool=$1
    shift
    "$tool" -q -o "Dir::State=$work/state" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache" \
        -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false \
        -o APT::Sandbox::User= -o Debug::NoLocking=1 "$@"
}

update_from() {
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    options=
    [ ! -r $keyring ] || options="[signed-by=$keyring]"
    printf 'deb %s %s %s main\n' "$options" "$1" "$suite" >"$work/sources.list"
    quietly private_apt apt-get -o APT::Update::Error-Mode=any update
}

# The libraries of the package set, C library and loader included: binaries of Debian 13 do not start on an older glibc.
wanted() {
    private_apt apt-get install -s --no-install-recommends glslc | awk '$1 == "Inst" { print $2 }'
    printf '%s\n' libvulkan-dev
}

unpack() {
    mkdir -p "$work/root" "$new/bin" "$new/include" "$new/glslc"
    for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
    for folder in vulkan vk_video; do
        mkdir -p "$new/include/$folder"
        cp "$work/root/usr/include/$folder"/*.h "$new/include/$folder/"
    done
    lib=$(dirname "$(find "$work/root/usr/lib" -name 'libshaderc.so.1')")
    for name in libshaderc.so.1 libstdc++.so.6 libgcc_s.so.1 libm.so.6 libc.so.6; do
        cp -L "$(find "$work/root" -path "*/$(basename "$lib")/$name" | head -n 1)" "$new/glslc/$name"
    done
    cp -L "$(find "$lib" -name 'ld-linux*.so.*' | head -n 1)" "$new/glslc/ld.so"
    cp "$work/root/usr/bin/glslc" "$new/glslc/glslc"
    cat >"$new/bin/glslc" <<'END'
#!/bin/sh
# glslc of a newer Debian, started with the C library it was built for.
libs=${0%/*}/../glslc
exec "$libs/ld.so" --inhibit-cache --library-path "$libs" "$libs/glslc" "$@"
END
    chmod +x "$new/bin/glslc" "$new/glslc/ld.so" "$new/glslc/glslc"
    "$new/bin/glslc" --version >/dev/null
}

work=$top/.deps.tmp/apt
new=$top/.deps.tmp/new
rm -rf "$top/.deps.tmp"
trap 'rm -rf "$top/.deps.tmp"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$new"
: >"$work/status"

say "fetching $packages of Debian $suite into .deps/"
found=
for mirror in $(mirrors); do
    if update_from "$mirror"; then
        found=$mirror
        break
    fi
done
if [ -z "$found" ]; then
    say "no mirror of this machine's apt configuration has Debian $suite (or none can be reached)"
    exit 1
fi
# shellcheck disable=SC2046 # one argument a package
(cd "$work" && quietly private_apt apt-get download $(wanted))
unpack
rm -rf "$top/.deps"
mv "$new" "$top/.deps"
