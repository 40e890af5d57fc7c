//! Which fact tables are compared, by which columns a row is known again, whose change matters, and who says it.
//! A table that is not listed here is only counted; one in [`RESTLESS`] changes all the time and is left out.

use super::{
    row::{All, Row},
    tell::{accounts, disks, files, network, programs, rights, servers, services, settings, ssh},
    told::Told,
};

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Access,
    Network,
    Servers,
    Services,
    Files,
    Settings,
    Disks,
    Programs,
}

impl Subject {
    /// All, in the order in which those with equally dangerous changes are told.
    pub(super) const ALL: [Subject; 8] = [
        Subject::Access,
        Subject::Network,
        Subject::Servers,
        Subject::Services,
        Subject::Files,
        Subject::Settings,
        Subject::Disks,
        Subject::Programs,
    ];

    pub(super) fn id(self) -> &'static str {
        match self {
            Subject::Access => "access",
            Subject::Network => "network",
            Subject::Servers => "servers",
            Subject::Services => "services",
            Subject::Files => "files",
            Subject::Settings => "settings",
            Subject::Disks => "disks",
            Subject::Programs => "programs",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Subject::Access => "Who gets in, and what they may do",
            Subject::Network => "What other machines can reach",
            Subject::Servers => "Web sites, databases, mail and containers",
            Subject::Services => "Services, planned jobs and backups",
            Subject::Files => "Files, keys and certificates",
            Subject::Settings => "The system and its settings",
            Subject::Disks => "Disks",
            Subject::Programs => "Programs and updates",
        }
    }
}

/// Who says it.
#[derive(Clone, Copy)]
pub(super) enum Tell {
    /// One sentence at most for a row.
    One(fn(Row<'_>, All<'_>) -> Option<Told>),
    /// Any number.
    Any(fn(Row<'_>, All<'_>) -> Vec<Told>),
}

impl Tell {
    pub(super) fn say(self, row: Row<'_>, all: All<'_>) -> Vec<Told> {
        match self {
            Tell::One(tell) => tell(row, all).into_iter().collect(),
            Tell::Any(tell) => tell(row, all),
        }
    }
}

/// How one table is compared.
pub(super) struct Spec {
    /// The fact table.
    pub(super) table: &'static str,
    /// What its changes are about.
    pub(super) subject: Subject,
    /// What it holds, in words that complete "could not be compared: …".
    pub(super) what: &'static str,
    /// Columns by which a row is known again.
    pub(super) key: &'static [&'static str],
    /// Columns whose change matters.
    pub(super) watch: &'static [&'static str],
    /// Columns that are only told.
    pub(super) show: &'static [&'static str],
    /// Rows that count.
    pub(super) keep: Option<&'static str>,
    /// The sentences.
    pub(super) tell: Tell,
}

/// Tables that are different at every look.
pub(super) const RESTLESS: &[&str] = &[
    "apt_last_update",
    "apt_lists",
    "backup_files",
    "file_walk",
    "last_logins",
    "log_files",
    "memory_info",
    "outdated_processes",
    "processes",
    "shell_history_files",
];

macro_rules! specs {
    ($($subject:ident {
        $($table:literal ($what:literal): [$($key:literal),*], [$($watch:literal),*], [$($show:literal),*] $(, if $keep:literal)? => $one:ident($tell:path);)+
    })+) => {
        /// The tables with words.
        pub(super) const SPECS: &[Spec] = &[$($(
            Spec {
                table: $table,
                subject: Subject::$subject,
                what: $what,
                key: &[$($key),*],
                watch: &[$($watch),*],
                show: &[$($show),*],
                keep: specs!(@keep $($keep)?),
                tell: Tell::$one($tell),
            },
        )+)+];
    };
    (@keep) => { None };
    (@keep $keep:literal) => { Some($keep) };
}

// table (what it holds): [known again by], [change matters], [only told], if condition => who says it
specs! {
    Access {
        "users" ("the list of users"): ["username"], ["uid", "shell", "login_shell", "directory"], ["kind"] => One(accounts::user);
        "groups" ("the list of groups"): ["groupname"], ["gid"], [] => One(accounts::group);
        "user_groups" ("who is in which group"): ["username", "groupname"], [], ["via"] => One(accounts::membership);
        "shadow" ("the passwords"): ["username"], ["password_status", "hash_alg", "last_change", "max", "expire"], []
            => One(accounts::password);
        "gshadow" ("the passwords of groups"): ["groupname"], ["password_status", "administrators"], []
            => One(accounts::group_password);
        "home_directories" ("the home folders"): ["username"], ["readable_by_all", "changeable_by"], ["directory"]
            => One(accounts::home);
        "sudoers" ("the rules of sudo"): ["who_kind", "who", "runas", "command"], ["nopasswd", "setenv", "changeable_by"],
            ["any_command", "as_root"], if "here and not overruled" => One(rights::sudo);
        "sudo_defaults" ("the settings of sudo"): ["scope", "name"], ["value"], [] => One(rights::sudo_setting);
        "doas" ("the rules of doas"): ["verdict", "who_kind", "who", "command"], ["nopasswd"], [] => One(rights::doas);
        "authorized_keys" ("the SSH keys that let someone in"): ["username", "source", "key_type", "comment", "bits"],
            ["options", "restricted", "changeable_by"], [] => One(ssh::authorized_key);
        "ssh_host_keys" ("the machine's own SSH keys"): ["source"], ["key_type", "bits", "readable_by_others"], []
            => One(ssh::host_key);
        "ssh_servers" ("the SSH server"): ["program"], ["active", "reach", "guard", "mistake"], [] => One(ssh::server);
        "sshd_config" ("the settings of the SSH server"): ["keyword", "context"], ["value"], [] => One(ssh::setting);
        "user_ssh_keys" ("the private SSH keys of users"): ["username", "source"], ["encrypted", "readable_by_others"], []
            => One(ssh::user_key);
        "ssh_client_config" ("the settings for logging in elsewhere"): ["source", "context", "keyword"], ["value"], []
            => One(settings::ssh_client);
        "password_policy" ("the rules for passwords"): ["module", "setting"], ["value"], [] => One(settings::password_rule);
        "login_defs" ("the settings for new accounts"): ["keyword"], ["value"], [] => One(settings::login_defs);
        "pam" ("the rules for logging in"): ["service", "pam_type", "module", "control", "arguments"], [], []
            => One(settings::login_rule);
        "nsswitch" ("where accounts are looked up"): ["database", "service"], [], [] => One(settings::lookup);
    }
    Network {
        "listening_ports" ("the open ports"): ["protocol", "port"], ["reach", "exposed", "process", "username"], ["address"]
            => One(network::port);
        "firewall" ("the firewall"): ["program"], ["enabled", "active", "lets_all_in"], [] => One(network::firewall);
        "firewall_inbound" ("what the firewall lets in"): ["family"], ["verdict"], [] => One(network::inbound);
        "firewall_rules" ("the rules of the firewall"): ["family", "table_name", "chain_name", "rule"], [], [],
            if "chain_name not like 'f2b-%' and chain_name not like 'DOCKER%'" => One(network::rule);
        "interface_addresses" ("the addresses of the machine"): ["interface", "address"], [], [], if "leads_outside"
            => One(network::address);
    }
    Servers {
        "web_servers" ("the web servers"): ["program"], ["running", "worker"], [] => One(servers::web_server);
        "web_sites" ("the web sites"): ["program", "name", "source"],
            ["reach", "encrypted", "redirects", "protocols", "weak_ciphers", "root", "shows_version"], ["listens"]
            => Any(servers::site);
        "web_roots" ("the folders of web sites"): ["path"], ["world_writable"], [] => One(servers::web_folder);
        "web_root_files" ("the files of web sites"): ["source"], ["guarded"], ["kind", "reach"] => One(servers::web_file);
        "php_settings" ("the settings of PHP"): ["version", "sapi", "pool", "name"], ["value"], [] => One(settings::php);
        "database_servers" ("the databases"): ["engine", "instance"], ["reach", "password_needed", "encryption", "port"],
            ["title"] => Any(servers::database);
        "postgresql_hba" ("who may log in to PostgreSQL"):
            ["cluster", "connection", "database_names", "account_names", "address"], ["method"], ["reach"], if "covered_by is null"
            => One(servers::database_rule);
        "postgresql_settings" ("the settings of PostgreSQL"): ["cluster", "name"], ["value"], [] => One(settings::postgresql);
        "mysql_settings" ("the settings of MySQL"): ["section", "name"], ["value"], [], if "effective" => One(settings::mysql);
        "redis_settings" ("the settings of Redis"): ["instance", "name"], ["value"], [], if "effective"
            => One(settings::redis);
        "memcached_settings" ("the settings of Memcached"): ["instance", "name"], ["value"], [] => One(settings::memcached);
        "mongodb_settings" ("the settings of MongoDB"): ["name"], ["value"], [] => One(settings::mongodb);
        "mail_server" ("the mail server"): ["program"], ["reach", "open_relay", "relays_for", "encryption"], []
            => Any(servers::mail);
        "postfix_settings" ("the settings of Postfix"): ["service", "name"], ["value"], [] => One(settings::postfix);
        "container_engines" ("the programs that run containers"): ["engine"],
            ["open_to_everyone", "reach", "asks_certificate", "remaps_users", "insecure_registries"], []
            => Any(servers::engine);
        "containers" ("the containers"): ["engine", "name"],
            ["image", "running", "privileged", "dangerous_mount", "host_network", "account", "reach"], ["ports"]
            => Any(servers::container);
    }
    Services {
        "services" ("the services"): ["name"], ["unit_file_state", "active_state", "sub_state", "run_as", "program"], ["unit_type"],
            if "name not like '%@%.service' or unit_file_state = 'enabled'" => One(services::service);
        "systemd_timers" ("the timers"): ["name"], ["unit_file_state", "schedule"], [] => One(services::timer);
        "crontab" ("the planned jobs"): ["source", "kind", "username", "command"], ["schedule", "active", "changeable_by"],
            ["changeable_path"], if "kind <> 'at'" => One(services::job);
        "cron_access" ("who may plan jobs"): ["source"], ["usernames"], [] => One(services::job_access);
        "backup_jobs" ("the backups"): ["tool", "source"], ["enabled", "schedule", "elsewhere"], [] => One(services::backup);
        "log_services" ("the programs that keep records"): ["name"], ["installed", "running", "keeps"], []
            => One(services::records);
        "syslog_config" ("the rules for records"): ["program", "action", "selector", "target"], [], []
            => One(services::record_rule);
        "journald_config" ("the settings of the journal"): ["name"], ["value"], [] => One(settings::journal);
        "logrotate" ("the cutting of records"): [], ["scheduled"], [] => One(services::rotation);
        "audit_rules" ("the rules for the kernel's records"): ["stage", "rule"], [], [] => One(settings::audit_rule);
        "auditd_config" ("the settings of auditd"): ["name"], ["value"], [] => One(settings::auditd);
        "time_sync" ("what keeps the clock right"): ["name"], ["running", "synchronised", "servers"], []
            => One(services::clock);
    }
    Files {
        "files" ("the rights of files"): ["path", "why"], ["mode", "username", "changeable_by"],
            ["uid", "package", "package_known", "capabilities"] => One(files::file);
        "important_files" ("the rights of important files"): ["path"],
            ["mode", "username", "groupname", "too_open", "changeable_by"], ["about", "owner_ok"] => One(files::important);
        "home_files" ("the files in home folders"): ["source"], ["readable_by_all", "changeable_by"], ["class"]
            => One(files::at_home);
        "plain_secrets" ("the search for passwords in files"): ["source", "name"], [], [] => One(files::secret);
        "certificates" ("the certificates"): ["source"], ["names", "issuer", "not_after"], ["subject"]
            => One(files::certificate);
        "private_keys" ("the private keys of servers"): ["source"], ["readable_by_all"], [] => One(files::private_key);
        "boot_files" ("the files for starting up"): ["place"], ["writable_by", "name"], [] => One(files::boot_file);
        "service_files" ("the files of services"): ["place"], ["writable_by", "name"], [] => One(files::service_file);
        "ld_preload" ("code put into every program"): ["library"], ["changeable_by"], [] => One(settings::preload);
        "root_path" ("where root's programs are looked for"): ["directory"], ["changeable_by"], []
            => One(settings::root_folder);
    }
    Settings {
        "machine" ("the machine itself"): [],
            ["os_name", "hostname", "kernel", "booted", "kind", "virtualization", "role", "arch", "machine_id"], []
            => Any(settings::machine);
        "boot" ("how the machine starts"): [], ["secure_boot", "password", "loader", "rescue_shell", "newest_kernel"], []
            => Any(settings::boot);
        "kernel_parameters" ("what the kernel is told"): ["name", "stage"], ["value"], [] => One(settings::parameter);
        "system_controls" ("the kernel settings"): ["name"], ["effective_value"], [], if "own" => One(settings::kernel_setting);
        "kernel_modules" ("the parts of the kernel"): ["name"], [], ["taint"] => One(settings::module);
        "modprobe_config" ("the rules for parts of the kernel"): ["action", "module", "value"], [], ["blocks"]
            => One(settings::module_rule);
        "security_modules" ("the kernel's guards"): ["name"], ["enabled", "mode", "enforced"], [] => One(settings::guard);
        "cpu_vulnerabilities" ("the weak spots of the processor"): ["name"], ["status"], [] => One(settings::weakness);
        "umask_settings" ("the rights of new files"): [], ["mask", "readable_by_all", "writable_by_all"], [], if "effective"
            => One(settings::umask);
        "clock" ("the clock"): [], ["timezone"], [] => One(settings::zone);
    }
    Disks {
        "disk_space" ("how full the disks are"): ["path"], ["used_percent", "inodes_used_percent", "size"], []
            => Any(disks::space);
        "block_devices" ("the disks"): ["name"], ["size", "encrypted"], ["kind"],
            if "kind in ('disk', 'partition', 'crypt', 'lvm', 'raid')" => One(disks::device);
        "mounts" ("what is mounted"): ["path"], ["device", "fstype", "read_only", "nosuid", "nodev", "noexec"], [],
            if "category in ('disk', 'network') and path not like '/run/%' and path not like '/var/lib/docker/%'"
            => One(disks::mount);
        "fstab" ("the list of disks (fstab)"): ["device", "path"], ["options", "has_password"], ["fstype"]
            => One(disks::planned_mount);
        "swaps" ("the swap areas"): ["name"], ["size"], [] => One(disks::swap);
    }
    Programs {
        "packages" ("the installed programs"): ["name", "arch"], ["version", "held"], [], if "is_installed"
            => One(programs::package);
        "apt_sources" ("where programs come from"): ["uri", "suite"], ["enabled", "unsigned_allowed", "signed_by"],
            ["third_party", "is_security"], if "kind = 'deb'" => One(programs::source);
        "unattended_upgrades" ("whether updates install themselves"): [], ["works", "excluded", "restarts"], []
            => One(programs::automatic);
        "updates" ("the updates that wait"): ["name", "arch"], ["is_security"], ["candidate"] => One(programs::waiting);
        "reboot_required" ("whether a restart is needed"): ["reason"], [], ["wanted"] => One(programs::restart);
        "apt_config" ("the settings of apt"): ["name"], ["value"], [] => One(programs::apt_setting);
    }
}
