#!/bin/bash -eu
# Builds every fuzz target that `cargo fuzz list` names, and copies each with its seed corpus to $OUT.

cd "$SRC/lastword"
# Assertions are what finds most of what there is to find.
cargo fuzz build -O --debug-assertions

for target in $(cargo fuzz list); do
    cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    if [ -d "fuzz/corpus/$target" ]; then
        zip -qj "$OUT/${target}_seed_corpus.zip" "fuzz/corpus/$target"/*
    fi
done
