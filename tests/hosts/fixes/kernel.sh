#!/bin/bash
# Sets the kernel badly where a container can have that, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

martians=net.ipv4.conf.all.log_martians

whole() {
    rm -f /etc/sysctl.d/zy-broken.conf /etc/sysctl.d/10-broken.conf
    sysctl -q -w "$martians=0"
}

# What a start would set: the last word of the files for a key.
at_start() { [ "$(systemd-analyze cat-config sysctl.d | sed -n "s/^-\{0,1\}${1//./\\.} *= *//p" | tail -1)" = "$2" ]; }

break_address_randomisation_off() { printf '# faster\nkernel.randomize_va_space = 0\n' > /etc/sysctl.d/zy-broken.conf; }
works_address_randomisation_off() { at_start kernel.randomize_va_space 2; }

break_core_dumps_of_powerful_programs() { as_vm; kernel fs.suid_dumpable 1; }
works_core_dumps_of_powerful_programs() { [ "$(sysctl -n fs.suid_dumpable)" = 0 ]; at_start fs.suid_dumpable 0; }

break_crashes_keep_secrets() {
    as_vm; kernel fs.suid_dumpable 1
    # shellcheck disable=SC2016
    kernel kernel.core_pattern '|/lib/systemd/systemd-coredump %P %u %g %s %t 9223372036854775808 %h'
    mkdir -p /var/lib/systemd/coredump; head -c 2000000 /dev/zero > /var/lib/systemd/coredump/core.shop.zst
}
works_crashes_keep_secrets() {
    [ "$(sysctl -n fs.suid_dumpable)" = 0 ]
    grep -qx 'Storage=none' <(systemd-analyze cat-config systemd/coredump.conf)
}

break_cpu_protection_off() {
    as_vm
    # What makes the start menu; a stand-in, for there are no disks to start from.
    mkdir -p /boot/grub
    cat > /usr/sbin/update-grub <<-'G'
	#!/bin/sh
	. /etc/default/grub
	echo "linux /vmlinuz root=/dev/vda1 ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT" > /boot/grub/grub.cfg
	G
    chmod 755 /usr/sbin/update-grub
    printf 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="quiet mitigations=off"\nGRUB_CMDLINE_LINUX="nopti"\n' > /etc/default/grub
    update-grub
}
works_cpu_protection_off() { grep -qE '^linux /vmlinuz root=/dev/vda1 ro +quiet$' /boot/grub/grub.cfg; }

break_cpu_microcode_missing() {
    as_metal
    sed 's/^vendor_id.*/vendor_id\t: GenuineIntel/' /proc/cpuinfo > /run/intel; mount --bind /run/intel /proc/cpuinfo
    offered intel-microcode
}
works_cpu_microcode_missing() { says '^Status: install ok installed' dpkg -s intel-microcode; }

break_kernel_hardening_loose() { as_vm; kernel kernel.kptr_restrict 0; kernel kernel.dmesg_restrict 0; }
works_kernel_hardening_loose() { [ "$(sysctl -n kernel.kptr_restrict kernel.dmesg_restrict | paste -sd' ')" = '2 1' ]; }

break_kernel_setting_not_in_force() { echo "$martians = 1" > /etc/sysctl.d/zy-broken.conf; }
works_kernel_setting_not_in_force() { [ "$(sysctl -n $martians)" = 1 ]; }

break_kernel_setting_set_twice() {
    echo "$martians = 1" > /etc/sysctl.d/10-broken.conf
    echo "$martians = 0" > /etc/sysctl.d/zy-broken.conf
}
works_kernel_setting_set_twice() { [ "$(sysctl -n $martians)" = 0 ]; at_start $martians 0; }

break_links_in_shared_folders_unprotected() { as_vm; kernel fs.protected_symlinks 0; kernel fs.protected_hardlinks 0; }
works_links_in_shared_folders_unprotected() { [ "$(sysctl -n fs.protected_symlinks fs.protected_hardlinks | paste -sd' ')" = '1 1' ]; }

main "$@"
