#!/bin/bash
# Pictures of the sample reports for the README: the first screen of the page, light and dark, and pages of the PDF.
#   sample-pictures.sh DIR      DIR holds weeks.html and so on; the pictures go to DIR/pictures
# What this machine cannot draw is left as it was: Chromium for pages, pdftoppm (poppler-utils) for PDF.
set -euo pipefail
D=$(readlink -f "${1:?usage: $0 DIR}")
mkdir -p "$D/pictures"
T=$(mktemp -d); trap 'rm -rf "$T"' EXIT

say() { printf '%s\n' "$*" >&2; }
first() { local p; for p; do command -v "$p" && return; done; return 1; }

keep() {        # made of a picture what is small: 64 colours are enough for text and charts
    local quant
    if quant=$(first pngquant); then "$quant" --force --speed 1 --output "$2" 64 "$1"; else cp "$1" "$2"; fi
}

if browser=$(first chromium chromium-browser google-chrome); then
    page() {    # NAME FILE WIDTH HEIGHT [OPTION…]
        local name=$1 file=$2 size=$3,$4; shift 4
        "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$T/browser" \
            --window-size="$size" --screenshot="$T/$name.png" "$@" "file://$file" >/dev/null 2>"$T/said" ||
            { cat "$T/said" >&2; say "$browser could not draw $file"; exit 1; }
        keep "$T/$name.png" "$D/pictures/$name.png"
    }
    for name in weeks healthy dreadful fleet; do
        [ -f "$D/$name.html" ] && page "$name" "$D/$name.html" 1100 1000
    done
    page weeks-dark "$D/weeks.html" 1100 1000 --blink-settings=preferredColorScheme=0
    page weeks-telephone "$D/weeks.html" 500 900
    page email-weekly "$D/email-weekly.html" 360 1240 --force-device-scale-factor=1.5
    page email-weekly-dark "$D/email-weekly.html" 360 1240 --force-device-scale-factor=1.5 --blink-settings=preferredColorScheme=0
    page email-weekly-quiet "$D/email-weekly-quiet.html" 360 960 --force-device-scale-factor=1.5
    page email-digest "$D/email-digest.html" 700 1300
else
    say "no Chromium here: the pictures of the pages stay as they are"
fi

if first pdftoppm >/dev/null; then
    for name in weeks healthy dreadful fleet; do
        [ -f "$D/$name.pdf" ] || continue
        pdftoppm -r 55 -png -f 1 -l 2 "$D/$name.pdf" "$T/$name-page"
        for picture in "$T/$name"-page-*.png; do
            page=${picture%.png}; page=${page##*-}
            keep "$picture" "$D/pictures/$name-pdf-$((10#$page)).png"
        done
    done
else
    say "no pdftoppm here: the pictures of the PDF stay as they are"
fi
