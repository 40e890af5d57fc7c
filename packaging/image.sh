#!/bin/bash
# Makes the container image, as the documented OCI image layout in a tar: the programs, the libraries that they need and the
# certificate authorities, from this machine's Debian packages; nothing that could be started besides.
#   image.sh OUT VERSION ARCH BIN-DIR DOC-DIR      ARCH as in amd64; SOURCE_DATE_EPOCH is the time of all files
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC
out=$1 version=$2 arch=$3 bin=$4 doc=$5
: "${SOURCE_DATE_EPOCH:?}"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
root=$work/root

die() { echo "image: $*" >&2; exit 1; }

pack() { # FOLDER: as a tar that says nothing of this machine
    tar -C "$1" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -cf - .
}

# What a file came with: its licence, and a line by which scanners of images know the package.
owned() { # FILE
    local file package
    file=$(readlink -f "$1")
    # Debian's lists name the library folders as they were before they moved below /usr.
    package=$(dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}" 2>/dev/null || dpkg -S "$1" 2>/dev/null) || return 1
    package=${package%%:*}
    [ ! -e "$root/var/lib/dpkg/status.d/$package" ] || return 0
    install -D -m 644 "$(readlink -f "/usr/share/doc/$package/copyright")" "$root/usr/share/doc/$package/copyright"
    mkdir -p "$root/var/lib/dpkg/status.d"
    dpkg-query -W -f='Package: ${Package}\nStatus: install ok installed\nArchitecture: ${Architecture}\nSource: ${source:Package}\nVersion: ${Version}\n' \
        "$package" > "$root/var/lib/dpkg/status.d/$package"
}

mkdir -p "$root"/{etc,host,tmp,root,usr/{bin,lib,lib64},var/lib/cleanbill,usr/share/cleanbill}
chmod 1777 "$root/tmp"; chmod 700 "$root/var/lib/cleanbill" "$root/root"
ln -s usr/lib "$root/lib"; ln -s usr/lib64 "$root/lib64"; ln -s usr/bin "$root/bin"
install -m 755 "$bin/cleanbill" "$bin/cleanbill-daemon" "$root/usr/bin/"

# The libraries, where the loader looks without being told.
needed=$(ldd "$bin/cleanbill" "$bin/cleanbill-daemon")
case $needed in *'not found'*) die "a library is missing: $needed" ;; esac
while IFS= read -r library; do
    to=$library
    case $library in
    /lib*) to=/usr$library ;;
    /usr/lib*) ;;
    # One from elsewhere, as tests have it.
    *) to=/usr/lib/$(basename "$library") ;;
    esac
    install -D -m 755 "$(readlink -f "$library")" "$root$to"
    owned "$library" || [ "$to" = "/usr/lib/$(basename "$library")" ] || die "$library belongs to no package"
done < <(awk '$2 == "=>" && $3 ~ "^/" { print $3 } $1 ~ "^/" && NF == 2 && $2 ~ "^\\(" { print $1 }' <<<"$needed" | sort -u)

# The authorities of Debian, and none that someone added to this machine.
mkdir -p "$root/etc/ssl/certs"
find /usr/share/ca-certificates/mozilla -name '*.crt' | sort | xargs cat > "$root/etc/ssl/certs/ca-certificates.crt"
[ -s "$root/etc/ssl/certs/ca-certificates.crt" ] || die "there are no certificate authorities here: install ca-certificates"
owned /usr/share/ca-certificates/mozilla

printf 'root:x:0:0:root:/root:/usr/bin/cleanbill\nnobody:x:65534:65534:nobody:/nonexistent:/usr/bin/cleanbill\n' > "$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
printf 'hosts: files dns\n' > "$root/etc/nsswitch.conf"
echo image > "$root/usr/share/cleanbill/installed-by"
install -d "$root/usr/share/doc/cleanbill"
install -m 644 "$doc"/* "$root/usr/share/doc/cleanbill/"

# One layer, its settings, the list of both, the list of lists: each named by its sum.
image=$work/image; blobs=$image/blobs/sha256
mkdir -p "$blobs"
keep() { # FILE: prints its sum and size
    local sum size
    sum=$(sha256sum "$1" | cut -c1-64) size=$(stat -c %s "$1")
    mv "$1" "$blobs/$sum"
    echo "$sum $size"
}
pack "$root" > "$work/layer"
unpacked=$(sha256sum "$work/layer" | cut -c1-64)
gzip -n ${GZIP_LEVEL:+"$GZIP_LEVEL"} "$work/layer"
read -r layer layer_size <<<"$(keep "$work/layer.gz")"

created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
jq -cSn --arg arch "$arch" --arg created "$created" --arg layer "sha256:$unpacked" --arg version "$version" '{
    created: $created, architecture: $arch, os: "linux",
    config: {
        Entrypoint: ["/usr/bin/cleanbill"], Cmd: ["audit", "--root", "/host"],
        Env: ["PATH=/usr/bin", "LANG=C.UTF-8"], WorkingDir: "/", Volumes: {"/var/lib/cleanbill": {}},
        Labels: {
            "org.opencontainers.image.title": "cleanbill", "org.opencontainers.image.version": $version,
            "org.opencontainers.image.created": $created, "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            "org.opencontainers.image.description": "Gives a Linux machine a clean bill of health"
        }
    },
    rootfs: {type: "layers", diff_ids: [$layer]},
    history: [{created: $created, created_by: "cleanbill \($version)"}]
}' > "$work/config"
read -r config config_size <<<"$(keep "$work/config")"

jq -cSn --arg config "sha256:$config" --argjson config_size "$config_size" --arg layer "sha256:$layer" --argjson layer_size "$layer_size" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: $config_size},
    layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: $layer, size: $layer_size}]
}' > "$work/manifest"
read -r manifest manifest_size <<<"$(keep "$work/manifest")"

jq -cSn --arg manifest "sha256:$manifest" --argjson size "$manifest_size" --arg arch "$arch" --arg version "$version" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
        mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $manifest, size: $size,
        platform: {architecture: $arch, os: "linux"},
        annotations: {"org.opencontainers.image.ref.name": "localhost/cleanbill:\($version)"}
    }]
}' > "$image/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' > "$image/oci-layout"
pack "$image" > "$out"
