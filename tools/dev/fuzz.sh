# fuzz.sh — sourced by ./dev: runs libFuzzer programs side by side and says what each found. Knows nothing of what they
# feed.
# shellcheck shell=sh disable=SC2154 # shares ./dev's variables

# fuzz_programs "TARGETS": their programs. The names are those of m2w_fuzz(), with or without fuzz_; none means all.
fuzz_programs() {
    all=
    for list in build-fuzz/fuzz/*.args; do
        [ ! -e "$list" ] || all="$all $(basename "$list" .args)"
    done
    for target in $1; do
        case "$all " in *" fuzz_${target#fuzz_} "*) ;; *) die "no fuzz target '$target'; there are:$all" ;; esac
        printf '%s ' "fuzz_${target#fuzz_}"
    done
    [ -n "$1" ] || printf '%s\n' "$all"
}

# run_fuzz_programs SECONDS JOBS "PROGRAMS": fails if any of them does.
run_fuzz_programs() {
    cd build-fuzz || exit 1
    mkdir -p crashes logs
    # shellcheck disable=SC2086 # names
    set -- "$1" "$2" $3
    seconds=$1
    at_once=$2
    shift 2
    say "$seconds s each, $at_once at once: $*"
    # shellcheck disable=SC2016 # for the inner shell
    printf '%s\n' "$@" | xargs -P "$at_once" -I NAME sh -c '. "$0"; run_fuzz_target NAME "$1"' \
        "$top/tools/dev/fuzz.sh" "$seconds"
    print_fuzz_table "$@"
    bad=
    for name in "$@"; do
        [ "$(tail -n 1 "logs/$name")" = 'exit status 0' ] || bad="$bad $name"
    done
    [ -z "$bad" ] || die "failed:$bad (inputs in build-fuzz/crashes/, output in build-fuzz/logs/)"
}

# run_fuzz_target NAME SECONDS: the output goes to logs/NAME, its last line is the exit status.
run_fuzz_target() {
    name=$1
    echo 'exit status unknown' >"logs/$name"
    mkdir -p "corpus/$name"
    # What stands before a merge must not depend on luck: there all runs of a tree begin with the same inputs.
    set -- "-max_total_time=$2" ${CI:+-seed=1} -timeout=5 -rss_limit_mb=512 -malloc_limit_mb=64 -print_final_stats=1 \
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
    status=0
    "fuzz/$name" "$@" >"logs/$name" 2>&1 || status=$?
    # A machine that stalls looks like an input that hangs. Only the latter is slow again.
    input=$(sed -n 's/.*Test unit written to \(.*-timeout-.*\)$/\1/p' "logs/$name" | tail -n 1)
    if [ -n "$input" ] && "fuzz/$name" -timeout=5 -rss_limit_mb=512 "$input" >>"logs/$name" 2>&1; then
        echo "not slow when run again: $input" >>"logs/$name"
        status=0
    fi
    echo "exit status $status" >>"logs/$name"
}

print_fuzz_table() {
    printf '%-16s %12s %8s %10s  %s\n' target executions exec/s 'new inputs' verdict
    for name in "$@"; do
        awk -v name="$name" '
            /^stat::number_of_executed_units:/ { executions = $2 }
            /^stat::average_exec_per_sec:/ { rate = $2 }
            /^stat::new_units_added:/ { added = $2 }
            /^SUMMARY:/ { finding = substr($0, 10) }
            /^exit status / { status = $3 }
            END {
                verdict = status == "0" ? "ok" : finding == "" ? "exit status " status : finding
                printf "%-16s %12s %8s %10s  %s\n", name, executions, rate, added, verdict
            }' "logs/$name"
    done
}
