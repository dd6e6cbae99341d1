# test.sh — sourced by ./dev: the order of the tests and the count at the end. Decides nothing about what a test checks.
# shellcheck shell=sh

passed=0
failed=0
skipped=0

# run_stage TITLE TREE CTEST-ARGUMENTS...
run_stage() {
    title=$1
    tree=$2
    shift 2
    say "tests: $title"
    log=$tree/Testing/Temporary/LastTest.log
    rm -f "$log"
    broken=0
    (cd "$tree" && ctest --output-on-failure --no-tests=ignore "$@") || broken=1
    # shellcheck disable=SC2046 # three numbers
    set -- $(count_cases "$log")
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
    print_skipped "$log"
    # ctest may fail without a failed case: a program that is missing, a run that was broken off.
    if [ "$broken" = 1 ] && [ "$2" = 0 ]; then failed=$((failed + 1)); fi
}

# Passed, failed and skipped cases of one ctest log. A GoogleTest program counts its cases; any other test, or a program
# that ended before its summary, counts as one.
count_cases() {
    [ -e "$1" ] || {
        echo 0 0 0
        return
    }
    awk '
        / Test: / { ok = bad = skip = 0; summary = 0 }
        /^\[  PASSED  \] [0-9]+ test/ { ok = $4; summary = 1 }
        /^\[  SKIPPED \] [0-9]+ test/ { skip = $4 }
        /^\[  FAILED  \] [0-9]+ test/ { bad = $4 }
        /^Test Passed\.|^Test Failed\.|^Test timed out|^Test Skipped|^Test Not Run/ {
            good = /^Test Passed/
            if (/^Test Skipped/) skip++
            else if (!summary) { if (good) ok++; else bad++ }
            else if (!good && !bad) bad++
            p += ok; f += bad; s += skip
        }
        END { print p + 0, f + 0, s + 0 }
    ' "$1"
}

# Why cases were skipped: a run that checked less than it could has to say so.
print_skipped() {
    [ -e "$1" ] || return 0
    awk '/: Skipped$/ { getline; print "dev: skipped: " $0 }' "$1" | sort | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)/\2 (\1 times)/' >&2
}

# Each test program is built once: unit tests under sanitizers, the others as they ship, and those where both count twice
# (SANITIZED in their CMakeLists). Building all of them in both trees took a third longer and found nothing more.
run_all_tests() {
    # One more than there are cores: a quarter of their time, tests wait for servers, browsers and each other's threads.
    at_once=$(($(jobs) + 1))
    # Shaders are the same under sanitizers: those of build/ serve.
    build build m2w_kernels
    # clang compiles a sanitized tree in two thirds of the time that g++ takes (510 s against 840 s of processor time), and a
    # second compiler finds what one lets pass.
    CXX=${CXX:-clang++} configure build-asan "CMAKE_BUILD_TYPE=Debug M2W_TESTS=ON M2W_SANITIZE=address,undefined M2W_SPIRV_FROM=build/spirv $united"
    build build-asan m2w_tests_sanitized
    # Reports name lines without llvm-symbolizer, which is a package of 60 MB.
    export ASAN_OPTIONS="${ASAN_OPTIONS:-allow_addr2line=1}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-allow_addr2line=1}"
    # What the last stage runs is built meanwhile.
    build build m2w m2w_tests_growth m2w_tests_ops m2w_tests_model m2w_tests_cli m2w_tests_web m2w_tests_repo &
    release=$!
    run_stage 'unit, under ASan and UBSan' build-asan -L sanitized -j "$at_once" "$@"
    wait "$release" || exit 1
    wait "$web_tools" || exit 1
    run_stage 'devices, models, command line, web, repository' build -LE unit -j "$at_once" "$@"
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ]
}
