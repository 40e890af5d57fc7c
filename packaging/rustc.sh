#!/bin/sh
# cargo calls this in place of the compiler (RUSTC_WRAPPER), with the compiler and its arguments. The places where things
# lie on this machine get names that are the same everywhere; as flags of cargo they would differ with the machine.
exec "$@" \
    --remap-path-prefix="$CLEANBILL_CARGO=/cargo" \
    --remap-path-prefix="$CLEANBILL_SOURCE=/cleanbill" \
    --remap-path-prefix="$CLEANBILL_TARGET=/target"
