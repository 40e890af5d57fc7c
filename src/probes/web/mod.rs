//! Web servers as their configuration makes them: nginx and Apache with includes followed, the sites they serve, the
//! folders they show to the world, and PHP behind them. No page is fetched.

mod apache;
mod apache_sites;
mod nginx;
mod nginx_sites;
mod php;
mod roots;
#[cfg(test)]
mod tests;

use super::{
    Probe, ProbeError, USUAL_LIMIT,
    servers::{self, beside},
    services::jobs,
};
use crate::{
    fact_table,
    facts::{Facts, Gap, Row as _},
    host::Host,
};

fact_table! {
    /// Web servers installed here.
    "web_servers" => WebServer {
        /// Main settings file.
        source: String,
        /// Line that names the account of its workers.
        line: Option<i64>,
        /// `nginx` or `apache`.
        program: String,
        /// Whether it is running; null in an image and where processes are hidden.
        running: Option<bool>,
        /// Account under which its workers run.
        worker: Option<String>,
    }
    offline: true,
    examples: ["select program, running, worker from web_servers"],
}

fact_table! {
    /// Web sites that nginx and Apache serve, with the settings that count for each.
    "web_sites" => WebSite {
        /// File it is set up in.
        source: String,
        /// Line where it begins.
        line: Option<i64>,
        /// `nginx` or `apache`.
        program: String,
        /// Its names, separated by spaces; `_` when it has none.
        name: String,
        /// Addresses and ports it listens on, separated by spaces.
        listens: String,
        /// From where it can be reached: `any`, `private`, `loopback`, `none`, `unknown`.
        reach: String,
        /// Whether it is served encrypted on one of them.
        encrypted: bool,
        /// Whether it only sends visitors on to an encrypted address.
        redirects: bool,
        /// Folder it shows; null when it has none.
        root: Option<String>,
        /// Whether answers tell the version of the server.
        shows_version: bool,
        /// Versions of encryption it allows, separated by spaces; null when not encrypted.
        protocols: Option<String>,
        /// Whether the ciphers are set so that even the oldest versions work (`@SECLEVEL=0`).
        weak_ciphers: bool,
        /// Headers it adds to answers, lower case, separated by spaces.
        headers: String,
    }
    offline: true,
    examples: ["select name, listens, encrypted, redirects, root from web_sites where reach = 'any'"],
}

fact_table! {
    /// Directives of nginx in order, includes followed.
    "nginx_directives" => NginxDirective {
        /// File it stands in.
        source: String,
        /// Line in that file.
        line: i64,
        /// Blocks around it, such as `http/server/location`; empty at the top.
        context: String,
        /// Number of the innermost block around it, 0 at the top.
        block: i64,
        /// Number of the `server` block around it.
        server: Option<i64>,
        /// Arguments of the innermost block, such as `/files/` for a location.
        block_args: String,
        /// Its name.
        directive: String,
        /// Its arguments, separated by spaces.
        args: String,
    }
    offline: true,
    examples: ["select source, line, context, directive, args from nginx_directives where directive = 'listen'"],
}

fact_table! {
    /// Directives of Apache in order, includes followed, parts for modules that are off left out.
    "apache_directives" => ApacheDirective {
        /// File it stands in.
        source: String,
        /// Line in that file.
        line: i64,
        /// Sections around it, such as `VirtualHost/Directory`; empty at the top.
        context: String,
        /// Number of the innermost section around it, 0 at the top.
        block: i64,
        /// Number of the `VirtualHost` around it.
        site: Option<i64>,
        /// Arguments of the innermost section, such as `/var/www/`.
        block_args: String,
        /// Its name in lower case.
        directive: String,
        /// Its arguments, separated by spaces, with variables filled in.
        args: String,
    }
    offline: true,
    examples: ["select source, line, context, block_args, args from apache_directives where directive = 'options'"],
}

fact_table! {
    /// Settings of PHP that decide on safety, for each way in which PHP is run.
    "php_settings" => PhpSetting {
        /// File it stands in; `built-in default` when in none.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// PHP version, such as `8.2`.
        version: String,
        /// How it is run: `fpm`, `apache2`, `cgi` or `cli`.
        sapi: String,
        /// Pool of PHP-FPM that sets it for itself.
        pool: Option<String>,
        /// Name, such as `display_errors`.
        name: String,
        /// Value.
        value: String,
    }
    offline: true,
    examples: ["select version, sapi, name, value from php_settings where name = 'display_errors'"],
}

fact_table! {
    /// Folders that web servers show to the world.
    "web_roots" => WebRoot {
        /// Settings file that names it.
        source: String,
        /// Line in that file.
        line: Option<i64>,
        /// The folder.
        path: String,
        /// Site that shows it.
        site: String,
        /// From where that site can be reached.
        reach: String,
        /// Owner's number.
        uid: i64,
        /// Rights, four octal digits.
        mode: String,
        /// Whether everyone on this machine may change it.
        world_writable: bool,
    }
    offline: true,
    examples: ["select path, site, reach, mode from web_roots"],
}

fact_table! {
    /// Files below a web server's folders (two levels deep) that are seldom meant for visitors.
    "web_root_files" => WebRootFile {
        /// The file or folder itself.
        source: String,
        /// What it is: `git`, `svn`, `env`, `dump`, `backup`, `key`, `settings`.
        kind: String,
        /// The web server's folder.
        root: String,
        /// From where the site can be reached.
        reach: String,
        /// Whether the web server's settings seem to keep such files back.
        guarded: bool,
    }
    offline: true,
    examples: ["select source, kind, guarded from web_root_files"],
}

/// The probe.
pub const PROBE: Probe = Probe {
    name: "web",
    about: "how the web servers are set up",
    tables: &[
        WebServer::TABLE,
        WebSite::TABLE,
        NginxDirective::TABLE,
        ApacheDirective::TABLE,
        PhpSetting::TABLE,
        WebRoot::TABLE,
        WebRootFile::TABLE,
    ],
    limit: USUAL_LIMIT,
    run,
};

/// A folder that a site shows.
struct Shown {
    path: String,
    site: String,
    reach: String,
    source: String,
    line: i64,
    /// Whether names that begin with a dot are kept back.
    hides_dots: bool,
    /// Whether its files are not sent at all: everything goes to a program.
    passed_on: bool,
}

fn run(host: &Host, facts: &mut Facts) -> Result<(), ProbeError> {
    let processes = jobs::processes(host);
    let runs = |names: &[&str]| processes.as_ref().map(|all| jobs::runs(host, all, names));
    let mut shown = Vec::new();
    const NO_NGINX: &str = "nginx is not installed";
    const NO_APACHE: &str = "Apache is not installed";
    let (nginx, apache) = (nginx::installed(host), apache::installed(host));
    if nginx {
        let config = nginx::read(host, facts);
        nginx::push(&config, facts);
        nginx_sites::push(host, &config, runs(&["nginx"]), facts, &mut shown);
    } else {
        facts.absent::<NginxDirective>(NO_NGINX);
    }
    if apache {
        let config = apache::read(host, facts);
        apache::push(&config, facts);
        apache_sites::push(host, &config, runs(&["apache2", "httpd"]), facts, &mut shown);
    } else {
        facts.absent::<ApacheDirective>(NO_APACHE);
    }
    if !nginx && !apache {
        const NONE: &str = "no web server is installed";
        facts.absent::<WebServer>(NONE);
        facts.absent::<WebSite>(NONE);
        facts.absent::<WebRoot>(NONE);
        facts.absent::<WebRootFile>(NONE);
    } else if let Some(gap) = jobs::hidden(host) {
        facts.partial::<WebServer>(gap);
    }
    roots::push(host, shown, facts);
    php::read(host, facts);
    Ok(())
}

/// Files that the settings of the installed web servers name as certificate or key, with the server.
pub(crate) fn certificates(host: &Host) -> Vec<(String, &'static str)> {
    // What cannot be read is told by this probe itself.
    let mut facts = Facts::new();
    let mut found = Vec::new();
    if nginx::installed(host) {
        let config = nginx::read(host, &mut facts);
        let named = config.directives.iter().filter(|d| matches!(&*d.name, "ssl_certificate" | "ssl_certificate_key"));
        found.extend(named.filter_map(|d| Some((beside(&config.path, d.args.first()?), "nginx"))));
    }
    if apache::installed(host) {
        let config = apache::read(host, &mut facts);
        let named = |d: &&apache::Directive| matches!(&*d.name, "sslcertificatefile" | "sslcertificatekeyfile");
        let named = config.directives.iter().filter(named);
        found.extend(named.filter_map(|d| Some((config.place(d.args.first()?), "apache"))));
    }
    found
}

/// An access log that a web server writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccessLog {
    pub path: String,
    pub format: LogFormat,
}

/// The form of a line, in the language of the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogFormat {
    /// `$remote_addr … $status`.
    Nginx(String),
    /// `%h … %>s`.
    Apache(String),
}

/// The access logs of the installed web servers, each with its form.
pub(crate) fn access_logs(host: &Host) -> Vec<AccessLog> {
    let mut facts = Facts::new();
    let mut found = Vec::new();
    if nginx::installed(host) {
        found.extend(nginx::read(host, &mut facts).access_logs());
    }
    if apache::installed(host) {
        found.extend(apache::read(host, &mut facts).access_logs());
    }
    found
}

/// Settings that have no end are read to our own, and that is told.
fn too_much<R: crate::facts::Row>(facts: &mut Facts, what: &str, path: &str) {
    partial::<R>(facts, Gap::new(what, path, servers::too_much()));
}

/// A file that could not be read is a gap of everything that is worked out from it.
fn gap<R: crate::facts::Row>(facts: &mut Facts, what: &str, path: &str, error: &crate::host::ReadError) {
    partial::<R>(facts, Gap::new(what, path, error.reason()));
}

fn partial<R: crate::facts::Row>(facts: &mut Facts, gap: Gap) {
    facts.partial::<R>(gap.clone());
    facts.partial::<WebSite>(gap.clone());
    facts.partial::<WebRootFile>(gap);
}
