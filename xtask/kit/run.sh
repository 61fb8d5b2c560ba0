#!/usr/bin/env bash
# Runs the kit's steps one after another, each with its log, and merges what they wrote. See README.md.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

scales="1 10"
out="results-$(date -u +%Y-%m-%dT%H%M%S)"
runs=5
while [ $# -gt 0 ]; do
    case "$1" in
        --scales) scales="$2"; shift 2 ;;
        --out) out="$2"; shift 2 ;;
        --runs) runs="$2"; shift 2 ;;
        *) echo "usage: run.sh [--scales \"1 10\"] [--out FOLDER] [--runs N]" >&2; exit 2 ;;
    esac
done
mkdir -p "$out"
out="$(cd "$out" && pwd)"
kit="$PWD"

# The binary travels compressed.
if [ ! -x maar ] && [ -f maar.xz ]; then
    if command -v xz >/dev/null 2>&1; then
        xz --decompress --keep --stdout maar.xz > maar
    else
        python3 -c 'import lzma, shutil; shutil.copyfileobj(lzma.open("maar.xz"), open("maar", "wb"))'
    fi || exit 1
    chmod +x maar
fi

# Data and compiled pipelines stay inside the kit: TPC-H is made once, and nothing is left in the home folder.
export XDG_CACHE_HOME="${MAAR_KIT_CACHE:-$kit/cache}"
mkdir -p "$XDG_CACHE_HOME"

: > "$out/steps.tsv"
step() {  # step NAME COMMAND...: runs it, keeps its output, notes how it ended
    local name="$1" code started seconds
    shift
    echo "== $name: $*"
    started=$SECONDS
    "$@" > "$out/$name.out" 2> "$out/$name.err"
    code=$?
    seconds=$((SECONDS - started))
    printf '%s\t%s\t%s\n' "$name" "$code" "$seconds" >> "$out/steps.tsv"
    if [ "$code" -eq 0 ]; then
        echo "   ok in ${seconds}s"
    else
        echo "   FAILED with exit code $code in ${seconds}s; the end of its log:"
        tail -n 20 "$out/$name.err" "$out/$name.out" | sed 's/^/   | /'
    fi
    return "$code"
}
skip() {  # skip NAME REASON
    echo "== $1: skipped: $2"
    printf '%s\tskipped\t%s\n' "$1" "$2" >> "$out/steps.tsv"
}

step machine bash -c 'uname -a; nproc; head -n 3 /proc/meminfo; nvidia-smi; nvidia-smi -q -d CLOCK,POWER' || true
step devices ./maar devices
step selftest ./maar selftest --device cuda --json "$out/selftest.json"

sanitizer="$(command -v compute-sanitizer || ls -d /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | tail -n 1)"
if [ -z "$sanitizer" ]; then
    skip sanitizer "compute-sanitizer is neither on PATH nor below /usr/local/cuda*"
else
    # One check first: 9 is an error that it found, any other code means that it does not work with this driver.
    "$sanitizer" --error-exitcode 9 ./maar selftest --device cuda --only copies > "$out/sanitizer-try.out" 2>&1
    code=$?
    if [ "$code" -ne 0 ] && [ "$code" -ne 9 ]; then
        skip sanitizer "compute-sanitizer does not work here (exit code $code): see sanitizer-try.out"
    else
        for tool in memcheck racecheck synccheck; do
            step "sanitizer-$tool" timeout 900 "$sanitizer" --tool "$tool" --error-exitcode 9 ./maar selftest --device cuda
        done
    fi
fi

step kernels ./maar bench kernels --device cuda --json "$out/kernels.json"

python=""
for candidate in python3.12 python3; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))'; then
        python="$candidate"
        break
    fi
done
if [ -n "$python" ] && [ ! -x "$kit/cache/venv/bin/python" ]; then
    # Without ensurepip a venv cannot be made: the wheels are zip files, and unpacking them is enough.
    mkdir -p "$kit/cache/wheels"
    for wheel in wheels/*.whl; do
        "$python" -m zipfile -e "$wheel" "$kit/cache/wheels" || python=""
    done
fi

for scale in $scales; do
    step "tpch-$scale" ./maar bench tpch --scale "$scale" --device cuda --check --runs "$runs" --data "$kit/cache/tpch-$scale" \
        --json "$out/tpch-$scale.json"
    if [ -z "$python" ]; then
        skip "duckdb-$scale" "no Python 3.12 on PATH"
    else
        step "duckdb-$scale" env PYTHONPATH="$kit/cache/wheels" "$python" duckdb_tpch.py --data "$kit/cache/tpch-$scale" \
            --queries "$kit/queries" --runs "$runs" --json "$out/duckdb-$scale.json"
    fi
done

if ! command -v python3 >/dev/null 2>&1; then
    echo "no python3: the results stay in their own files under $out" >&2
    exit 1
fi
python3 merge.py "$out"
