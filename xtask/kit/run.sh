#!/usr/bin/env bash
# Runs the kit's steps one after another, each with its log, and merges what they wrote after every one, so that a run
# that is cut short leaves what it had. See README.md.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

stamp="$(date -u +%Y-%m-%dT%H%M%S)"
scales="1 10"
out="results-$stamp"
runs=5
seconds=0
only=""
sanitizer_seconds=900
while [ $# -gt 0 ]; do
    case "$1" in
        --scales) scales="$2"; shift 2 ;;
        --out) out="$2"; shift 2 ;;
        --runs) runs="$2"; shift 2 ;;
        --seconds) seconds="$2"; shift 2 ;;
        --only) only="$2"; shift 2 ;;
        --sanitizer-seconds) sanitizer_seconds="$2"; shift 2 ;;
        *) echo "usage: run.sh [--scales \"1 10\"] [--out FOLDER] [--runs N] [--seconds N] [--only \"STEP STEP\"] [--sanitizer-seconds N]" >&2; exit 2 ;;
    esac
done
mkdir -p "$out"
out="$(cd "$out" && pwd)"
kit="$PWD"
# Few files in the results' folder: the logs lie here and go there as one archive.
logs="$kit/logs/$stamp-$$"
mkdir -p "$logs"

# The binary travels compressed.
if [ ! -x maar ] && [ -f maar.xz ]; then
    if command -v xz >/dev/null 2>&1; then
        xz --decompress --keep --stdout maar.xz > maar.part
    else
        python3 -c 'import lzma, shutil; shutil.copyfileobj(lzma.open("maar.xz"), open("maar.part", "wb"))'
    fi || exit 1
    chmod +x maar.part && mv maar.part maar
fi

# Data and compiled pipelines stay inside the kit: TPC-H is made once, and nothing is left in the home folder.
export XDG_CACHE_HOME="${MAAR_KIT_CACHE:-$kit/cache}"
mkdir -p "$XDG_CACHE_HOME"

: > "$logs/steps.tsv"
note() {  # note STEP OUTCOME SECONDS-OR-REASON
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >> "$logs/steps.tsv"
}
collect() {  # what there is so far, into the results' folder
    tar -czf "$out/logs.tar.gz.part" -C "$logs/.." "$(basename "$logs")" && mv "$out/logs.tar.gz.part" "$out/logs.tar.gz"
    command -v python3 >/dev/null 2>&1 && python3 merge.py "$logs" "$out" > "$logs/merge.out" 2>&1
}
wanted() {  # whether a step, or the one it goes on from, was asked for
    case " $only " in
        "  " | *" ${1%-again-*} "*) return 0 ;;
        *) return 1 ;;
    esac
}
left() {  # seconds until the run has to end, less what ending it takes
    if [ "$seconds" -eq 0 ]; then echo 86400; else echo $((seconds - SECONDS - 10)); fi
}
step() {  # step NAME SECONDS COMMAND...: runs it, keeps its output, notes how it ended
    local name="$1" limit="$2" code started took
    shift 2
    wanted "$name" || return 0
    [ "$(left)" -lt "$limit" ] && limit="$(left)"
    if [ "$limit" -lt 5 ]; then
        skip "$name" "no time is left of the $seconds seconds"
        return 0
    fi
    echo "== $name: $*"
    note "$name" running "since ${SECONDS}s"
    started=$SECONDS
    # A kernel that hangs cannot be stopped from inside.
    timeout --kill-after 10 "$limit" "$@" > "$logs/$name.out" 2> "$logs/$name.err"
    code=$?
    took=$((SECONDS - started))
    sed -i "/^$name\trunning\t/d" "$logs/steps.tsv"
    note "$name" "$code" "$took"
    if [ "$code" -eq 0 ]; then
        echo "   ok in ${took}s"
    else
        case "$code" in
            124 | 137) echo "   STOPPED after ${took}s (its limit was ${limit}s); the end of its log:" ;;
            *) echo "   FAILED with exit code $code in ${took}s; the end of its log:" ;;
        esac
        tail -n 20 "$logs/$name.err" "$logs/$name.out" | sed 's/^/   | /'
    fi
    collect
    return "$code"
}
skip() {  # skip NAME REASON
    wanted "$1" || return 0
    echo "== $1: skipped: $2"
    note "$1" skipped "$2"
}

step machine 60 bash -c 'uname -a; nproc; head -n 3 /proc/meminfo; df -h .; ldd --version | head -n 1; nvidia-smi; nvidia-smi -q -d CLOCK,POWER' || true
step devices 60 ./maar devices
# A fault of a kernel takes the device from the process, and a hanging one never comes back: what was to come after it
# runs in a process of its own, some times over.
again_most=5
rest() {  # rest KIND JSON [PLANNED]
    command -v python3 >/dev/null 2>&1 && python3 rest.py "$@"
}
step selftest 150 ./maar selftest --device cuda --json "$logs/selftest.json"
round=1
from="$(rest selftest "$logs/selftest.json")"
while [ -n "$from" ] && [ "$round" -le "$again_most" ]; do
    step "selftest-again-$round" 150 ./maar selftest --device cuda --from "$from" --json "$logs/selftest-again-$round.json"
    from="$(rest selftest "$logs/selftest-again-$round.json")"
    round=$((round + 1))
done

python=""
for candidate in python3.12 python3; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))'; then
        python="$candidate"
        break
    fi
done
if [ -n "$python" ] && ! ls "$kit/cache/wheels" >/dev/null 2>&1; then
    # A wheel is a zip file, and unpacking it is enough: no pip, no virtual environment.
    mkdir -p "$kit/cache/wheels"
    for wheel in wheels/*.whl; do
        "$python" -m zipfile -e "$wheel" "$kit/cache/wheels" || python=""
    done
fi

# The smallest scale, the device alone, then the other scales: a short run has seen some of everything.
tpch() {  # tpch SCALE
    local name="tpch-$1" queries="1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22" round=1
    local limit=900
    case "$1" in 0.* | 1) limit=200 ;; esac
    while [ -n "$queries" ]; do
        step "$name" "$limit" ./maar bench tpch --scale "$1" --device cuda --check --runs "$runs" \
            --data "$kit/cache/tpch-$1" --queries "${queries// /,}" --json "$logs/$name.json"
        queries="$(rest tpch "$logs/$name.json" "$queries")"
        [ "$round" -gt "$again_most" ] && break
        name="tpch-$1-again-$round"
        round=$((round + 1))
    done
}
memory() {  # memory SCALE: less and less of it, so that tables are read in waves
    local sizes="all 64MB 16MB"
    case "$1" in 0.* | 1) ;; *) sizes="all 1GB 256MB" ;; esac
    if ! command -v python3 >/dev/null 2>&1; then
        skip "memory-$1" "no python3 on PATH"
    else
        step "memory-$1" 300 python3 memory.py --data "$kit/cache/tpch-$1" --queries "$kit/queries" \
            --memory "$sizes" --json "$logs/memory-$1.json"
    fi
}
cold() {  # cold SCALE: each query in a process of its own, the first time with nothing compiled
    if ! command -v python3 >/dev/null 2>&1; then
        skip "cold-$1" "no python3 on PATH"
    else
        step "cold-$1" 120 python3 cold.py --data "$kit/cache/tpch-$1" --queries "$kit/queries" --json "$logs/cold-$1.json"
    fi
}
duckdb() {  # duckdb SCALE
    if [ -z "$python" ]; then
        skip "duckdb-$1" "no Python 3.12 on PATH"
    else
        step "duckdb-$1" 900 env PYTHONPATH="$kit/cache/wheels" "$python" duckdb_tpch.py --data "$kit/cache/tpch-$1" \
            --queries "$kit/queries" --runs "$runs" --json "$logs/duckdb-$1.json"
    fi
}
first="${scales%% *}"
tpch "$first"
step kernels 600 ./maar bench kernels --device cuda --json "$logs/kernels.json"
for scale in $scales; do
    [ "$scale" = "$first" ] || tpch "$scale"
done
for scale in $scales; do
    memory "$scale"
done
for scale in $scales; do
    cold "$scale"
done
for scale in $scales; do
    duckdb "$scale"
done

# Last, as it is slow and looks for what the others may have shown already.
sanitizer="$(command -v compute-sanitizer || ls -d /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | tail -n 1)"
if [ -z "$sanitizer" ]; then
    skip sanitizer "compute-sanitizer is neither on PATH nor below /usr/local/cuda*"
else
    # One check first: 9 is an error that it found, any other code means that it does not work with this driver.
    if wanted sanitizer || wanted sanitizer-memcheck || wanted sanitizer-racecheck || wanted sanitizer-synccheck; then
        timeout --kill-after 10 120 "$sanitizer" --error-exitcode 9 ./maar selftest --device cuda --only "thread indices" \
            > "$logs/sanitizer-try.out" 2>&1
        code=$?
    else
        code=0
    fi
    if [ "$code" -ne 0 ] && [ "$code" -ne 9 ]; then
        skip sanitizer "compute-sanitizer does not work here (exit code $code): see sanitizer-try.out"
    else
        # Buffers apart from each other, or memcheck would see one large allocation that no access leaves.
        for tool in memcheck racecheck synccheck; do
            step "sanitizer-$tool" "$sanitizer_seconds" env MAAR_SEPARATE_BUFFERS=1 "$sanitizer" --tool "$tool" --error-exitcode 9 \
                ./maar selftest --device cuda --json "$logs/sanitizer-$tool.json"
        done
    fi
fi

collect
if ! command -v python3 >/dev/null 2>&1; then
    echo "no python3: the results stay in the logs, $out/logs.tar.gz" >&2
    exit 1
fi
python3 merge.py "$logs" "$out"
