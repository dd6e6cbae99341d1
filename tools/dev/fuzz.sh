# fuzz.sh — sourced by ./dev: runs libFuzzer programs one after the other. Knows nothing of what they feed.
# shellcheck shell=sh disable=SC2154 # shares ./dev's variables

# run_fuzz_targets SECONDS "TARGETS": the names are those of m2w_fuzz(), with or without fuzz_; none means all.
run_fuzz_targets() {
    cd build-fuzz || exit 1
    programs=
    for target in $2; do
        [ -x "fuzz/fuzz_${target#fuzz_}" ] || die "no fuzz target '$target'; there are: $(all_fuzz_targets)"
        programs="$programs fuzz_${target#fuzz_}"
    done
    mkdir -p crashes
    bad=
    for name in ${programs:-$(all_fuzz_targets)}; do
        say "$name, $1 s"
        mkdir -p "corpus/$name"
        run_fuzz_target "$name" "$1" || bad="$bad $name"
    done
    [ -z "$bad" ] || die "failed:$bad (inputs in build-fuzz/crashes/)"
}

all_fuzz_targets() {
    for list in fuzz/*.args; do
        [ -e "$list" ] && basename "$list" .args
    done | tr '\n' ' '
}

run_fuzz_target() {
    name=$1
    set -- "-max_total_time=$2" -timeout=5 -rss_limit_mb=512 -malloc_limit_mb=64 -print_final_stats=1 \
        "-artifact_prefix=crashes/$name-" "corpus/$name"
    while read -r argument; do
        # Seeds and dictionaries that this machine does not have are left out; libFuzzer would not start with them.
        case $argument in
            '') ;;
            -dict=*) [ ! -e "${argument#-dict=}" ] || set -- "$@" "$argument" ;;
            -*) set -- "$@" "$argument" ;;
            *) [ ! -e "$argument" ] || set -- "$@" "$argument" ;;
        esac
    done <"fuzz/$name.args"
    "fuzz/$name" "$@"
}
