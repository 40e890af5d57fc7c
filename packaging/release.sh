#!/bin/bash
# Makes everything of a release for the architecture of this machine, the same bytes each time.
#   release.sh [--out DIR] [--key FILE] [--channel NAME] [--expires-days N] [--notes TEXT]
#              [--url URL] [--bin-dir DIR] [--library FILE] [--version VERSION] [--fast] [--finish]
#
#   --out DIR          where it goes: DIR/VERSION and the manifest of the channel [default: ~/.cache/cleanbill/dist]
#   --key FILE         the signing key, PEM (openssl genpkey -algorithm ed25519); without one nothing is signed
#   --channel NAME     stable or beta [default: stable]
#   --expires-days N   how long the manifest is to be believed [default: 180]
#   --notes TEXT       what is new, in a sentence
#   --url URL          the server that will have DIR: what programs that are built here, and install.sh, look at by themselves
#   --bin-dir DIR      programs that are built already [default: they are built, with DuckDB inside]
#   --library FILE     for tests: programs that need DuckDB's library beside them; only the image carries it
#   --version VERSION  for tests: another version than that of Cargo.toml
#   --fast             for tests: compress little
#   --finish           make nothing; sign what is in DIR/VERSION and write the lists, as after a build on several machines
#
# SOURCE_DATE_EPOCH is the time of everything [default: that of the last commit].
set -euo pipefail
umask 022
here=$(cd "$(dirname "$0")/.." && pwd -P)
asked_from=$PWD

say() { printf '%s\n' "$*" >&2; }
die() { say "release: $*"; exit 1; }

out=${XDG_CACHE_HOME:-$HOME/.cache}/cleanbill/dist key='' channel=stable days=180 notes='' bin='' library='' version='' finish='' fast='' url=''
while [ $# -gt 0 ]; do
    case $1 in
    --finish) finish=1; shift; continue ;;
    --fast) fast=1; shift; continue ;;
    --out | --key | --channel | --expires-days | --notes | --url | --bin-dir | --library | --version) [ $# -ge 2 ] || die "$1 needs a value" ;;
    *) sed -n '2,18s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    case $1 in
    --out) out=$2 ;; --key) key=$2 ;; --channel) channel=$2 ;; --expires-days) days=$2 ;; --notes) notes=$2 ;; --url) url=$2 ;;
    --bin-dir) bin=$2 ;; --library) library=$2 ;; --version) version=$2 ;;
    esac
    shift 2
done
from() { realpath -m -- "$(cd "$asked_from" && realpath -m -- "$1")"; }
out=$(from "$out"); [ -z "$key" ] || key=$(from "$key"); [ -z "$bin" ] || bin=$(from "$bin"); [ -z "$library" ] || library=$(from "$library")
case $channel in stable | beta) ;; *) die "there is no channel $channel: stable, beta" ;; esac
[[ $days =~ ^[1-9][0-9]*$ ]] || die "--expires-days wants a number of days"
case $url in '' | https://*) url=${url%/} ;; *) die "\`$url\` does not begin with https://" ;; esac
[ -z "$key" ] || [ -r "$key" ] || die "the key $key cannot be read"
case $out/ in "$here"/*) die "the result goes outside of the source: --out DIR" ;; esac

cd "$here"
version=${version:-$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "\`$version\` is no version"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
# Nothing of the person who makes it.
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
day() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }

needs=(jq openssl) wanted=(zipsign)
[ -n "$finish" ] || needs+=(gzip tar dpkg-deb dpkg-shlibdeps) wanted=()
for need in "${needs[@]}"; do
    command -v "$need" >/dev/null || die "$need is not installed (.ci/setup installs what is needed)"
done
tools=$(packaging/tools.sh "${wanted[@]}"); PATH=$tools:$PATH

machine=$(uname -m)
case $machine in
x86_64) deb=amd64 ;;
aarch64) deb=arm64 ;;
*) die "no release is made for $machine" ;;
esac
target=$machine-unknown-linux-gnu
full=cleanbill-$version-$target
dist=$out/$version
mkdir -p "$dist"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

pack() { # FOLDER NAME…: as a tar that says nothing of this machine
    tar -C "$1" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -cf - "${@:2}"
}

# What the programs say of themselves: pages, completions; and what others say of them.
texts() {
    local share=$1/share shell
    mkdir -p "$share"/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d,doc/cleanbill}
    say_self man --dir "$share/man/man1"
    for shell in bash/bash-completion/completions/cleanbill zsh/zsh/site-functions/_cleanbill fish/fish/vendor_completions.d/cleanbill.fish; do
        say_self completions "${shell%%/*}" > "$share/${shell#*/}"
    done
    install -m 644 README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$share/doc/cleanbill/"
    packaging/third-party.sh "$target" > "$share/doc/cleanbill/THIRD-PARTY.txt"
}
say_self() { # without anything that this machine might have set up
    env -i HOME="$work" PATH=/usr/bin:/bin ${library:+LD_LIBRARY_PATH="$(dirname "$library")"} "$bin/cleanbill" "$@"
}

make_archive() {
    local top=$work/archive/$full
    mkdir -p "$top/bin"
    cp -r "$work/texts/share" "$top/"
    install -m 755 "$bin/cleanbill" "$bin/cleanbill-daemon" "$top/bin/"
    pack "$work/archive" "$full" | gzip -n ${fast:+-1} > "$dist/$full.tar.gz"
}

# Lists of packages have no room for more.
summary='Gives a Linux machine a clean bill of health, in plain English'

# A copy of what says what goes into packages, with this version, beside what goes into them.
stage() {
    local crate=$work/crate tree=$work/target/release/tree
    mkdir -p "$crate" "$tree"
    cp -r Cargo.toml Cargo.lock build.rs packaging "$crate/"
    ln -s "$here/src" "$here/benches" "$here/tests" "$crate/"
    sed -i '/^\[package\]/,/^\[/s/^version = ".*"/version = "'"$version"'"/; s/^description = ".*"/description = "'"$summary"'"/' "$crate/Cargo.toml"
    sed -i '/^name = "cleanbill"$/{n;s/".*"/"'"$version"'"/}' "$crate/Cargo.lock"
    install -m 755 "$bin/cleanbill" "$bin/cleanbill-daemon" "$work/target/release/"
    cp -r "$work/texts/share/." "$tree/"
    gzip -9n "$tree"/man/man1/* "$tree/doc/cleanbill/THIRD-PARTY.txt"
    cp CHANGELOG.md "$tree/doc/cleanbill/NEWS.md"; gzip -9n "$tree/doc/cleanbill/NEWS.md"
    printf 'cleanbill (%s) unstable; urgency=medium\n\n  * What is new: NEWS.md.gz beside this file.\n\n -- %s  %s\n' "$version" \
        "$(sed -n '/^\[package.metadata.deb\]/,/^\[/s/^maintainer = "\(.*\)"/\1/p' Cargo.toml)" \
        "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n > "$tree/doc/cleanbill/changelog.gz"
    for kind in deb rpm; do
        mkdir "$tree/$kind"; echo "$kind" > "$tree/$kind/installed-by"
    done
    # Programs do not pick up rights or times of a checkout.
    chmod -R u=rwX,go=rX "$crate/packaging" "$tree"
}

make_deb() {
    local path=$PATH depends
    if [ -n "$library" ]; then
        # No package has the library of the tests.
        mkdir "$work/bin"
        printf '#!/bin/sh\nexec %s --ignore-missing-info "$@"\n' "$(command -v dpkg-shlibdeps)" > "$work/bin/dpkg-shlibdeps"
        chmod 755 "$work/bin/dpkg-shlibdeps"; path=$work/bin:$PATH
    fi
    file=$dist/cleanbill_${version}_$deb.deb
    (cd "$work/crate" && PATH=$path CARGO_TARGET_DIR=$work/target LD_LIBRARY_PATH=${library:+$(dirname "$library")} \
        cargo deb --quiet --locked --offline --no-build --no-strip ${fast:+--fast} --deb-version "$version" --output "$file")
    depends=$(dpkg-deb -f "$file" Depends)
    [[ $depends == *libc6* ]] || die "the Debian package says nothing of the libraries that it needs"
}

make_rpm() {
    (cd "$work/crate" && LD_LIBRARY_PATH=${library:+$(dirname "$library")} cargo generate-rpm --target-dir "$work/target" \
        --auto-req builtin ${fast:+--payload-compress gzip} --source-date "$SOURCE_DATE_EPOCH" --output "$dist/cleanbill-$version-1.$machine.rpm")
}

# The list of all that is in it, as scanners read it. DuckDB is in a crate, and known to the world by its own name.
make_sbom() {
    local duckdb
    duckdb=$(cargo metadata --format-version 1 --locked --offline --features bundled | jq -r '.packages[] | select(.name == "libduckdb-sys").version')
    # 1.10505.0 is DuckDB 1.5.5
    duckdb=$(awk -F. '{ printf "%d.%d.%d", int($2 / 10000), int($2 / 100) % 100, $2 % 100 }' <<<"$duckdb")
    (cd "$work/crate" && cargo cyclonedx -q --format json --features bundled --target "$target" --no-build-deps \
        --spec-version 1.5 --override-filename sbom 2>/dev/null)
    jq -S --arg duckdb "$duckdb" --arg version "$version" '
        walk(if type == "string" then sub("^path\\+file://[^#]*#"; "") | sub("\\?download_url=file://\\."; "") else . end)
        | .metadata.timestamp |= sub("\\.0+Z$"; "Z")
        | "duckdb@\($duckdb)" as $ref
        | .components += [{
            type: "library", "bom-ref": $ref, name: "duckdb", version: $duckdb, scope: "required",
            description: "DuckDB, compiled in from the sources in the crate libduckdb-sys",
            licenses: [{license: {id: "MIT"}}], purl: "pkg:github/duckdb/duckdb@v\($duckdb)",
            cpe: "cpe:2.3:a:duckdb:duckdb:\($duckdb):*:*:*:*:*:*:*"
        }]
        | (.dependencies[] | select(.ref | contains("libduckdb-sys@")).dependsOn) |= ((. // []) + [$ref])
        | .dependencies += [{ref: $ref}]' "$work/crate/sbom.json" > "$dist/cleanbill-$version.cdx.json"
}

# The signature in the archive, for who updates; one file beside each list, for who checks with openssl.
sign_archive() { # FILE
    zipsign verify tar "$1" "$work/public" >/dev/null 2>&1 && return
    (cd "$(dirname "$1")" && zipsign sign tar --force "$(basename "$1")" "$work/private")
    chmod 644 "$1"
}
sign() { openssl pkeyutl -sign -rawin -inkey "$key" -in "$1" -out "$1.sig"; }

finish() {
    local archives='' file private public
    rm -f "$dist"/*.sig "$dist"/SHA256SUMS "$dist"/manifest.json
    if [ -n "$key" ]; then
        private=$(openssl pkey -in "$key" -outform DER | tail -c 32 | base64) || die "$key is no key"
        public=$(openssl pkey -in "$key" -pubout -outform DER | tail -c 32 | base64)
        (umask 077; { base64 -d <<<"$private"; base64 -d <<<"$public"; } > "$work/private"; base64 -d <<<"$public" > "$work/public")
        for file in "$dist"/*.tar.gz; do sign_archive "$file"; done
        rm -f "$work/private"
    fi
    for file in "$dist"/cleanbill-"$version"-*.tar.gz; do
        [ -f "$file" ] || die "there is no archive in $dist"
        archives+=$(jq -cn --arg file "$(basename "$file")" --arg start "cleanbill-$version-" --argjson bytes "$(stat -c %s "$file")" \
            --arg sum "$(sha256sum "$file" | cut -c1-64)" \
            '{target: ($file | ltrimstr($start) | rtrimstr(".tar.gz")), file: $file, bytes: $bytes, sha256: $sum}')
    done
    jq -n --arg channel "$channel" --arg version "$version" --arg released "$(day "$SOURCE_DATE_EPOCH")" \
        --arg expires "$(day $((SOURCE_DATE_EPOCH + days * 86400)))" --arg notes "${notes:-What is new stands in CHANGELOG.md.}" \
        --argjson archives "$(jq -s . <<<"$archives")" '{format: 1, channel: $channel, version: $version, released: $released,
            expires: $expires, notes: $notes, archives: $archives}' > "$dist/manifest.json"
    (cd "$dist" && sha256sum cleanbill* manifest.json > SHA256SUMS)
    cp "$dist/manifest.json" "$out/$channel.json"
    rm -f "$out/$channel.json.sig"
    sed "s|^default_url=\$|default_url=$url|" packaging/install.sh > "$out/install.sh"
    chmod 755 "$out/install.sh"
    if [ -n "$key" ]; then
        sign "$dist/manifest.json"; sign "$dist/SHA256SUMS"
        cp "$dist/manifest.json.sig" "$out/$channel.json.sig"
    else
        say "release: there was no key, so nothing is signed (--key FILE)"
    fi
}

if [ -z "$finish" ]; then
    if [ -z "$bin" ]; then
        CLEANBILL_RELEASES=$url packaging/build.sh "${CARGO_TARGET_DIR:-$HOME/.cache/cleanbill/target}/packaging"
        bin=${CARGO_TARGET_DIR:-$HOME/.cache/cleanbill/target}/packaging/release
    fi
    for program in cleanbill cleanbill-daemon; do
        [ -x "$bin/$program" ] || die "there is no $program in $bin"
        # A release stands alone; only tests may not.
        if [ -z "$library" ] && ldd "$bin/$program" | grep -q libduckdb; then
            die "$bin/$program needs DuckDB's library beside it: build it with make bundled"
        fi
    done
    say "release: cleanbill $version for $target, in $dist"
    rm -f "$dist"/*
    texts "$work/texts"
    make_archive
    stage
    make_deb
    make_rpm
    GZIP_LEVEL=${fast:+-1} packaging/image.sh "$dist/cleanbill-$version-$machine.oci.tar" "$version" "$deb" "$bin" "$work/texts/share/doc/cleanbill"
    make_sbom
fi
finish
(cd "$dist" && stat -c "%s %n" -- *) >&2
