# packages.sh — sourced by ./dev: what each verb needs of the system, and getting it. Builds nothing.
# shellcheck shell=sh disable=SC2034,SC2154 # shares ./dev's variables

# sets | Debian package | how another distribution shows that it is there (cmd: in PATH, pc: pkg-config, h: header)
need_table() {
    cat <<'END'
build g++ cmd:c++
build cmake cmd:cmake
build ninja-build cmd:ninja
build pkg-config cmd:pkg-config
build git cmd:git
build ca-certificates -
build glslc cmd:glslc
build libvulkan-dev pc:vulkan
build libcurl4-openssl-dev pc:libcurl
build libssl-dev pc:libcrypto
build zlib1g-dev pc:zlib
build nlohmann-json3-dev pc:nlohmann_json
build libfmt-dev pc:fmt
build libcli11-dev pc:CLI11
build libutfcpp-dev h:utf8.h
build libpcre2-dev pc:libpcre2-8
build libutf8proc-dev pc:libutf8proc
build libedit-dev pc:libedit
test clang cmd:clang++
test libgtest-dev pc:gtest
test python3 cmd:python3
test python3-numpy -
test openssl cmd:openssl
test spirv-tools cmd:spirv-val
test vulkan-validationlayers -
web nodejs cmd:node
web npm cmd:npm
web chromium cmd:chromium
bench libbenchmark-dev pc:benchmark
fuzz clang cmd:clang++
format clang-format cmd:clang-format
END
}

# packages_of SETS: the table's rows of these sets, "package check" a line.
rows_of() {
    need_table | awk -v sets=" $1 " 'index(sets, " " $1 " ") { print $2, $3 }'
}

is_debian_like() {
    command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1
}

# Whether the Vulkan loader would find any driver: the folders of its documentation ("Driver Discovery on Linux").
has_vulkan_driver() {
    [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}${VK_ADD_DRIVER_FILES:-}" ] || return 0
    data="${XDG_DATA_HOME:-${HOME:-}/.local/share}:${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"
    config="${XDG_CONFIG_HOME:-${HOME:-}/.config}:${XDG_CONFIG_DIRS:-/etc/xdg}"
    saved_ifs=$IFS
    IFS=:
    for dir in $data $config /etc /usr/local/etc /usr/share; do
        for manifest in "$dir"/vulkan/icd.d/*.json; do
            if [ -e "$manifest" ]; then
                IFS=$saved_ifs
                return 0
            fi
        done
    done
    IFS=$saved_ifs
    return 1
}

# missing_packages SETS: names of Debian packages that are not installed, one a line.
missing_packages() {
    wanted=$(rows_of "$1" | awk '{ print $1 }')
    case " $1 " in
        *' chat '* | *' test '* | *' bench '*) has_vulkan_driver || wanted="$wanted mesa-vulkan-drivers" ;;
    esac
    case " $1 " in *' test '* | *' fuzz '*) wanted="$wanted $(sanitizer_runtime)" ;; esac
    # shellcheck disable=SC2086 # one argument a package
    here=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null | awk '/^ii/ { print $2 }')
    for package in $wanted; do
        printf '%s\n' "$here" | grep -qxF -- "$package" || has_program_of "$package" || printf '%s\n' "$package"
    done
}

# Whether the program that a package is wanted for came another way: a vendor's Node.js brings its npm and excludes Debian's.
has_program_of() {
    program=$(need_table | awk -v package="$1" '$2 == package && sub(/^cmd:/, "", $3) { print $3; exit }')
    [ -n "$program" ] && command -v "$program" >/dev/null 2>&1
}

# The runtimes of sanitizers and libFuzzer are a package of their own, named after the compiler's version.
sanitizer_runtime() {
    apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p'
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# apt talks a lot; what it said is shown only when it fails. A password is asked for on the terminal itself.
quiet_apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >>build/apt.log 2>&1 </dev/null
}

apt_install() {
    # shellcheck disable=SC2086 # one argument a package
    quiet_apt install --no-install-recommends $missing
}

# What is missing on a distribution that ./dev cannot install on, one need a line.
missing_elsewhere() {
    rows_of "$1" | while read -r package check; do
        what=${check#*:}
        case $check in
            cmd:*) command -v "$what" >/dev/null 2>&1 && continue ;;
            pc:*) pkg-config --exists "$what" 2>/dev/null && continue ;;
            h:*) if [ -e "/usr/include/$what" ] || [ -e "/usr/local/include/$what" ]; then continue; fi ;;
            *) continue ;;
        esac
        case $check in
            cmd:*) printf '  program %s (Debian: %s)\n' "$what" "$package" ;;
            pc:*) printf '  library %s with its headers (Debian: %s)\n' "$what" "$package" ;;
            h:*) printf '  header %s (Debian: %s)\n' "$what" "$package" ;;
        esac
    done
    case " $1 " in
        *' chat '* | *' test '* | *' bench '*) has_vulkan_driver || echo '  a Vulkan driver (Debian: mesa-vulkan-drivers)' ;;
    esac
}

# ensure_packages SETS: returns when everything is there; with --no-install only reports.
ensure_packages() {
    if ! is_debian_like; then
        missing=$(missing_elsewhere "$1")
        [ -n "$missing" ] || return 0
        say "please install, with this distribution's package manager:"
        printf '%s\n' "$missing" >&2
        exit 1
    fi
    missing=$(missing_packages "$1" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if [ "$no_install" = 1 ]; then
        say "missing packages: $missing"
        reported=1
        return 0
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
        die "there is no sudo; as root: apt-get install --no-install-recommends $missing"
    fi
    say "installing packages (the first time takes a minute or two): $missing"
    mkdir -p build
    : >build/apt.log
    [ -n "$(apt-get indextargets 'Created-By: Packages')" ] || quiet_apt update || true
    # Old package lists name files that the mirror no longer has; new ones are fetched only then.
    apt_install || { quiet_apt update && apt_install; } || {
        tail -n 30 build/apt.log >&2
        die "apt-get could not install them; all it said is in build/apt.log"
    }
}

# True for "2023.8" against "2023.2" and the like.
version_below() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# Kernels for matrix hardware need glslc 2023.8; Debian 12 has 2023.2. See docs/adr/0008-glslc-of-debian-13.md.
ensure_glslc() {
    [ ! -x .deps/bin/glslc ] || return 0
    version=$(glslc --version 2>/dev/null | sed -n 's/^shaderc v\{0,1\}\([0-9.]*\).*/\1/p')
    if [ -n "$version" ] && ! version_below "$version" 2023.8; then return 0; fi
    if ! grep -q '^ID=debian$' /etc/os-release 2>/dev/null; then
        say "glslc ${version:-of unknown version} is older than 2023.8: kernels for matrix hardware are left out"
    elif [ "$no_install" = 1 ]; then
        say "missing: glslc 2023.8 or later (this is ${version:-none}); Debian 13's would go into .deps/"
        reported=1
    else
        tools/dev/glslc.sh || die "could not fetch a newer glslc; 'cmake -B build' alone builds without it"
    fi
}

# The development dependencies of web-export/package, as its lock file pins them. What ./dev installed once stays until the
# lock file changes.
ensure_node_modules() {
    folder=web-export/package
    stamp=$folder/node_modules/.m2w-stamp
    if cmp -s "$folder/package-lock.json" "$stamp"; then return 0; fi
    if [ "$no_install" = 1 ]; then
        say "missing: the packages of $folder (npm ci there)"
        reported=1
        return 0
    fi
    say "npm ci in $folder/"
    mkdir -p build
    (cd "$folder" && npm ci) >build/npm.log 2>&1 </dev/null || {
        tail -n 30 build/npm.log >&2
        die "npm could not install them; all it said is in build/npm.log"
    }
    cp "$folder/package-lock.json" "$stamp"
}
